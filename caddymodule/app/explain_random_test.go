package app_test

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/policy"
)

func draw[T any](rt *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(rt, label)
}

func some[T comparable](rt *rapid.T, label string, values ...T) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, 2, rapid.ID).Draw(rt, label)
}

func randomAssignment(rt *rapid.T, tenant bool) *config.Assignment {
	if draw(rt, "assigned", true, false) {
		return nil
	}
	a := &config.Assignment{
		Guests:    draw(rt, "guests", false, false, true),
		Groups:    some(rt, "groups", "admins", "staff", "contractors"),
		Users:     some(rt, "users", "alice", "Bob", "alice@example.com", "subject"),
		Domains:   some(rt, "domains", "example.com", "Partner.example"),
		Providers: some(rt, "providers", "entra", "partner"),
		From:      randomFrom(rt),
		Networks:  some(rt, "networks", "office", "kiosks", policy.TrustedNetworks),
	}
	if tenant {
		a.Apps = some(rt, "apps", "wiki", "admin")
	}
	return a
}

func randomFrom(rt *rapid.T) (from []config.PeopleFrom) {
	for _, provider := range some(rt, "from", "entra", "partner") {
		from = append(from, draw(rt, "whom from",
			config.PeopleFrom{Provider: provider, Groups: []string{"admins", "staff"}},
			config.PeopleFrom{Provider: provider, Users: []string{"Alice", "bob"}},
			config.PeopleFrom{Provider: provider, Domains: []string{"example.com"}},
		))
	}
	return from
}

func randomPolicy(rt *rapid.T, name string, tenant bool) *config.Policy {
	p := &config.Policy{
		Name:    name,
		Mode:    draw(rt, "mode", policy.On, policy.On, policy.ReportOnly, policy.Off),
		Include: randomAssignment(rt, tenant), Exclude: randomAssignment(rt, tenant),
	}
	if draw(rt, "when", true, false) {
		p.When = &config.When{
			Platforms:  some(rt, "platforms", policy.IOS, policy.Linux, policy.PlatformUnknown),
			Clients:    some(rt, "clients", policy.Browser, policy.Other),
			SignInRisk: some(rt, "risk", policy.RiskLow, policy.RiskMedium, policy.RiskHigh),
			UserRisk:   some(rt, "user risk", policy.RiskUnknown, policy.RiskHigh),
		}
		if draw(rt, "device", true, false) {
			p.When.Devices = []config.DeviceWhen{{Attribute: draw(rt, "attribute", policy.Compliant, policy.Managed, policy.Shared, policy.Bound), Not: draw(rt, "not", true, false)}}
		}
	}
	if draw(rt, "matched", true, false) {
		p.MatchRaw = caddyhttp.RawMatcherSets{draw(rt, "match",
			caddy.ModuleMap{"path": json.RawMessage(`["/users/*"]`)},
			caddy.ModuleMap{"method": json.RawMessage(`["POST", "DELETE"]`), "path": json.RawMessage(`["/a", "/users/1"]`)},
			caddy.ModuleMap{"expression": json.RawMessage(`"{http.request.host} == 'wiki.example.com' && path('/a*')"`)},
			caddy.ModuleMap{"header": json.RawMessage(`{"X-Danger": ["yes"]}`), "protocol": json.RawMessage(`"https"`)},
			caddy.ModuleMap{"header": json.RawMessage(`{"Early-Data": ["*"]}`)},
			caddy.ModuleMap{"client_ip": json.RawMessage(`{"ranges": ["203.0.113.0/28"]}`)},
			caddy.ModuleMap{"expression": json.RawMessage(`"int({http.request.host}) > 0"`)}, // fails
		)}
	}
	switch draw(rt, "effect", "block", "mfa", "acr", "any", "device", "frequency", "every_time", "persistent", "bound") {
	case "block":
		p.Block = true
	case "mfa":
		p.Require = []string{"mfa"}
	case "acr":
		p.Require = []string{"acr:c1", "mfa"}
	case "any":
		p.RequireAny = []string{"compliant_device", "acr:c2"}
	case "device":
		p.Require = []string{"compliant_device"}
	case "bound":
		p.Require = []string{"bound_session"}
	case "frequency":
		p.SignInFrequency = &config.SignInFrequency{Interval: caddy.Duration(time.Hour)}
	case "every_time":
		p.SignInFrequency = &config.SignInFrequency{EveryTime: true}
	case "persistent":
		p.MatchRaw, p.PersistentBrowser = nil, draw(rt, "persistent", policy.Always, policy.Never)
	}
	return p
}

