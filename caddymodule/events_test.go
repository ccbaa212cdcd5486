package caddymodule

import (
	"context"
	"net/netip"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// heard collects events as a subscriber gets them.
type heard struct{ all []caddy.Event }

func (h *heard) Handle(_ context.Context, e caddy.Event) error {
	h.all = append(h.all, e)
	return nil
}

// Subscribers of Caddy's get the events with data of ours, and those whom nobody subscribes to cost nothing and fail
// nothing.
func TestEvents(t *testing.T) {
	ctx, err := emptyContext()
	if err != nil {
		t.Fatal(err)
	}
	app := new(App)
	app.rt.ctx = ctx
	h := &Handler{SiteConfig: SiteConfig{App: "wiki"}}
	h.rt.app, h.rt.site.App = app, "wiki"
	who := &session.Record{User: "ada", Provider: "main", Identity: session.Identity{Issuer: "i", Subject: "s"}}
	v := &signin.Visit{IP: netip.MustParseAddr("203.0.113.9"), RequestID: "r-1"}
	app.emit(signin.EventSignOut, nil)
	h.denied(v, who, &policy.Decision{Reason: "blocked"}) // nobody could listen

	if err := app.provisionEvents(ctx); err != nil || app.rt.events == nil {
		t.Fatalf("the events app was not found: %v", err)
	}
	listener := new(heard)
	app.rt.events = new(caddyevents.App)
	if err := app.rt.events.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{signin.EventSignOut, eventDenied} {
		if err := app.rt.events.On(name, listener); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.rt.events.Start(); err != nil {
		t.Fatal(err)
	}
	app.emit(signin.EventSignIn, nil)
	app.emit(signin.EventSignOut, map[string]any{"session": "x"})
	h.denied(v, who, &policy.Decision{Reason: "blocked"})
	h.denied(v, nil, &policy.Decision{Reason: "blocked"})
	if len(listener.all) != 3 || listener.all[0].Data["session"] != "x" {
		t.Fatalf("heard %v", listener.all)
	}
	data := listener.all[1].Data
	if data["app"] != "wiki" || data["reason"] != "blocked" || data["user_subject"] != "s" || data["ip"] != "203.0.113.9" {
		t.Errorf("access_denied: %v", data)
	}
	if _, has := listener.all[2].Data["user_name"]; has {
		t.Errorf("an anonymous client has a name: %v", listener.all[2].Data)
	}
}
