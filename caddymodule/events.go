package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// Latchkey emits four events of Caddy's (global option `events`): sign_in, sign_out, session_revoked and access_denied.
// Their data names sessions, people and policies, and holds nothing that opens anything.

// eventDenied: a request was refused by a policy or by what a site admits.
const eventDenied = "access_denied"

// byAdministrator is who ended a session, in data "by" of session_revoked.
const byAdministrator = "administrator"

// provisionEvents finds Caddy's events app, which there is whether or not anybody subscribes.
func (a *App) provisionEvents(ctx caddy.Context) error {
	app, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	a.rt.events, _ = app.(*caddyevents.App)
	return nil
}

// emit tells whoever subscribes. It runs their handlers before it returns, as Caddy does.
func (a *App) emit(event string, data map[string]any) {
	if a.rt.events != nil && a.rt.events.ShouldEmit(event) {
		a.rt.events.Emit(a.rt.ctx, event, data)
	}
}

// denied tells of a refusal. who is nil for an anonymous client.
func (h *Handler) denied(v *signin.Visit, who *session.Record, d *policy.Decision) {
	app := h.rt.app
	if app.rt.events == nil || !app.rt.events.ShouldEmit(eventDenied) {
		return
	}
	data := map[string]any{
		"app": h.rt.site.App, "reason": string(d.Reason), "ip": v.IP.String(), "request_id": v.RequestID,
	}
	if who != nil {
		data["session"], data["provider"], data["user_name"] = who.ID.Short(), who.Provider, who.User
		data["user_issuer"], data["user_subject"] = who.Identity.Issuer, who.Identity.Subject
	}
	app.emit(eventDenied, data)
}
