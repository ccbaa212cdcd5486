package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const assertionHeader = "X-Latchkey-Assertion"

// keySet is what an application would fetch.
func (s *site) keySet() jose.JSONWebKeySet {
	s.t.Helper()
	r := rig.NewHTTP(s.t).Get(s.url("/.latchkey/keys"))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(r.Text), &set); err != nil || r.StatusCode != 200 {
		s.t.Fatalf("the key set: %d %s", r.StatusCode, r.Text)
	}
	if kind, kept := r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"); kind != "application/jwk-set+json" || !strings.HasPrefix(kept, "public, max-age=") {
		s.t.Errorf("the key set is %s, %s", kind, kept)
	}
	return set
}

// The application verifies who is there with a library of its own, and nothing that a client sends in the header, in any
// spelling, arrives (A06, A51, A52).
func TestAssertion(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{embedded: true, site: "assertion wiki-api"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "adam", "No")
	read := func() (string, map[string]any) {
		t.Helper()
		sent := http.Header{"Accept": {"application/json"}, "Connection": {assertionHeader}} // A50
		for _, name := range []string{assertionHeader, "x-latchkey_assertion", "X_Latchkey_Assertion", "X-LATCHKEY-ASSERTION", "X.Latchkey.Assertion"} {
			sent[name] = []string{"forged"}
		}
		if r := c.Do(rig.Call{URL: s.url("/x"), Header: sent}); r.StatusCode != 200 {
			t.Fatalf("a request got %d", r.StatusCode)
		}
		header := s.app.Last(t).Header
		for name, values := range header {
			if slices.Contains(values, "forged") {
				t.Errorf("a client's %s arrived", name)
			}
		}
		text := header.Get(assertionHeader)
		token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var claims jwt.Claims
		all := map[string]any{}
		if err := token.Claims(s.keySet(), &claims, &all); err != nil {
			t.Fatalf("the signature: %v", err)
		}
		if err := claims.Validate(jwt.Expected{Issuer: s.origin(), AnyAudience: jwt.Audience{"wiki-api"}, Time: time.Now()}); err != nil {
			t.Errorf("the claims: %v", err)
		}
		if life := claims.Expiry.Time().Sub(claims.IssuedAt.Time()); life != 2*time.Minute {
			t.Errorf("it is good for %s", life)
		}
		return text, all
	}
	first, claims := read()
	if claims["sub"] != "adam" || claims["email"] != "adam@example.com" || claims["name"] != "Adam Elm" || claims["idp"] != s.idp.Issuer ||
		len(claims["groups"].([]any)) != 2 || claims["sid"] == "" {
		t.Errorf("it says %v", claims)
	}
	if second, _ := read(); second != first {
		t.Error("a signature for each request")
	}
	// A new key is published at once, and signs when applications have had time to fetch it.
	before := s.keySet().Keys
	if out, err := s.gw.Ask("keys", "rotate"); err != nil {
		t.Fatalf("rotating: %v: %s", err, out)
	}
	if after := s.keySet().Keys; len(after) != len(before)+1 || after[1].KeyID != before[0].KeyID {
		t.Errorf("%d keys after a rotation, %d before", len(after), len(before))
	}
	if third, _ := read(); third != first {
		t.Error("a key signed that nobody can know yet")
	}

	// A70: it opens nothing, neither here nor at the admin endpoint.
	for name, header := range map[string]http.Header{
		"as a session": {"Cookie": {s.cookie("") + "=" + first}}, "as a bearer token": {"Authorization": {"Bearer " + first}}, "as itself": {assertionHeader: {first}},
	} {
		if r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/x"), Header: header}); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("A70: %s: %d", name, r.StatusCode)
		}
		if name == "as a session" {
			continue // the admin endpoint knows no cookie
		}
		if r := rig.NewHTTP(t).Do(rig.Call{URL: s.gw.Admin + "/latchkey/sessions", Header: header}); r.StatusCode != http.StatusForbidden {
			t.Errorf("A70: %s, at the admin endpoint: %d %s", name, r.StatusCode, r.Text)
		}
	}
}
