package app

import (
	"errors"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// The current app is the one that started last and still runs, in whatever order a reload starts and stops.
func TestRunning(t *testing.T) {
	var r registry
	is := func(what string, want *App) {
		t.Helper()
		got, err := r.app()
		if got != want || (err == nil) != (want != nil) || err != nil && !errors.Is(err, errNotRunning) {
			t.Errorf("%s: %p, %v, want %p", what, got, err, want)
		}
	}
	first, second, third := new(App), new(App), new(App)
	is("before the start", nil)
	r.add(first)
	is("started", first)
	r.add(second) // a reload
	is("reloading", second)
	r.remove(first)
	is("reloaded", second)
	r.add(third) // one that fails, because another app does not start
	r.remove(third)
	is("a failed reload", second)
	r.remove(third)
	r.remove(first)
	is("stopped again", second)
	r.remove(second)
	is("stopped", nil)
	r.remove(second)
	is("stopped twice", nil)
}

// A stream that outlives a reload tells the service of the configuration that runs; there is none before its first request.
func TestCurrentService(t *testing.T) {
	if currentService() != nil {
		t.Error("a service without a configuration")
	}
	a, service := new(App), signin.New(access.Config{})
	running.add(a)
	defer running.remove(a)
	if currentService() != nil {
		t.Error("a service before it is made")
	}
	a.ready.Store(service)
	if currentService() != service {
		t.Error("not the service of the configuration that runs")
	}
	running.remove(a)
	if currentService() != nil {
		t.Error("the service of a configuration that has stopped")
	}
}
