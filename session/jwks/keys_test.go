package jwks

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 1.20: a certificate that is wrong does not take its key out of the set.
func TestKeyWithAWrongCertificate(t *testing.T) {
	const key = `"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`
	for _, certificate := range []string{`"x5t":"AAAA"`, `"x5c":["no certificate"]`, `"x5c":7`, `"x5t#S256":"AAAA"`, `"x5u":"::"`} {
		keys, err := parseKeys([]byte(`{"keys":[{` + key + `,` + certificate + `}]}`))
		if err != nil || len(keys) != 1 {
			t.Errorf("%s: %d keys, %v", certificate, len(keys), err)
		}
	}
}

// TestKeySet holds A46 and what 3.6 of the attacks says: an unknown key id causes a fetch at most every ten seconds,
// keys grow old, and old keys do while new ones cannot be had.
func TestKeySet(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	keys := &Set{URL: func(context.Context) (string, error) { return idp.URL + "/keys", nil }, Client: http.DefaultClient, Now: clock.Now}
	good := idp.Sign(map[string]any{"sub": "a"})
	verify := func(token string, want bool) {
		t.Helper()
		if _, err := keys.VerifySignature(t.Context(), token); (err == nil) != want {
			t.Fatalf("verified: %v, want %t", err, want)
		}
	}
	verify(good, true)
	strangers := oidctest.NewStranger(t, "unknown")
	for range 50 {
		verify(strangers.Sign(map[string]any{"sub": "a"}), false)
	}
	if n := idp.Count("/keys"); n != 1 {
		t.Fatalf("a flood of unknown keys caused %d fetches", n-1)
	}
	// A rotated key is found once ten seconds have passed.
	idp.Set(func(p *oidctest.IDP) { p.Key, p.KeyID = oidctest.NewKey(t), "k2" })
	rotated := idp.Sign(map[string]any{"sub": "a"})
	clock.Advance(DefaultForcedEvery)
	verify(rotated, true)
	verify(good, false) // withdrawn
	// Stale keys do while the provider is out.
	idp.Set(func(p *oidctest.IDP) { p.Broken["/keys"] = true })
	clock.Advance(TTL)
	verify(rotated, true)
	before := idp.Count("/keys")
	for range 50 {
		verify(rotated, true)
	}
	if n := idp.Count("/keys"); n != before {
		t.Errorf("an outage caused %d fetches", n-before)
	}
}

// A wrong signature is checked once, unless newer keys were fetched for it: anyone can send one, and a check is expensive.
func TestWrongSignatureIsCheckedOnce(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	keys := &Set{URL: func(context.Context) (string, error) { return idp.URL + "/keys", nil }, Client: http.DefaultClient, Now: clock.Now}
	good := idp.Sign(map[string]any{"sub": "a"})
	wrong := good[:len(good)-20] + strings.Repeat("A", 20)
	verify := func(token string, want bool) func() {
		return func() {
			if _, err := keys.VerifySignature(t.Context(), token); (err == nil) != want {
				t.Fatalf("verified: %v, want %t", err, want)
			}
		}
	}
	of, with := testing.AllocsPerRun(50, verify(good, true)), testing.AllocsPerRun(50, verify(wrong, false))
	if with > of+10 { // a check alone takes about 50
		t.Errorf("a wrong signature takes %.0f pieces of memory, a good one %.0f", with, of)
	}
}

func TestParseKeys(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON": "x", "no keys": `{}`, "symmetric": `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"private is no public key": `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}`,
		"short RSA":                `{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("A", 40) + `"}]}`,
	} {
		if _, err := parseKeys([]byte(body)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A token with a header that is known is verified as go-jose verifies it: nothing of it may be changed, and the key must be
// one that its provider publishes.
func TestKnownHeader(t *testing.T) {
	clock := storetest.NewClock()
	idp := oidctest.New(t, clock.Now)
	keys := &Set{URL: func(context.Context) (string, error) { return idp.URL + "/keys", nil }, Client: http.DefaultClient, Now: clock.Now}
	good := idp.Sign(map[string]any{"sub": "a"})
	if _, err := keys.VerifySignature(t.Context(), good); err != nil || len(keys.known) != 1 {
		t.Fatalf("%v, %d headers are known", err, len(keys.known))
	}
	token, err := keys.read(idp.Sign(map[string]any{"sub": "b"}))
	if err != nil || token.jws != nil {
		t.Fatalf("the header of a second token is not known: %v", err)
	}
	part := strings.Split(good, ".")
	other := strings.Split(idp.Sign(map[string]any{"sub": "c"}), ".")
	strangers := strings.Split(oidctest.NewStranger(t, "stranger").Sign(map[string]any{"sub": "a"}), ".")
	for name, tt := range map[string]struct {
		token string
		good  bool
	}{
		"as it is":                   {good, true},
		"another":                    {strings.Join(other, "."), true},
		"of another payload":         {part[0] + "." + other[1] + "." + part[2], false},
		"of another signature":       {part[0] + "." + part[1] + "." + other[2], false},
		"of a stranger":              {part[0] + "." + strangers[1] + "." + strangers[2], false},
		"no signature":               {part[0] + "." + part[1] + ".", false},
		"a signature of zeros":       {part[0] + "." + part[1] + "." + strings.Repeat("A", len(part[2])), false},
		"a short signature":          {part[0] + "." + part[1] + "." + part[2][:len(part[2])-4], false},
		"a long signature":           {good + "AAAA", false},
		"a line end in it":           {part[0] + "." + part[1][:8] + "\n" + part[1][8:] + "." + part[2], false},
		"four parts":                 {good + "." + part[2], false},
		"two parts":                  {part[0] + "." + part[1], false},
		"the header alone":           {part[0], false},
		"no payload":                 {part[0] + ".." + part[2], false},
		"a header that is not known": {"e30." + part[1] + "." + part[2], false},
	} {
		payload, err := keys.VerifySignature(t.Context(), tt.token)
		if (err == nil) != tt.good || tt.good && !strings.Contains(string(payload), `"sub"`) {
			t.Errorf("%s: %q, %v", name, payload, err)
		}
	}
	for i := range 2 * maxKnown {
		keys.learn(parsed{header: header{algorithm: "ES256"}, head: strings.Repeat("e", i)}, idp.Key.Public())
	}
	if len(keys.known) != maxKnown {
		t.Errorf("%d headers are known", len(keys.known))
	}
}
