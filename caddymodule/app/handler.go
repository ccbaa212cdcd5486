package app

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler protects a site with Latchkey. It must be the only such handler in its site and come before everything that
// it protects. It does three things, in this order:
//
// It scrubs every request: it removes identity headers, connection options and Latchkey's own cookies, so that a client
// cannot send them to the application. It answers paths that two parsers can read differently with 400.
//
// It serves the sign-in endpoints under `/.latchkey/`, regardless of `match`.
//
// It guards the requests that `match` selects. A user who is not signed in is sent to sign in; a request that is not a
// navigation gets a 401 instead. A user who may not enter gets a 403. For all other users it sets the identity headers
// and placeholders. Requests that `match` does not select pass, scrubbed and without identity.
type Handler struct {
	config.Site

	app  *App
	site *site.Site
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.latchkey", New: func() caddy.Module { return new(Handler) }}
}

// Provision compiles the configuration of the site together with that for all sites.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := ctx.AppIfConfigured("latchkey")
	switch {
	case errors.Is(err, caddy.ErrNotConfigured):
		return fmt.Errorf("the global option latchkey is missing: %w", err)
	case err != nil:
		return err // the error already names the app latchkey
	}
	if err := app.(*App).metrics.in(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if err := h.provision(ctx, app.(*App)); err != nil {
		return err
	}
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	h.site.SetLogged(server == nil || server.Logs != nil)
	h.app.lintSite(h.site, server, h.app.routes.of(server).Readable(server))
	return nil
}

// provision is Provision with a given app, which may differ from the app of ctx.
func (h *Handler) provision(ctx caddy.Context, app *App) (err error) {
	h.app = app
	if h.site, err = site.New(ctx, &h.Site, &app.tenant); err != nil {
		return err
	}
	app.addSite(h.site)
	return nil
}

// ServeHTTP serves the sign-in endpoints and guards the rest of the site.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.site.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