func randomConfig(rt *rapid.T) (*config.App, *config.Site) {
	app := &config.App{
		Providers: []*config.Provider{
			{Name: "entra", Issuer: "http://127.0.0.1:9", ClientID: "gateway"},
			{Name: "partner", Issuer: "http://127.0.0.1:9/partner", ClientID: "gateway", MFAACR: []string{"c2"}, TrustUserNames: draw(rt, "trusts user names", false, true)},
		},
		Networks: []*config.Network{
			{Name: "office", Trusted: true, Ranges: []string{"203.0.113.0/24"}},
			{Name: "kiosks", Shared: true, Ranges: []string{"203.0.113.16/28", "2001:db8::/32"}},
		},
	}
	// What no configuration may say is left out.
	for i := range rapid.IntRange(0, 6).Draw(rt, "policies") {
		all := app.Policies
		app.Policies = append(all, randomPolicy(rt, "p"+string(rune('0'+i)), true))
		if config.CheckPolicies(app, nil) != nil {
			app.Policies = all
		}
	}
	site := &config.Site{App: "wiki", Origins: []string{toolsOrigin}, Cors: draw(rt, "cors", nil, []string{scriptOrigin}), Providers: draw(rt, "site providers", nil, []string{"entra"}, []string{"partner", "entra"})}
	for i := range rapid.IntRange(0, 3).Draw(rt, "own policies") {
		all := site.Policies
		site.Policies = append(all, randomPolicy(rt, "s"+string(rune('0'+i)), false))
		if config.CheckPolicies(app, site) != nil {
			site.Policies = all
		}
	}
	if draw(rt, "allows", false, false, true) {
		site.Allow = &config.Who{
			Groups: []string{"admins", "staff"}, Users: some(rt, "allowed users", "alice", "alice@example.com"),
			Domains: some(rt, "allowed domains", "partner.example"), From: randomFrom(rt),
		}
	}
	if draw(rt, "denies", false, false, true) {
		site.Deny = &config.Who{
			Users: []string{"bob"}, Groups: []string{"contractors"}, Domains: some(rt, "denied domains", "example.com"),
			From: randomFrom(rt),
		}
		if config.CheckPolicies(app, site) != nil { // it also allows one of them
			site.Deny = &config.Who{Users: []string{"carol"}}
		}
	}
	if draw(rt, "guards a part", false, false, true) {
		site.MatchRaw = caddyhttp.RawMatcherSets{{"path": json.RawMessage(`["/users/*", "/a"]`)}}
	}
	return app, site
}

func randomQuery(rt *rapid.T) *explain.Query {
	q := &explain.Query{
		App: "wiki", Host: "wiki.example.com",
		Method: draw(rt, "method", "GET", "POST", "DELETE", "OPTIONS"),
		Path:   draw(rt, "path", "/", "/users/1", "/users/1?x=%2e", "/a", "/A", "/users//1", "/a/..;/b", "/%2e%2e/a", "/.latchkey/no-such-page", "/é"),
		IP:     draw(rt, "ip", "", "203.0.113.3", "203.0.113.17", "192.0.2.1", "2001:db8::1", "::ffff:203.0.113.3"),
	}
	// No navigation, so that whatever is refused is told as JSON.
	q.Header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Mode": {draw(rt, "mode", "cors", "no-cors")}}
	if agent := draw(rt, "agent", "", phone, laptop); agent != "" {
		q.Header.Set("User-Agent", agent)
	}
	if draw(rt, "danger", true, false) {
		q.Header.Set("X-Danger", "yes")
		q.Header.Set("Remote-User", "root")
	}
	randomPage(rt, q)
	if draw(rt, "anonymous", false, false, false, true) {
		q.Anonymous = true
		return q
	}
	q.User, q.Subject = draw(rt, "user", "alice", "BOB", "carol", "Alice@example.com"), "subject"
	q.Email = draw(rt, "email", "", "", "alice@example.com", "bob@PARTNER.example")
	q.Unverified = some(rt, "unverified", "bob", "Alice@Example.com", "carol@partner.example")
	q.Groups = some(rt, "member of", "admins", "staff", "contractors")
	q.GroupsUnknown = draw(rt, "overage", false, false, true)
	q.GroupsUnreadable = draw(rt, "groups unreadable", false, false, false, true)
	q.Guest, q.GuestUnreadable = draw(rt, "guest", false, false, true), draw(rt, "guest unreadable", false, false, true)
	q.Guest = q.Guest && !q.GuestUnreadable
	q.Provider = draw(rt, "provider", "entra", "partner")
	q.MFA = draw(rt, "mfa", false, true)
	q.ACRs = some(rt, "acrs", "c1", "c2")
	if age := draw(rt, "age", 0, time.Minute, 30*time.Minute, 2*time.Hour); age > 0 {
		q.AuthAge = (*caddy.Duration)(&age)
	}
	q.SignInRisk = draw(rt, "sign-in risk", policy.RiskUnknown, policy.RiskUnknown, policy.RiskNone, policy.RiskNone, policy.RiskHigh, policy.RiskUnreadable)
	q.UserRisk = draw(rt, "user risk", policy.RiskUnknown, policy.RiskUnknown, policy.RiskUnknown, policy.RiskHigh, policy.RiskUnreadable)
	q.Compliant = draw(rt, "compliant", policy.Unknown, policy.No, policy.Yes, policy.Unreadable)
	q.Shared = draw(rt, "shared", policy.Unknown, policy.Unknown, policy.No, policy.Yes, policy.Unreadable)
	q.Kind = draw(rt, "kind", "browser", "persistent")
	return q
}

const (
	toolsOrigin  = "https://tools.example.com"
	scriptOrigin = "https://script.example.com"
	sisterOrigin = "https://evil.example.com"
)

// randomPage lets a page send the request, of whatever origin.
func randomPage(rt *rapid.T, q *explain.Query) {
	if origin := draw(rt, "origin", "", "", "https://wiki.example.com", sisterOrigin, toolsOrigin, scriptOrigin); origin != "" {
		q.Header.Set("Origin", origin)
	}
	if site := draw(rt, "site", "", "same-origin", "same-site"); site != "" {
		q.Header.Set("Sec-Fetch-Site", site)
	}
	if draw(rt, "asks by CORS", false, true) {
		q.Header.Set("Access-Control-Request-Method", "PUT")
	}
	if draw(rt, "WebSocket", false, false, false, true) {
		q.Header.Set("Connection", "Upgrade")
		q.Header.Set("Upgrade", "websocket")
	}
	if draw(rt, "early data", false, true) {
		q.Header.Set("Early-Data", "1")
	}
}
