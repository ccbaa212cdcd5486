package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// findings remembers what was said of a configuration, so that several sites do not say it again.
type findings struct {
	mu   sync.Mutex
	all  map[policy.Finding]bool
	list []policy.Finding // in the order in which they came
}

// isNew reports whether a finding comes for the first time.
func (f *findings) isNew(what policy.Finding) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[what] {
		return false
	}
	if f.all == nil {
		f.all = make(map[policy.Finding]bool)
	}
	f.all[what] = true
	return true
}

func (f *findings) add(what policy.Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, what)
}

// warn says in the log what is legal and hardly meant.
func (a *App) warn(found []policy.Finding) {
	for _, f := range found {
		if a.rt.said.isNew(f) {
			what := "policy is hardly meant so"
			if f.Policy == "" {
				what = "directive latchkey is hardly meant so"
			}
			a.rt.said.add(f)
			a.rt.logger.Warn(what, zap.String("policy", f.Policy), zap.String("app", f.Site),
				zap.String("problem", f.Problem), zap.String("position", f.Position))
		}
	}
}

// lint warns of what the policies for all sites, those of this one, and the routes around it, hardly are meant to be. server
// is the one that the site belongs to, or nil; routes are those of its that can be read now.
func (h *Handler) lint(server *caddyhttp.Server, routes caddyhttp.RouteList) {
	a := h.rt.app
	tenant := policy.Config{Networks: a.rt.networks, Policies: a.rt.policies}
	site := policy.Config{Networks: a.rt.networks, Sites: h.rt.rules.Sites}
	if a.rt.said.isNew(policy.Finding{}) { // the first site speaks for all
		a.warn(policy.Lint(tenant))
		a.warn(policy.LintProviders(tenant, a.sources(nil)))
		a.warn(overdue("", a.Policies, time.Now()))
		a.warnOfPrompts()
	}
	a.warn(policy.LintSite(h.rt.rules, 0))
	a.warn(policy.LintProviders(site, a.sources(h.rt.site.Providers)))
	a.warn(overdue(h.App, h.Policies, time.Now()))
	a.lintRewrites(routes)
	for _, f := range lint.Order(routes) {
		a.warn([]policy.Finding{{Position: f.Position, Site: f.App, Problem: f.Problem}})
	}
	if forgeable(server) {
		a.warn(byAddress("", a.Policies, a.Networks))
		a.warn(byAddress(h.App, h.Policies, a.Networks))
	}
}

// readable are the routes of a server that can be read while its sites are provisioned. Routes are provisioned in their order,
// and keep what they are made of until then: what is being provisioned is in the next one.
func readable(server *caddyhttp.Server) caddyhttp.RouteList {
	if server == nil {
		return nil
	}
	next := slices.IndexFunc(server.Routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 })
	return server.Routes[:next+1]
}

// sources are what providers can say about people: those that are named, or all.
func (a *App) sources(names []string) (list []policy.Provider) {
	for _, p := range a.rt.providers {
		if names != nil && !slices.Contains(names, p.Name) {
			continue
		}
		c := &p.Claims
		list = append(list, policy.Provider{
			Name: p.Name, NoMFA: noMFA(p), Guests: c.GuestClaim != "",
			Compliant: c.Compliant != "", Managed: c.Managed != "", Shared: c.SharedDevice != "",
			SignInRisk: c.SignInRisk != "", UserRisk: c.UserRisk != "",
		})
	}
	return list
}

// noMFA says why nobody can show a second factor to a provider's satisfaction, or nothing. That amr is there where it
// is asked for is what OpenID providers do; Entra's v2.0 tokens have none (A1).
func noMFA(p *oidc.Provider) string {
	if len(p.Claims.MFAContexts) > 0 || !isEntra(p.Issuer) {
		return ""
	}
	return "the v2.0 tokens of Microsoft Entra ID carry no amr, which would tell; require an authentication context, as in acr:c1"
}

// isEntra reports whether an issuer is Microsoft Entra ID with tokens of version 2.0.
func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/v2.0") {
		return false
	}
	switch host := strings.ToLower(u.Hostname()); {
	case host == "login.microsoftonline.com", host == "login.microsoftonline.us", host == "login.partner.microsoftonline.cn",
		strings.HasSuffix(host, ".ciamlogin.com"):
		return true
	}
	return false
}

// forgeable reports whether a client of the server can choose the address that it is taken for: if it trusts proxies
// and takes the first address of X-Forwarded-For, which comes from the client, instead of the last honest one. Caddy
// shows whether proxies are trusted to nobody, so it is read through reflection; where a later Caddy calls it
// something else, nothing is said.
func forgeable(server *caddyhttp.Server) bool {
	if server == nil || server.TrustedProxiesStrict > 0 {
		return false
	}
	if len(server.TrustedProxiesRaw) > 0 { // it is not provisioned
		return true
	}
	trusted := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	return server.TrustedProxiesUnix || trusted.Kind() == reflect.Interface && !trusted.IsNil()
}

// byAddress finds policies that depend on the address of the client.
func byAddress(site string, policies []*Policy, networks []*Network) (found []policy.Finding) {
	shared := slices.ContainsFunc(networks, func(n *Network) bool { return n.Shared })
	for _, p := range policies {
		if p.Mode != policy.Off && (p.namesNetworks() || shared && p.asksForShared() || p.matchesAddresses()) {
			found = append(found, policy.Finding{
				Position: p.Position, Site: site, Policy: p.Name,
				Problem: "it depends on the address of the client, which the client can choose: the server trusts proxies without trusted_proxies_strict",
			})
		}
	}
	return found
}

func (p *Policy) namesNetworks() bool {
	return p.Include != nil && len(p.Include.Networks) > 0 || p.Exclude != nil && len(p.Exclude.Networks) > 0
}

func (p *Policy) asksForShared() bool {
	return p.When != nil && slices.ContainsFunc(p.When.Devices, func(d DeviceWhen) bool { return d.Attribute == policy.Shared })
}

// matchesAddresses looks for Caddy's own matcher of client addresses, as it was before the matchers were loaded.
func (p *Policy) matchesAddresses() bool {
	return slices.ContainsFunc(p.matched, func(set caddy.ModuleMap) bool { return hasClientIP(set) })
}

func hasClientIP(set map[string]json.RawMessage) bool {
	if _, ok := set["client_ip"]; ok {
		return true
	}
	var not []map[string]json.RawMessage
	return set["not"] != nil && json.Unmarshal(set["not"], &not) == nil && slices.ContainsFunc(not, hasClientIP)
}

// warnOfApps says which policies name an app that no site has. It takes all sites to know.
func (a *App) warnOfApps() {
	apps := a.apps()
	var found []policy.Finding
	for _, p := range a.Policies {
		for _, as := range []*Assignment{p.Include, p.Exclude} {
			if as == nil || p.Mode == policy.Off {
				continue
			}
			for _, app := range as.Apps {
				if !slices.Contains(apps, app) {
					found = append(found, policy.Finding{
						Position: p.Position, Policy: p.Name, Problem: fmt.Sprintf("no site is the app %q%s", app, suggestion(app, apps)),
					})
				}
			}
		}
	}
	a.warn(found)
}
