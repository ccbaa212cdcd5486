package app

import (
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// warn says in the log what is legal and hardly meant.
func (a *App) warn(found []policy.Finding) {
	for _, f := range found {
		if a.said.isNew(f) {
			what := "policy is very likely a mistake"
			if f.Policy == "" {
				what = "directive latchkey is very likely a mistake"
			}
			a.said.add(f)
			a.logger.Warn(what, zap.String("policy", f.Policy), zap.String("app", f.Site),
				zap.String("problem", f.Problem), zap.String("position", f.Position))
		}
	}
}

// lintSite warns of what the policies for all sites, those of this one, and the routes around it, hardly are meant to be. server
// is the one that the site belongs to, or nil; routes are those of its that can be read now.
func (a *App) lintSite(h *site.Site, server *caddyhttp.Server, routes caddyhttp.RouteList) {
	tenant := policy.Config{Networks: a.tenant.Networks, Policies: a.tenant.Policies}
	site := policy.Config{Networks: a.tenant.Networks, Sites: h.Rules.Sites}
	if a.said.isNew(policy.Finding{}) { // the first site speaks for all
		a.warn(policy.Lint(tenant))
		a.warn(policy.LintProviders(tenant, lint.Sources(a.tenant.Providers, nil)))
		a.warn(lint.Overdue("", a.Policies, time.Now()))
		a.warnOfPrompts()
	}
	a.warn(policy.LintSite(h.Rules, 0))
	a.warn(policy.LintProviders(site, lint.Sources(a.tenant.Providers, h.SignIn.Providers)))
	a.warn(lint.Overdue(h.App, h.Policies, time.Now()))
	a.warn(lint.Rewrites(routes, a.Policies))
	for _, f := range lint.Order(routes) {
		a.warn([]policy.Finding{{Position: f.Position, Site: f.App, Problem: f.Problem}})
	}
	if lint.Forgeable(server) {
		a.warn(lint.ByAddress("", a.Policies, a.Networks))
		a.warn(lint.ByAddress(h.App, h.Policies, a.Networks))
	}
}

// warnOfApps says which policies name an app that no site has. It takes all sites to know.
func (a *App) warnOfApps() {
	e := a.Estate()
	a.warn(lint.Apps(a.Policies, e.Apps()))
}

// warnOfPrompts says in the log what lint.Prompt finds. doctor has it from there, with the rest about a provider.
func (a *App) warnOfPrompts() {
	for _, p := range a.tenant.Providers {
		for _, f := range lint.Prompt(p.AuthParams["prompt"], lint.Unasked(&a.tenant.Prompt)) {
			a.logger.Warn("provider setting is very likely a mistake", zap.String("provider", p.Name), zap.String("problem", f.Text))
		}
	}
}
