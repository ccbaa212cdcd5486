package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestProviderDownAtStart: the gateway works without its provider, says so to whoever wants to sign in, and signs in
// as soon as the provider is up; a failed try is never kept.
func TestProviderDownAtStart(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = newIDP(t, s.clock.Now)
		s.idp.broken["/.well-known/openid-configuration"] = true
		s.provider = func(c *ProviderConfig) { c.Patience = 300 * time.Millisecond }
	})
	b := g.browser()
	r := b.get("/page")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !strings.Contains(r.body, "request-1") {
		t.Fatalf("provider down: %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	if g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("log: %+v", g.log.last(t))
	}
	g.idp.set(func(p *fakeIDP) { p.broken = map[string]bool{} })
	storetest.Until(t, "a sign-in begins", func() bool { return b.get("/page").status == http.StatusSeeOther })
	b.signIn("no")
}

// TestMetadata: metadata of another issuer, without an endpoint, or with one that is not https, is none.
func TestMetadata(t *testing.T) {
	for name, bad := range map[string]map[string]any{
		"other issuer":      {"issuer": "https://evil.example"},
		"no token endpoint": {"token_endpoint": ""},
		"no keys":           {"jwks_uri": ""},
		"plain http":        {"token_endpoint": "http://idp.example/token"},
		"with a user":       {"authorization_endpoint": "https://a@idp.example/"},
		"javascript":        {"end_session_endpoint": "javascript:alert(1)"},
	} {
		t.Run(name, func(t *testing.T) {
			clock := storetest.NewClock()
			idp := newIDP(t, clock.Now)
			idp.metadata = bad
			p := NewProvider(ProviderConfig{Name: "main", Issuer: idp.URL, ClientID: testClient, Now: clock.Now})
			if err := p.Discover(t.Context()); err == nil || p.meta.Load() != nil {
				t.Error("the metadata was taken")
			}
		})
	}
}

// TestTokenEndpointDown: an outage is told from a refusal, and existing sessions go on.
func TestTokenEndpointDown(t *testing.T) {
	g := newGateway(t)
	known := g.browser()
	known.signIn("yes")
	g.idp.set(func(p *fakeIDP) { p.broken["/token"] = true })
	b := g.browser()
	r := b.callback(b.toProvider("/"))
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("%d, log %+v", r.status, g.log.last(t))
	}
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody signed in: %d", r.status)
	}
}

