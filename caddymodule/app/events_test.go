package app

import (
	"context"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// heard collects events as a subscriber gets them.
type heard struct{ all []caddy.Event }

func (h *heard) Handle(_ context.Context, e caddy.Event) error {
	h.all = append(h.all, e)
	return nil
}

// Subscribers of Caddy's get the events with data of ours, and those without a subscriber cost nothing and fail
// nothing.
func TestEvents(t *testing.T) {
	ctx, err := EmptyContext()
	if err != nil {
		t.Fatal(err)
	}
	app := new(App)
	app.ctx = ctx
	app.Emit(access.EventSignOut, nil) // there is no events app yet

	if err := app.provisionEvents(ctx); err != nil || app.events == nil {
		t.Fatalf("the events app was not found: %v", err)
	}
	listener := new(heard)
	app.events = new(caddyevents.App)
	if err := app.events.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{access.EventSignOut, "access_denied"} {
		if err := app.events.On(name, listener); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.events.Start(); err != nil {
		t.Fatal(err)
	}
	app.Emit(access.EventSignIn, nil)
	app.Emit(access.EventSignOut, map[string]any{"session": "x"})
	app.Emit("access_denied", map[string]any{"app": "wiki"})
	if len(listener.all) != 2 || listener.all[0].Data["session"] != "x" || listener.all[1].Data["app"] != "wiki" {
		t.Fatalf("heard %v", listener.all)
	}
}
