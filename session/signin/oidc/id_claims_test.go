package oidc

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// comparison verifies tokens in our way, and by go-oidc.
type comparison struct {
	idp    *published
	ours   *Provider
	meta   *Metadata
	theirs *gooidc.IDTokenVerifier
}

const comparedAccess = "an access token"

func compare(t *testing.T, issuer string) *comparison {
	t.Helper()
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	c := &comparison{idp: &published{IDP: oidctest.NewStranger(t, "k1")}, ours: New(Config{Issuer: issuer, ClientID: oidctest.Client, Now: now})}
	c.meta = &Metadata{SigningAlgorithms: []string{"ES256"}, keys: &jwks.Set{
		URL: func(context.Context) (string, error) { return "https://login.example.com/keys", nil }, Client: &http.Client{Transport: c.idp}, Now: now,
	}}
	c.theirs = gooidc.NewVerifier(issuer, c.meta.keys, &gooidc.Config{ClientID: oidctest.Client, SupportedSigningAlgs: c.meta.algorithms(), Now: now})
	return c
}

// verify returns the errors of both, and whether they read the same where both have none.
func (c *comparison) verify(t *testing.T, claims map[string]json.RawMessage) (same bool, ours, theirs error) {
	t.Helper()
	signed := map[string]any{}
	for name, raw := range claims {
		signed[name] = raw
	}
	raw := c.idp.Sign(signed)
	token, ours := c.ours.verifyIDToken(t.Context(), c.meta, raw, nil, comparedAccess)
	other, theirs := c.theirs.Verify(t.Context(), raw)
	if theirs == nil && other.AccessTokenHash != "" {
		theirs = other.VerifyAccessToken(comparedAccess)
	}
	if ours != nil || theirs != nil {
		return true, ours, theirs
	}
	read, err := readIDClaims(token.claims)
	return err == nil && token.subject == other.Subject && read.issuer == other.Issuer && read.nonce == other.Nonce &&
		slices.Equal(read.audience, other.Audience) && read.expires.Equal(other.Expiry) && read.issued.Equal(other.IssuedAt) &&
		read.accessTokenHash == other.AccessTokenHash, nil, nil
}

func goodClaims() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"iss": json.RawMessage(`"https://login.example.com"`), "aud": json.RawMessage(`"` + oidctest.Client + `"`), "sub": json.RawMessage(`"s-1"`),
		"exp": json.RawMessage(`1800000600`), "iat": json.RawMessage(`1800000000`),
	}
}

// What we take go-oidc takes as well, and reads as we do, whatever a provider writes.
func TestIDTokenBesideGoOIDC(t *testing.T) {
	c := compare(t, "https://login.example.com")
	names := []string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "azp", "_claim_names", "_claim_sources", "events", "ISS", "Sub", "AUD", "eXp", "name"}
	values := []string{
		`null`, `""`, `"s-1"`, `"https://login.example.com"`, `"https://login.example.com/"`, `"` + oidctest.Client + `"`, `"other"`, `["` + oidctest.Client + `"]`,
		`["` + oidctest.Client + `","other"]`, `[]`, `[7]`, `{}`, `7`, `-1`, `0`, `true`, `1800000000`, `1800000000.9`, `1.8e9`, `"1800000000"`, `"1.8e9"`, `"0x7"`, `"inf"`,
		`1799999999`, `1800000299`, `1800000301`, `1800000600`, `9e15`, `9e18`, `1e400`, `{"groups":"src"}`, `{"groups":""}`, `{"groups":7}`, `{"src":{"endpoint":"https://graph.example.com"}}`,
		`{"src":{"endpoint":7}}`, `{"src":7}`, `"` + oidctest.AccessTokenHash(comparedAccess) + `"`, `"` + oidctest.AccessTokenHash("another") + `"`,
	}
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		claims := goodClaims()
		for range rapid.IntRange(0, 3).Draw(rt, "changes") {
			claims[rapid.SampledFrom(names).Draw(rt, "name")] = json.RawMessage(rapid.SampledFrom(values).Draw(rt, "value"))
		}
		same, ours, theirs := c.verify(t, claims)
		if ours == nil && theirs != nil || !same {
			rt.Fatalf("%v: ours %v, go-oidc %v, the same %t", claims, ours, theirs, same)
		}
		if ours == nil {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("no token was accepted")
	}
}