// TestKeySet holds A46 and what 3.6 of the attacks says: an unknown key id causes a fetch at most every ten seconds,
// keys grow old, and old keys do while new ones cannot be had.
func TestKeySet(t *testing.T) {
	clock := storetest.NewClock()
	idp := newIDP(t, clock.Now)
	keys := &keySet{url: func() string { return idp.URL + "/keys" }, client: NewIDPClient(nil, nil), now: clock.Now}
	good := idp.sign(map[string]any{"sub": "a"})
	verify := func(token string, want bool) {
		t.Helper()
		if _, err := keys.VerifySignature(t.Context(), token); (err == nil) != want {
			t.Fatalf("verified: %v, want %t", err, want)
		}
	}
	verify(good, true)
	strangers := &fakeIDP{t: t, key: newKey(t), keyID: "unknown"}
	for range 50 {
		verify(strangers.sign(map[string]any{"sub": "a"}), false)
	}
	if n := idp.count("/keys"); n != 1 {
		t.Fatalf("a flood of unknown keys caused %d fetches", n-1)
	}
	// A rotated key is found once ten seconds have passed.
	idp.set(func(p *fakeIDP) { p.key, p.keyID = newKey(t), "k2" })
	rotated := idp.sign(map[string]any{"sub": "a"})
	clock.Advance(keysForcedEvery)
	verify(rotated, true)
	verify(good, false) // withdrawn
	// Stale keys do while the provider is out.
	idp.set(func(p *fakeIDP) { p.broken["/keys"] = true })
	clock.Advance(keysTTL)
	verify(rotated, true)
	before := idp.count("/keys")
	for range 50 {
		verify(rotated, true)
	}
	if n := idp.count("/keys"); n != before {
		t.Errorf("an outage caused %d fetches", n-before)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
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

// TestUserInfo: asked only when claims are missing; its answer counts only for the sub of the ID token.
func TestUserInfo(t *testing.T) {
	setup := func(t *testing.T, userinfo map[string]any) (*gateway, result) {
		g := newGateway(t, func(s *settings) {
			s.idp = newIDP(t, s.clock.Now)
			s.idp.userinfo = userinfo
			s.idp.claims = map[string]any{"groups": nil, "preferred_username": nil}
		})
		b := g.browser()
		return g, b.callback(b.toProvider("/"))
	}
	g, r := setup(t, map[string]any{"sub": "s-1", "preferred_username": "grace", "groups": []string{"admins"}})
	if !stays(r.location) || g.idp.count("/userinfo") != 1 {
		t.Fatalf("%d to %q, userinfo asked %d times", r.status, r.location, g.idp.count("/userinfo"))
	}
	g, r = setup(t, map[string]any{"sub": "somebody else", "groups": []string{"admins"}})
	if r.status != http.StatusBadGateway || g.log.last(t).Code != signinlog.ProviderFailed {
		t.Errorf("userinfo of another sub: %d", r.status)
	}
	_, r = setup(t, map[string]any{"SUB": "s-1"})
	if r.status != http.StatusBadGateway {
		t.Errorf("userinfo without sub: %d", r.status)
	}
	g = newGateway(t, func(s *settings) {
		s.idp = newIDP(t, s.clock.Now)
		s.idp.userinfo = map[string]any{"sub": "s-1"}
	})
	b := g.browser()
	b.callback(b.toProvider("/"))
	if g.idp.count("/userinfo") != 0 {
		t.Error("userinfo was asked though nothing was missing")
	}
}

// TestClientAuthentication: basic unless the provider offers only post, or as configured (field trial 1.22); the secret
// stands in no URL.
func TestClientAuthentication(t *testing.T) {
	for _, row := range []struct {
		offered    []string
		configured string
		post       bool
	}{
		{nil, "", false},
		{[]string{"client_secret_basic", "client_secret_post"}, "", false},
		{[]string{"client_secret_post"}, "", true},
		{[]string{"client_secret_basic", "client_secret_post"}, ClientSecretPost, true},
		{nil, ClientSecretPost, true},
		{[]string{"client_secret_post"}, ClientSecretBasic, false},
	} {
		g := newGateway(t, func(s *settings) {
			s.idp = newIDP(t, s.clock.Now)
			if row.offered != nil {
				s.idp.metadata = map[string]any{"token_endpoint_auth_methods_supported": row.offered}
			}
			s.provider = func(c *ProviderConfig) { c.ClientMethod = row.configured }
		})
		b := g.browser()
		b.callback(b.toProvider("/"))
		if inBody := g.idp.lastToken.Get("client_secret") != ""; inBody != row.post {
			t.Errorf("%+v: secret in the body: %t", row, inBody)
		}
	}
}

// Field trial 1.22: a secret that is refused in the header is sent in the form, where nothing says how it is wanted; once for
// all, and never against what the metadata or the configuration says.
func TestSecretInForm(t *testing.T) {
	for _, row := range []struct {
		offered    []string
		configured string
		asked      int // at the token endpoint, for two sign-ins
		good       bool
	}{
		{nil, "", 3, true},
		{nil, ClientSecretBasic, 2, false},
		{nil, ClientSecretPost, 2, true},
		{[]string{"client_secret_basic", "client_secret_post"}, "", 2, false},
	} {
		g := newGateway(t, func(s *settings) {
			s.idp = newIDP(t, s.clock.Now)
			s.idp.formOnly = true
			if row.offered != nil {
				s.idp.metadata = map[string]any{"token_endpoint_auth_methods_supported": row.offered}
			}
			s.provider = func(c *ProviderConfig) { c.ClientMethod = row.configured }
		})
		for range 2 {
			b := g.browser()
			if r := b.callback(b.toProvider("/")); stays(r.location) != row.good {
				t.Errorf("%+v: %d to %q", row, r.status, r.location)
			}
		}
		if n := g.idp.count("/token"); n != row.asked {
			t.Errorf("%+v: asked %d times", row, n)
		}
	}
}

// TestBackoff: tries grow apart, and never over half a minute.
func TestBackoff(t *testing.T) {
	for failures := 1; failures < 100; failures++ {
		if w := min(discoverLongest, discoverFirst<<min(failures-1, 5)); w < discoverFirst || w > discoverLongest {
			t.Fatalf("after %d failures: %s", failures, w)
		}
	}
	if discoverLongest > time.Minute {
		t.Error("a provider that is up again waits for longer than a minute")
	}
}
