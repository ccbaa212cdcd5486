package app

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latchkey-gateway/latchkey/session/signin"
)

// running is the serving configuration of this process. The admin API uses it: Caddy provisions the admin API before
// the apps, and replaces it even if a reload fails.
var running registry

// registry contains the apps that have started and not stopped, in the order of their start. During a reload there are
// two for a short time. If the reload fails after the new app has started, the old app becomes the current one again.
type registry struct {
	current atomic.Pointer[App]

	mu      sync.Mutex
	started []*App
}

// errNotRunning: the running configuration does not have the latchkey option.
var errNotRunning = errors.New("latchkey is not configured here: the configuration that runs has no latchkey option")

// add makes an app the current one. It is called when the app starts.
func (r *registry) add(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = append(r.started, a)
	r.current.Store(a)
}

// remove removes an app. It is called when the app stops. An app that is not in the registry is not an error.
func (r *registry) remove(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = slices.DeleteFunc(r.started, func(b *App) bool { return b == a })
	if n := len(r.started); n > 0 {
		r.current.Store(r.started[n-1])
		return
	}
	r.current.Store(nil)
}

// currentService returns the service of the running configuration; nil if there is none or it does not exist yet.
func currentService() *signin.Service {
	if a := running.current.Load(); a != nil {
		return a.ready.Load()
	}
	return nil
}

// Enter makes an app the current one.
func Enter(a *App) { running.add(a) }

// Leave removes an app. An app that was not entered is not an error.
func Leave(a *App) { running.remove(a) }

// Current returns the app of the running configuration, or errNotRunning.
func Current() (*App, error) { return running.app() }

func (r *registry) app() (*App, error) {
	if a := r.current.Load(); a != nil {
		return a, nil
	}
	return nil, errNotRunning
}
