package signin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// TestProviderDownAtStart: the gateway works without its provider, says so to whoever wants to sign in, and signs in
// as soon as the provider is up; a failed try is never kept.
func TestProviderDownAtStart(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Broken["/.well-known/openid-configuration"] = true
		s.provider = func(c *oidc.Config) { c.Patience = 300 * time.Millisecond }
	})
	b := g.browser()
	r := b.get("/page")
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || !strings.Contains(r.body, "request-1") {
		t.Fatalf("provider down: %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	if g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("log: %+v", g.log.last(t))
	}
	g.idp.Set(func(p *oidctest.IDP) { p.Broken = map[string]bool{} })
	storetest.Until(t, "a sign-in begins", func() bool { return b.get("/page").status == http.StatusSeeOther })
	b.signIn("no")
}

// TestTokenEndpointDown: an outage is told from a refusal, and existing sessions go on.
func TestTokenEndpointDown(t *testing.T) {
	g := newGateway(t)
	known := g.browser()
	known.signIn("yes")
	g.idp.Set(func(p *oidctest.IDP) { p.Broken["/token"] = true })
	b := g.browser()
	r := b.callback(b.toProvider("/"))
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || g.log.last(t).Code != signinlog.ProviderUnavailable {
		t.Errorf("%d, log %+v", r.status, g.log.last(t))
	}
	if r := known.get("/"); r.status != http.StatusOK {
		t.Errorf("somebody signed in: %d", r.status)
	}
}

// TestUserInfo: asked only when claims are missing; its answer counts only for the sub of the ID token.
func TestUserInfo(t *testing.T) {
	setup := func(t *testing.T, userinfo map[string]any) (*gateway, result) {
		g := newGateway(t, func(s *settings) {
			s.idp = oidctest.New(t, s.clock.Now)
			s.idp.UserInfo = userinfo
			s.idp.Claims = map[string]any{"groups": nil, "preferred_username": nil}
		})
		b := g.browser()
		return g, b.callback(b.toProvider("/"))
	}
	g, r := setup(t, map[string]any{"sub": "s-1", "preferred_username": "grace", "groups": []string{"admins"}})
	if !stays(r.location) || g.idp.Count("/userinfo") != 1 {
		t.Fatalf("%d to %q, userinfo asked %d times", r.status, r.location, g.idp.Count("/userinfo"))
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
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.UserInfo = map[string]any{"sub": "s-1"}
	})
	b := g.browser()
	b.callback(b.toProvider("/"))
	if g.idp.Count("/userinfo") != 0 {
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
		{[]string{"client_secret_basic", "client_secret_post"}, oidc.ClientSecretPost, true},
		{nil, oidc.ClientSecretPost, true},
		{[]string{"client_secret_post"}, oidc.ClientSecretBasic, false},
	} {
		g := newGateway(t, func(s *settings) {
			s.idp = oidctest.New(t, s.clock.Now)
			if row.offered != nil {
				s.idp.Metadata = map[string]any{"token_endpoint_auth_methods_supported": row.offered}
			}
			s.provider = func(c *oidc.Config) { c.ClientMethod = row.configured }
		})
		b := g.browser()
		b.callback(b.toProvider("/"))
		if inBody := g.idp.LastToken.Get("client_secret") != ""; inBody != row.post {
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
		{nil, oidc.ClientSecretBasic, 2, false},
		{nil, oidc.ClientSecretPost, 2, true},
		{[]string{"client_secret_basic", "client_secret_post"}, "", 2, false},
	} {
		g := newGateway(t, func(s *settings) {
			s.idp = oidctest.New(t, s.clock.Now)
			s.idp.FormOnly = true
			if row.offered != nil {
				s.idp.Metadata = map[string]any{"token_endpoint_auth_methods_supported": row.offered}
			}
			s.provider = func(c *oidc.Config) { c.ClientMethod = row.configured }
		})
		for range 2 {
			b := g.browser()
			if r := b.callback(b.toProvider("/")); stays(r.location) != row.good {
				t.Errorf("%+v: %d to %q", row, r.status, r.location)
			}
		}
		if n := g.idp.Count("/token"); n != row.asked {
			t.Errorf("%+v: asked %d times", row, n)
		}
	}
}
