package app_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// answer is what the gateway really does.
type answer struct {
	status int
	passed bool
	Reason string `json:"reason"`
	Code   int    `json:"code"`
}

// realAnswer makes the session that the query describes in the store, and sends the request with its cookie.
func realAnswer(rt *rapid.T, c *app.Candidate, q *explain.Query) answer {
	h := c.Estate().Sites[0]
	service, err := c.Estate().Tenant.Service()
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
		short := ""
		if q.Bound {
			short = "; " + bind(rt, c, service, q.Host, &token)
		}
		r.Header.Set("Cookie", "__Host-latchkey="+session.SealToken(service.Keys, token, q.Host, "latchkey")+short)
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

func signedIn(rt *rapid.T, c *app.Candidate, q *explain.Query) session.Token {
	var p *config.Provider
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
	_, token, err := c.Sessions().Create(context.Background(), draft, session.Tokens{})
	if err != nil {
		rt.Fatal(err)
	}
	return token
}

// bind makes a session one that is bound, and returns the short cookie that proves it.
func bind(rt *rapid.T, c *app.Candidate, service *signin.Service, host string, token *session.Token) string {
	key := session.DeviceKey{Place: host, Identifier: "!x", Key: []byte("a key"), Algorithm: "ES256"}
	if _, err := c.Sessions().Bind(context.Background(), token.ID, key, session.KeyID{}); err != nil {
		rt.Fatal(err)
	}
	if _, _, err := c.Sessions().ConfirmBinding(context.Background(), token.ID); err != nil {
		rt.Fatal(err)
	}
	token.Bound = true
	w := httptest.NewRecorder()
	service.GiveBound(w, &access.Visit{Host: host, Secure: true}, host, token.ID, key.KeyID(), time.Now().Add(time.Hour))
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return cookie
}

// W5: explain comes to what the gateway does, verdict and reason, for random rules, sessions and requests.
func TestExplainAgreesWithHandler(t *testing.T) {
	seen := make(map[string]int)
	rapid.Check(t, func(rt *rapid.T) {
		app, site := randomConfig(rt)
		c := apptest.New(rt, app, site)
		defer c.Close()
		defer func() { _ = c.Stop() }()
		for range 24 {
			q := randomQuery(rt)
			q.Bound = !q.Anonymous && draw(rt, "bound", false, true)
			ex, err := c.Explain(q)
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
		"block claim_unreadable", "block binding_required",
	} {
		if seen[want] == 0 {
			t.Errorf("never came to %q: %v", want, seen)
		}
	}
}

// agree tells whether an explanation is what happened.
func agree(ex *explain.Explanation, got answer) bool {
	reason := got.Reason == string(ex.Reason) && got.Code == ex.Code
	switch {
	case ex.Reason == "sign_in_endpoint":
		return !got.passed && got.status == http.StatusNotFound // no such endpoint, and none that opens anything
	case ex.Reason == site.ReasonBadRequest:
		return !got.passed && got.status == http.StatusBadRequest
	case ex.Reason == "other_provider":
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
