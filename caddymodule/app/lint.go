package app

import (
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// warn logs findings: configuration that is legal but very likely a mistake.
func (a *App) warn(found []policy.Finding) {
	for _, f := range found {
		if a.said.isNew(f) {
			what := "policy is very likely a mistake"
			switch {
			case f.Policy != "":
			case f.Site != "":
				what = "directive latchkey is very likely a mistake"
			default:
				what = "session setting is very likely a mistake"
			}
			a.said.add(f)
			a.logger.Warn(what, zap.String("policy", f.Policy), zap.String("app", f.Site),
				zap.String("problem", f.Problem), zap.String("position", f.Position))
		}
	}
}

// lintSite warns about policies for all sites, policies of this site, and the routes around it, if they are very likely
// a mistake. server is the server of the site, or nil; routes are those of its routes that can be read now.
func (a *App) lintSite(h *site.Site, server *caddyhttp.Server, routes caddyhttp.RouteList) {
	tenant := policy.Config{Networks: a.tenant.Networks, Policies: a.tenant.Policies}
	site := policy.Config{Networks: a.tenant.Networks, Sites: h.Rules.Sites}
	if a.said.isNew(policy.Finding{}) { // the first site reports for all sites
		a.warn(policy.Lint(tenant))
		a.warn(policy.LintProviders(tenant, lint.Sources(a.tenant.Providers, nil)))
		a.warn(lint.Overdue("", a.Policies, time.Now()))
		a.warnOfPrompts()
		a.warn(policy.LintBinding(tenant, lint.Binds(a.Session.Binding)))
		for _, problem := range lint.Binding(&a.Session, a.tenant.Prompt.Off, a.Policies) {
			a.warn([]policy.Finding{{Problem: problem}})
		}
	}
	a.warn(policy.LintBinding(site, lint.Binds(a.Session.Binding)))
	if problem := lint.PlainSite(a.Session.Binding, server); problem != "" {
		a.warn([]policy.Finding{{Position: h.Position, Site: h.App, Problem: problem}})
	}
	if len(h.Policies) > 0 {
		a.warn(a.siteLinter.Lint(&h.Rules.Sites[0]))
		a.warn(policy.LintProviders(site, lint.Sources(a.tenant.Providers, h.SignIn.Providers)))
	}
	a.warn(lint.Overdue(h.App, h.Policies, time.Now()))
	order, missing := a.routes.of(server).Follow(routes, a.Policies)
	a.warn(missing)
	for _, f := range order {
		a.warn([]policy.Finding{{Position: f.Position, Site: f.App, Problem: f.Problem}})
	}
	if accepted := (lint.Accepted{Bearer: h.Bearer != nil, Own: h.Tokens}); accepted.Bearer || accepted.Own {
		a.warn(lint.Programs(h.App, accepted, h.Rules))
		for _, problem := range lint.Tokens(h.App, accepted, a.Session.RecheckEvery(), server, routes) {
			a.warn([]policy.Finding{{Position: h.Position, Site: h.App, Problem: problem}})
		}
	}
	if h.ForwardAccessToken != nil {
		a.warn(plainUpstreams(h, routes))
	}
	if lint.Forgeable(server) {
		a.warn(lint.ByAddress("", a.Policies, a.Networks))
		a.warn(lint.ByAddress(h.App, h.Policies, a.Networks))
	}
}

// plainUpstreams finds a site whose app gets access tokens over a network without TLS.
func plainUpstreams(h *site.Site, routes caddyhttp.RouteList) []policy.Finding {
	plain := lint.PlainUpstreams(h.App, routes)
	if len(plain) == 0 {
		return nil
	}
	return []policy.Finding{{Position: h.Position, Site: h.App, Problem: "forward_access_token: the access tokens of users go to " +
		strings.Join(plain, ", ") + " without TLS, and anyone who can read that network can use them: use https:// there"}}
}

// warnOfApps warns about policies that name an app without a site. It runs when all sites are known.
func (a *App) warnOfApps() {
	e := a.Estate()
	a.warn(lint.Apps(a.Policies, e.Apps()))
}

// warnOfPrompts logs the findings of lint.Prompt. The command doctor reads them from there, with its other checks of a
// provider.
func (a *App) warnOfPrompts() {
	for _, p := range a.tenant.Providers {
		for _, f := range lint.Prompt(p.AuthParams["prompt"], lint.Unasked(&a.tenant.Prompt)) {
			a.logger.Warn("provider setting is very likely a mistake", zap.String("provider", p.Name), zap.String("problem", f.Text))
		}
	}
}
