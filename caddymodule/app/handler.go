package app

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler puts a site behind Latchkey. It stands once in a site, before everything that is to be protected, and does
// three things in this order:
//
// It scrubs every request: identity headers, connection options and Latchkey's own cookies never come from a client or
// go to an upstream, and paths that two parsers read differently are answered with 400.
//
// It serves the sign-in endpoints under `/.latchkey/`, whatever `match` says.
//
// It guards the requests that `match` selects: who is not signed in is sent to sign in (or gets a 401, if the request
// is no navigation), who may not enter gets a 403, and for everybody else the identity headers and placeholders are set.
// Requests that `match` does not select pass, scrubbed and without identity.
type Handler struct {
	config.Site

	app  *App
	site *site.Site
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.latchkey", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles what the site says together with what holds for every site.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := ctx.AppIfConfigured("latchkey")
	switch {
	case errors.Is(err, caddy.ErrNotConfigured):
		return fmt.Errorf("the global option latchkey is missing: %w", err)
	case err != nil:
		return err // which says that it is about the app latchkey
	}
	if err := registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if err := h.provision(ctx, app.(*App)); err != nil {
		return err
	}
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	h.site.SetLogged(server == nil || server.Logs != nil)
	h.app.lintSite(h.site, server, lint.Readable(server))
	return nil
}

// provision is Provision with the app given, which need not be the one that ctx belongs to.
func (h *Handler) provision(ctx caddy.Context, app *App) (err error) {
	h.app = app
	if h.site, err = site.New(ctx, &h.Site, &app.tenant); err != nil {
		return err
	}
	app.addSite(h.site)
	return nil
}

// ServeHTTP serves the endpoints of sign-in and guards the rest of the site.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.site.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
