package signin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// A site does not take a session of a provider that it does not name, and so does not have its claims renewed either.
func TestOtherProviderIsNotRenewed(t *testing.T) {
	other := oidctest.New(t, nil)
	g, b := recheckGateway(t, func(s *settings) {
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "other", Issuer: other.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
	})
	g.clock.Advance(3 * recheck) // at which age a request waits for the renewal
	g.site.Providers = []string{"other"}
	if r := b.get("/"); r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, other.URL+"/authorize?") {
		t.Errorf("%d to %q, want a sign-in with the other provider", r.status, r.location)
	}
	if n := g.idp.Count("/token"); n != 1 {
		t.Errorf("the provider was asked %d times, want once, at sign-in", n)
	}
	g.site.Providers = []string{"main", "other"}
	if r := b.get("/"); r.status != http.StatusOK || g.idp.Count("/token") != 2 {
		t.Errorf("at a site that takes the session: %d, %d token requests", r.status, g.idp.Count("/token"))
	}
}

// A page that is opened goes to the provider for new claims, a script's request does not: without a session of the user's
// there both go on.
func TestGuardRechecksSilently(t *testing.T) {
	g, b := recheckGateway(t, func(s *settings) {
		s.provider = func(c *oidc.Config) { c.SilentRecheck = true }
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.TokenBody = map[string]any{"refresh_token": nil}
	})
	g.clock.Advance(recheck)
	if r := b.do(http.MethodGet, "/", nil, "Accept", "application/json"); r.status != http.StatusOK {
		t.Errorf("a script: %d", r.status)
	}
	asked := b.toProvider("/page")
	if asked.Get("prompt") != "none" {
		t.Errorf("the provider is asked with %v", asked)
	}
	g.clock.Advance(1)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"preferred_username": "grace"} })
	if r := b.callback(asked); r.location != "/page" {
		t.Fatalf("back from the provider: %d to %q\n%s", r.status, r.location, r.body)
	}
	if r := b.get("/page"); r.body != "app: grace persistent" {
		t.Errorf("afterwards: %d %s", r.status, r.body)
	}
}
