package caddymodule

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func init() {
	caddy.RegisterModule(new(memoryStore))
}

// memoryStore is a store for tests that is gone with its last user.
type memoryStore struct {
	Name string `json:"name,omitempty"`
}

func (*memoryStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey.stores.memory_for_tests", New: func() caddy.Module { return new(memoryStore) }}
}

func (m *memoryStore) Identity() string { return "memory:" + m.Name }

func (m *memoryStore) Open(*zap.Logger) (session.Store, error) {
	return storetest.NewMemory(time.Now), nil
}

var testContext = sync.OnceValues(emptyContext)

// testApp is an app with one site, wiki.
func testApp(t interface {
	Helper()
	Fatal(...any)
}, app *App, site *Handler,
) *candidate {
	t.Helper()
	app.StoreRaw = json.RawMessage(`{"driver": "memory_for_tests"}`)
	app.Keys = []string{"a key for tests that has its thirty-two bytes"}
	ctx, err := testContext()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCandidate(ctx, configOf(t, app, site))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func configOf(t interface {
	Helper()
	Fatal(...any)
}, app *App, sites ...*Handler,
) []byte {
	t.Helper()
	type object = map[string]any
	var routes []any
	for _, h := range sites {
		raw, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		fields := object{}
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		fields["handler"] = "latchkey"
		routes = append(routes, object{"handle": []any{object{"handler": "subroute", "routes": []any{object{"handle": []any{fields}}}}}})
	}
	config, err := json.Marshal(object{"apps": object{"latchkey": app, "http": object{"servers": object{"srv0": object{"routes": routes}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func draw[T any](rt *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(rt, label)
}

func some[T comparable](rt *rapid.T, label string, values ...T) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, 2, rapid.ID).Draw(rt, label)
}

func randomAssignment(rt *rapid.T, tenant bool) *Assignment {
	if draw(rt, "assigned", true, false) {
		return nil
	}
	a := &Assignment{
		Guests:    draw(rt, "guests", false, false, true),
		Groups:    some(rt, "groups", "admins", "staff", "contractors"),
		Users:     some(rt, "users", "alice", "bob", "alice@example.com"),
		Providers: some(rt, "providers", "entra", "partner"),
		Networks:  some(rt, "networks", "office", "kiosks", policy.TrustedNetworks),
	}
	if tenant {
		a.Apps = some(rt, "apps", "wiki", "admin")
	}
	return a
}

func randomPolicy(rt *rapid.T, name string, tenant bool) *Policy {
	p := &Policy{
		Name:    name,
		Mode:    draw(rt, "mode", policy.On, policy.On, policy.ReportOnly, policy.Off),
		Include: randomAssignment(rt, tenant), Exclude: randomAssignment(rt, tenant),
	}
	if draw(rt, "when", true, false) {
		p.When = &When{
			Platforms:  some(rt, "platforms", policy.IOS, policy.Linux, policy.PlatformUnknown),
			Clients:    some(rt, "clients", policy.Browser, policy.Other),
			SignInRisk: some(rt, "risk", policy.RiskLow, policy.RiskMedium, policy.RiskHigh),
		}
		if draw(rt, "device", true, false) {
			p.When.Devices = []DeviceWhen{{draw(rt, "attribute", policy.Compliant, policy.Managed, policy.Shared), draw(rt, "not", true, false)}}
		}
	}
	if draw(rt, "matched", true, false) {
		p.MatchRaw = caddyhttp.RawMatcherSets{draw(rt, "match",
			caddy.ModuleMap{"path": json.RawMessage(`["/users/*"]`)},
			caddy.ModuleMap{"method": json.RawMessage(`["POST", "DELETE"]`), "path": json.RawMessage(`["/a", "/users/1"]`)},
			caddy.ModuleMap{"expression": json.RawMessage(`"{http.request.host} == 'wiki.example.com' && path('/a*')"`)},
			caddy.ModuleMap{"header": json.RawMessage(`{"X-Danger": ["yes"]}`), "protocol": json.RawMessage(`"https"`)},
			caddy.ModuleMap{"client_ip": json.RawMessage(`{"ranges": ["203.0.113.0/28"]}`)},
			caddy.ModuleMap{"expression": json.RawMessage(`"int({http.request.host}) > 0"`)}, // fails
		)}
	}
	switch draw(rt, "effect", "block", "mfa", "acr", "any", "device", "frequency", "every_time", "persistent") {
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
	case "frequency":
		p.SignInFrequency = &SignInFrequency{Interval: caddy.Duration(time.Hour)}
	case "every_time":
		p.SignInFrequency = &SignInFrequency{EveryTime: true}
	case "persistent":
		p.MatchRaw, p.PersistentBrowser = nil, draw(rt, "persistent", policy.Always, policy.Never)
	}
	return p
}

func randomConfig(rt *rapid.T) (*App, *Handler) {
	app := &App{
		Providers: []*Provider{
			{Name: "entra", Issuer: "http://127.0.0.1:9", ClientID: "gateway"},
			{Name: "partner", Issuer: "http://127.0.0.1:9/partner", ClientID: "gateway", MFAACR: []string{"c2"}},
		},
		Networks: []*Network{
			{Name: "office", Trusted: true, Ranges: []string{"203.0.113.0/24"}},
			{Name: "kiosks", Shared: true, Ranges: []string{"203.0.113.16/28", "2001:db8::/32"}},
		},
	}
	// What no configuration may say is left out.
	for i := range rapid.IntRange(0, 6).Draw(rt, "policies") {
		all := app.Policies
		app.Policies = append(all, randomPolicy(rt, "p"+string(rune('0'+i)), true))
		if checkPolicies(app, nil) != nil {
			app.Policies = all
		}
	}
	site := &Handler{App: "wiki", Providers: draw(rt, "site providers", nil, []string{"entra"}, []string{"partner", "entra"})}
	for i := range rapid.IntRange(0, 3).Draw(rt, "own policies") {
		all := site.Policies
		site.Policies = append(all, randomPolicy(rt, "s"+string(rune('0'+i)), false))
		if checkPolicies(app, site) != nil {
			site.Policies = all
		}
	}
	if draw(rt, "allows", false, false, true) {
		site.Allow = &Who{Groups: []string{"admins", "staff"}}
	}
	if draw(rt, "denies", false, false, true) {
		site.Deny = &Who{Users: []string{"bob"}, Groups: []string{"contractors"}}
	}
	if draw(rt, "guards a part", false, false, true) {
		site.MatchRaw = caddyhttp.RawMatcherSets{{"path": json.RawMessage(`["/users/*", "/a"]`)}}
	}
	return app, site
}

func randomQuery(rt *rapid.T) *Query {
	q := &Query{
		App: "wiki", Host: "wiki.example.com",
		Method: draw(rt, "method", "GET", "POST", "DELETE"),
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
	if draw(rt, "anonymous", false, false, false, true) {
		q.Anonymous = true
		return q
	}
	q.User, q.Subject = draw(rt, "user", "alice", "bob", "carol"), "subject"
	q.Email = draw(rt, "email", "", "alice@example.com")
	q.Groups = some(rt, "member of", "admins", "staff", "contractors")
	q.GroupsUnknown = draw(rt, "overage", false, false, true)
	q.Guest = draw(rt, "guest", false, true)
	q.Provider = draw(rt, "provider", "entra", "partner")
	q.MFA = draw(rt, "mfa", false, true)
	q.ACRs = some(rt, "acrs", "c1", "c2")
	if age := draw(rt, "age", 0, time.Minute, 30*time.Minute, 2*time.Hour); age > 0 {
		q.AuthAge = (*caddy.Duration)(&age)
	}
	q.SignInRisk = draw(rt, "sign-in risk", policy.RiskUnknown, policy.RiskNone, policy.RiskHigh)
	q.Compliant = draw(rt, "compliant", policy.Unknown, policy.No, policy.Yes)
	q.Shared = draw(rt, "shared", policy.Unknown, policy.Yes)
	q.Kind = draw(rt, "kind", "browser", "persistent")
	return q
}

// answer is what the gateway really does.
type answer struct {
	status int
	passed bool
	Reason string `json:"reason"`
	Code   int    `json:"code"`
}

// realAnswer makes the session that the query describes in the store, and sends the request with its cookie.
func realAnswer(rt *rapid.T, c *candidate, q *Query) answer {
	h := c.rt.sites[0]
	service, err := c.signin()
	if err != nil {
		rt.Fatal(err)
	}
	r := httptest.NewRequest(q.Method, "/", nil)
	if err := setTarget(r, q.Path); err != nil {
		rt.Skip(err)
	}
	r.Host, r.TLS = q.Host, &tls.ConnectionState{HandshakeComplete: true}
	for name, values := range q.Header {
		r.Header[name] = slices.Clone(values)
	}
	if !q.Anonymous {
		token := signedIn(rt, c, q)
		r.Header.Set("Cookie", "__Host-latchkey="+service.Keys.SealToken(token, q.Host, "latchkey"))
	}
	if q.IP != "" {
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(q.IP), 1234).String()
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, q.IP)
	var got answer
	w := httptest.NewRecorder()
	err = h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		got.passed = true
		return nil
	}))
	if err != nil {
		rt.Fatalf("the handler failed: %v", err)
	}
	got.status = w.Code
	if !got.passed {
		_ = json.Unmarshal(w.Body.Bytes(), &got) // pages have no reason
	}
	return got
}

func setTarget(r *http.Request, target string) (err error) {
	r.RequestURI = target
	r.URL, err = r.URL.Parse("http://x" + target)
	if err == nil {
		r.URL.Scheme, r.URL.Host = "", ""
	}
	return err
}

func signedIn(rt *rapid.T, c *candidate, q *Query) session.Token {
	var p *Provider
	for _, p = range c.Providers {
		if p.Name == q.Provider {
			break
		}
	}
	draft := session.Session{
		Provider: p.Name, Identity: session.Identity{Issuer: p.Issuer, Subject: q.Subject}, User: q.User,
		Email: q.Email, EmailVerified: true, Groups: q.Groups, GroupsComplete: !q.GroupsUnknown, Guest: q.Guest,
	}
	if q.Kind == "persistent" {
		draft.Kind = session.Persistent
	}
	if q.AuthAge != nil {
		draft.AuthTime = time.Now().Add(-time.Duration(*q.AuthAge))
	}
	if q.MFA {
		draft.AMR = []string{"pwd", "otp"}
	}
	for _, acr := range q.ACRs {
		if slices.Contains(p.MFAACR, acr) {
			draft.ACR = acr
		} else {
			draft.Contexts = append(draft.Contexts, acr)
		}
	}
	if q.SignInRisk != policy.RiskUnknown {
		draft.SignInRisk = q.SignInRisk.String()
	}
	words := map[policy.Signal]string{policy.No: "false", policy.Yes: "true"}
	draft.Compliant, draft.Shared = words[q.Compliant], words[q.Shared]
	_, token, err := c.rt.sessions.Create(context.Background(), draft, session.Tokens{})
	if err != nil {
		rt.Fatal(err)
	}
	return token
}

// W5: explain comes to what the gateway does, verdict and reason, for random rules, sessions and requests.
func TestExplainAgreesWithHandler(t *testing.T) {
	seen := make(map[string]int)
	rapid.Check(t, func(rt *rapid.T) {
		app, site := randomConfig(rt)
		c := testApp(rt, app, site)
		defer c.close()
		defer func() { _ = c.Stop() }()
		for range 24 {
			q := randomQuery(rt)
			ex, err := c.explain(q)
			if err != nil {
				rt.Fatal(err)
			}
			got := realAnswer(rt, c, q)
			seen[ex.Verdict+" "+string(ex.Reason)]++
			if !agree(ex, got) {
				said, _ := json.Marshal(ex)
				asked, _ := json.Marshal(q)
				rt.Fatalf("asked: %s\nexplained: %s\ndone: %+v", asked, said, got)
			}
		}
	})
	for _, want := range []string{
		"allow allowed", "allow not_guarded", "allow sign_in_endpoint", "block bad_request", "block blocked", "block denied",
		"block not_admitted", "block evaluation_error", "block group_overage", "sign_in sign_in_required",
		"sign_in other_provider", "step_up mfa_required",
	} {
		if seen[want] == 0 {
			t.Errorf("never came to %q: %v", want, seen)
		}
	}
}

// agree tells whether an explanation is what happened.
func agree(ex *Explanation, got answer) bool {
	reason := got.Reason == string(ex.Reason) && got.Code == ex.Code
	switch {
	case ex.Reason == reasonOwnEndpoint:
		return !got.passed && got.status == http.StatusNotFound // no such endpoint, and none that opens anything
	case ex.Reason == reasonBadRequest:
		return !got.passed && got.status == http.StatusBadRequest
	case ex.Reason == reasonOtherProvider:
		return !got.passed && got.status == http.StatusUnauthorized && got.Reason == "sign_in_required"
	}
	switch ex.Verdict {
	case "allow":
		return got.passed
	case "block":
		return !got.passed && got.status == http.StatusForbidden && reason
	case "step_up", "sign_in":
		return !got.passed && got.status == http.StatusUnauthorized && reason
	}
	return false
}
