package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// handlerRuntime is what a Handler works with once it is provisioned.
type handlerRuntime struct {
	app      *App
	logger   *zap.Logger
	site     signin.Site
	match    ruleMatcher
	rules    policy.Config // what policies is compiled from
	policies *policy.Set
	wanted   wanted
	matchers *matchers
	readings *readings
	form     scrub.Rules
	behind   scrub.Rules // form for what comes from a proxy that Caddy trusts
	headers  []identityHeader
	writer   *identity.Writer
	// assertionOnly are the groups that an assertion has.
	assertionOnly *identity.Only
	activity      activity
	// addressed: a rule looks at the address of the client.
	addressed bool
	unlogged  bool // the server writes no access log
	spelled   atomic.Pointer[spelling]
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
	SiteConfig

	rt handlerRuntime
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
	h.rt.unlogged = server != nil && server.Logs == nil
	h.lint(server, readable(server))
	return nil
}

// provision is Provision with the app given, which need not be the one that ctx belongs to.
func (h *Handler) provision(ctx caddy.Context, app *App) (err error) {
	h.rt.logger, h.rt.app = ctx.Logger(), app
	if err := h.check(&app.AppConfig); err != nil {
		return fmt.Errorf("app %q: %w", h.App, err)
	}
	filled, err := fillIn(&h.SiteConfig)
	if err == nil && filled {
		err = h.check(&app.AppConfig)
	}
	if err != nil {
		return fmt.Errorf("app %q: %w", h.App, err)
	}
	if app.SignInHost != nil {
		if err := checkSiteHosts(h.Hosts); err != nil {
			return fmt.Errorf("app %q: %w", h.App, err)
		}
	}
	h.rt.site = signin.Site{App: h.App, Providers: h.Providers, PromptOff: h.StaySignedInOff, PreservePost: h.PreservePost, Gate: h}
	h.rt.site.Idle = h.idleRules(app)
	h.rt.site.AppData = h.appData()
	if len(h.Providers) == 0 {
		h.rt.site.Providers = []string{h.rt.app.Providers[0].name()}
	}
	if len(h.MatchRaw) > 0 {
		loaded, err := ctx.LoadModule(h, "MatchRaw")
		if err != nil {
			return fmt.Errorf("app %q: match: %w", h.App, err)
		}
		if h.rt.match, err = newRuleMatcher(loaded); err != nil {
			return fmt.Errorf("app %q: match: %w", h.App, err)
		}
	}
	if err := h.provisionPolicies(ctx); err != nil {
		return fmt.Errorf("app %q: %w", h.App, err)
	}
	if h.rt.readings, err = h.readings(); err != nil {
		return fmt.Errorf("app %q: %w", h.App, err)
	}
	h.rt.addressed = h.looksAtAddress()
	h.rt.activity = activityOf(h.Activity)
	if err := h.provisionHeaders(); err != nil {
		return err
	}
	app.addSite(h)
	return nil
}

func (h *Handler) provisionPolicies(ctx caddy.Context) error {
	tenant := &h.rt.app.rt
	h.rt.matchers = &matchers{sets: slices.Clone(tenant.matchers.sets), of: slices.Clone(tenant.matchers.of)}
	own, err := h.rt.matchers.rules(ctx, h.Policies)
	if err != nil {
		return err
	}
	h.rt.app.noteMaxIdle(own)
	h.rt.wanted = wantedBy(tenant.policies, own)
	h.rt.rules = policy.Config{
		Networks: tenant.networks,
		Policies: tenant.policies,
		Sites:    []policy.Site{{App: h.App, Allow: h.Allow.rule(), Deny: h.Deny.rule(), Policies: own}},
	}
	h.rt.policies, err = policy.Compile(h.rt.rules)
	return err
}

// guardedVar marks a request that a Handler has seen, so that a second one on its way does not look for cookies that the
// first has taken off.
const guardedVar = "latchkey.seen"

var errTwice = errors.New("a request met the latchkey directive twice")

// ServeHTTP scrubs the request, serves the endpoints, and guards what is to be guarded, in this order.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	p := newPassage(r)
	if p.vars == nil || p.vars[guardedVar] != nil {
		return caddyhttp.Error(http.StatusInternalServerError, errTwice)
	}
	p.vars[guardedVar] = true

	// Scrubbing comes before everything that can fail, so that no error route sees what a client may not say (A35).
	lines, refused := scrub.Request(r, h.formFrom(p))
	if refused == nil && r.Method == http.MethodConnect {
		next = holdConnect(r, next)
	}
	service, err := h.rt.app.signin()
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	v := &p.visit
	badHost := h.visit(p, r, lines)
	if refused == nil {
		refused = badHost
	}
	if refused == nil {
		refused = p.originalPath(r, &h.rt.form)
	}
	if refused != nil {
		h.malformed(service, w, r, v, refused)
		return nil
	}
	if p.tooEarly(r, h.rt.addressed) {
		sendAgain(w, r)
		return nil
	}
	if sent := p.ownEndpoint(r); sent != nil {
		v.RequestID = requestID(r)
		service.ServeHTTP(w, sent, v)
		return nil
	}
	if err := h.rt.readings.check(r, p.original); err != nil {
		h.malformed(service, w, r, v, err)
		return nil
	}
	if len(h.rt.match.sets) > 0 {
		match, err := h.rt.match.match(r)
		if err != nil {
			// What cannot be told to be open is closed.
			return caddyhttp.Error(http.StatusInternalServerError, fmt.Errorf("matching: %w", err))
		}
		if !match {
			return next.ServeHTTP(w, r)
		}
	}
	return h.guard(service, w, r, p, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ signin.Gate                 = (*Handler)(nil)
)
