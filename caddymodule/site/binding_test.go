package site

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// What is taken out of requests for the app is what the gateway gives to browsers.
func TestBindingNames(t *testing.T) {
	if scrub.BoundChallenge != bound.ChallengePrefix || scrub.BoundIdentifier != bound.IdentifierPrefix {
		t.Errorf("%q and %q, %q and %q", scrub.BoundChallenge, bound.ChallengePrefix, scrub.BoundIdentifier, bound.IdentifierPrefix)
	}
}

// V12: Issue 11: what a browser says of a session that the gateway has bound is for the endpoints of the gateway alone. What it
// says of a session that the app has bound is for the app.
func TestBindingHeadersStayHere(t *testing.T) {
	_, h := wiki(t)
	const ours, apps = bound.IdentifierPrefix + "x", "app-1"
	for _, tt := range []struct {
		method, path, name string
		stays              bool
	}{
		{http.MethodGet, "/", ours, false},
		{http.MethodPost, "/refresh", ours, false},
		{http.MethodPost, "/refresh", apps, true},
		{http.MethodPost, bound.RefreshPath, ours, true},
	} {
		r := prepared(tt.method, tt.path, "Sec-Secure-Session-Id", tt.name)
		if err := h.ServeHTTP(httptest.NewRecorder(), r, never(t)); err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Get("Sec-Secure-Session-Id") != ""; got != tt.stays {
			t.Errorf("%s %s of %s: stays %v", tt.method, tt.path, tt.name, got)
		}
	}
}

// V13: A site that requires a bound session refuses another one: the page tries again once by itself, a script is told the
// reason. As soon as the session counts as bound the request passes.
func TestBindingIsRequired(t *testing.T) {
	app := &config.App{
		Session:  config.Session{Binding: &config.Binding{Mode: "prefer"}},
		Policies: []*config.Policy{{Name: "device", Require: []string{"bound_session"}}},
	}
	s := newVisitorOf(t, app, &config.Site{App: "wiki"}, "http://127.0.0.1:1", time.Now())
	before := count(t, "caddy_latchkey_requests_total", "block", "binding_required")
	w, passed := s.answered(t, s.request())
	if w.Code != http.StatusForbidden || passed {
		t.Fatalf("a page: %d, passed %t", w.Code, passed)
	}
	if refresh := w.Header().Get("Refresh"); !strings.Contains(refresh, browser.BoundWaitPath+"?to=%2Fpage%3Fof%3Dwiki") {
		t.Errorf("a page shortly after the sign-in does not try again: Refresh %q", refresh)
	}
	if got := count(t, "caddy_latchkey_requests_total", "block", "binding_required") - before; got != 1 {
		t.Errorf("counted %v times", got)
	}
	script := s.sent(http.MethodGet, "/page", "", "same-origin")
	delete(script.Header, "Origin")
	if w, passed := s.answered(t, script); w.Code != http.StatusForbidden || passed ||
		w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"binding_required"`) {
		t.Errorf("a script: %d, %v, %s", w.Code, w.Header(), w.Body)
	}
	sessions := s.sessions(t)
	if _, err := sessions.Bind(t.Context(), s.session, session.DeviceKey{Identifier: "!x", Key: []byte("a key"), Algorithm: "ES256"}, session.KeyID{}); err != nil {
		t.Fatal(err)
	}
	if w, passed := s.answered(t, s.request()); w.Code != http.StatusForbidden || passed {
		t.Errorf("a key that the browser has not shown to know of: %d, passed %t", w.Code, passed)
	}
	if _, _, err := sessions.ConfirmBinding(t.Context(), s.session); err != nil {
		t.Fatal(err)
	}
	s.serve(t, s.request()) // with the cookie of before, which still works for a moment
}
