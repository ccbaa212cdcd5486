package app

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latchkey-gateway/latchkey/session/signin"
)

// running is the configuration of this process that serves, for whoever is not part of it: the admin API, which Caddy
// provisions before the apps and replaces even when a reload fails.
var running registry

// registry knows the apps that have started and not stopped, in the order of their start. During a reload there are
// two for a moment; if the reload fails after the new one has started, the old one is the current one again.
type registry struct {
	current atomic.Pointer[App]

	mu      sync.Mutex
	started []*App
}

// errNotRunning: no configuration that is loaded has the latchkey option.
var errNotRunning = errors.New("latchkey is not configured here: the configuration that runs has no latchkey option")

// add makes an app the current one, when it starts.
func (r *registry) add(a *App) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = append(r.started, a)
	r.current.Store(a)
}

// remove takes an app out, when it stops. One that is not in is no error.
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

// currentService returns the service of the configuration that runs; nil if none does or its service is not made yet.
func currentService() *signin.Service {
	if a := running.current.Load(); a != nil {
		return a.ready.Load()
	}
	return nil
}

// Enter makes an app the current one.
func Enter(a *App) { running.add(a) }

// Leave takes an app out. One that is not in is no error.
func Leave(a *App) { running.remove(a) }

// Current returns the app of the configuration that runs, or errNotRunning.
func Current() (*App, error) { return running.app() }

func (r *registry) app() (*App, error) {
	if a := r.current.Load(); a != nil {
		return a, nil
	}
	return nil, errNotRunning
}
