package site

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/bound"
)

// What is taken out of requests for the app is what the gateway gives to browsers.
func TestBindingNames(t *testing.T) {
	if scrub.BoundChallenge != bound.ChallengePrefix || scrub.BoundIdentifier != bound.IdentifierPrefix {
		t.Errorf("%q and %q, %q and %q", scrub.BoundChallenge, bound.ChallengePrefix, scrub.BoundIdentifier, bound.IdentifierPrefix)
	}
}

// Issue 11: what a browser says of a session that the gateway has bound is for the endpoints of the gateway alone. What it
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