// What providers write in unusual ways is taken, as go-oidc takes it. What only resembles a claim is not.
func TestIDTokenSpellings(t *testing.T) {
	c := compare(t, "https://login.example.com")
	for _, tt := range []struct {
		name, value  string
		ours, theirs bool
	}{
		{"name", `"A Person"`, true, true},
		{"exp", `"1800000600"`, true, true},
		{"exp", `1800000600.5`, true, true},
		{"exp", `1800000600000`, true, true}, // milliseconds
		{"exp", `1799999999`, false, false},
		{"exp", `null`, false, false},
		{"iat", `"1800000000"`, true, true},
		{"iat", `0`, false, true},
		{"nbf", `null`, true, true},
		{"nbf", `0`, true, true},
		{"nbf", `1800000300`, true, true},
		{"nbf", `1800000301`, false, false},
		{"nbf", `"soon"`, false, false},
		{"aud", `["` + oidctest.Client + `"]`, true, true},
		{"aud", `[]`, false, false},
		{"sub", `7`, false, false},
		{"sub", `null`, false, true},
		{"nonce", `7`, false, false},
		{"at_hash", `"` + oidctest.AccessTokenHash(comparedAccess) + `"`, true, true},
		{"at_hash", `"x"`, false, false},
		{"Sub", `"s-2"`, false, true},
		{"AUD", `"` + oidctest.Client + `"`, false, true},
		{"_claim_names", `{"groups":"src"}`, false, false},
		{"_claim_names", `7`, false, false},
		{"_claim_sources", `{"src":{"endpoint":"https://graph.example.com"}}`, true, true},
		{"_claim_sources", `{"src":7}`, false, false},
	} {
		claims := goodClaims()
		claims[tt.name] = json.RawMessage(tt.value)
		if _, ours, theirs := c.verify(t, claims); (ours == nil) != tt.ours || (theirs == nil) != tt.theirs {
			t.Errorf("%s %s: ours %v, go-oidc %v", tt.name, tt.value, ours, theirs)
		}
	}
	g := compare(t, google)
	for issuer, good := range map[string]bool{google: true, googleWithoutScheme: true, "https://login.example.com": false} {
		claims := goodClaims()
		claims["iss"] = json.RawMessage(`"` + issuer + `"`)
		if _, ours, theirs := g.verify(t, claims); (ours == nil) != good || (theirs == nil) != good {
			t.Errorf("Google says %s: ours %v, go-oidc %v", issuer, ours, theirs)
		}
	}
}

// A sign-in decodes its ID token once: what that leaves is bounded.
func TestGarbageOfIDToken(t *testing.T) {
	c := compare(t, "https://login.example.com")
	claims := map[string]any{
		"nonce": "abc", "at_hash": oidctest.AccessTokenHash(comparedAccess), "auth_time": 1_800_000_000, "sid": "A", "acr": "1", "amr": []string{"pwd"},
		"preferred_username": "person-1@example.com", "name": "A Person", "email": "person-1@example.com", "email_verified": true,
		"groups": []string{"0f2a1b3c2d4e", "3f5a4b6c5d7e", "6f8a7b9c8dae", "9fbaacbdbece"},
	}
	for name, raw := range goodClaims() {
		claims[name] = raw
	}
	raw, nonce := c.idp.Sign(claims), "abc"
	var bytes, pieces uint64 = 1 << 30, 1 << 30
	for range 20 { // what others do meanwhile counts as well, so the least is what counts
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := c.ours.verifyIDToken(t.Context(), c.meta, raw, &nonce, comparedAccess); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		bytes, pieces = min(bytes, after.TotalAlloc-before.TotalAlloc), min(pieces, after.Mallocs-before.Mallocs)
	}
	t.Logf("%d bytes in %d pieces", bytes, pieces)
	if bytes > 24<<10 || pieces > 170 {
		t.Errorf("verifying an ID token leaves %d bytes in %d pieces", bytes, pieces)
	}
}
