package app

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// Latchkey emits five Caddy events (global option `events`): sign_in, sign_out, session_bound, session_revoked and
// access_denied.
// Their data names sessions, users and policies. It contains no secret that gives access.

// provisionEvents gets Caddy's events app, which exists even without subscribers.
func (a *App) provisionEvents(ctx caddy.Context) error {
	app, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	a.events, _ = app.(*caddyevents.App)
	return nil
}

// ShouldEmit reports whether a handler subscribes to an event.
func (a *App) ShouldEmit(event string) bool { return a.events != nil && a.events.ShouldEmit(event) }

// Emit sends an event to its subscribers. Like Caddy, it runs them before it returns.
func (a *App) Emit(event string, data map[string]any) {
	if a.ShouldEmit(event) {
		a.events.Emit(a.ctx, event, data)
	}
}
