package caddymodule

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
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
		r.Header.Set("Cookie", "__Host-latchkey="+session.SealToken(service.Keys, token, q.Host, "latchkey"))
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
	draft := session.Record{
		Provider: p.Name, Identity: session.Identity{Issuer: p.Issuer, Subject: q.Subject}, User: q.User,
		Email: q.Email, EmailVerified: q.Email != "", Unverified: q.Unverified, Groups: q.Groups, GroupsComplete: !q.GroupsUnknown && !q.GroupsUnreadable,
		GroupsUnclear: q.GroupsUnreadable, Guest: q.Guest, GuestUnclear: q.GuestUnreadable,
	}
	if q.Email == "" && strings.Contains(q.User, "@") {
		draft.Email, draft.EmailVerified = q.User, true // as the flag has it
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
	if q.UserRisk != policy.RiskUnknown {
		draft.UserRisk = q.UserRisk.String()
	}
	words := map[policy.Signal]string{policy.No: "false", policy.Yes: "true", policy.Unreadable: session.Unreadable}
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
		"sign_in other_provider", "step_up mfa_required", "block cross_origin", "allow preflight",
		"block claim_unreadable",
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
