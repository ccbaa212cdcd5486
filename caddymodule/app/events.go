package app

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// Latchkey emits four events of Caddy's (global option `events`): sign_in, sign_out, session_revoked and access_denied.
// Their data names sessions, people and policies, and holds nothing that opens anything.

// provisionEvents finds Caddy's events app, which there is whether or not anything subscribes.
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

// Emit tells the handlers that subscribe. It runs them before it returns, as Caddy does.
func (a *App) Emit(event string, data map[string]any) {
	if a.ShouldEmit(event) {
		a.events.Emit(a.ctx, event, data)
	}
}
