package signin

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const grantPage = browser.AccountPath + "?new=token"

// grantGateway is a gateway whose site takes tokens, and a user who is signed in.
func grantGateway(t *testing.T) (*gateway, *testBrowser) {
	t.Helper()
	g, _ := meGateway(t, func(s *settings) { s.recheck = recheck })
	g.service.TokenApps = func() []string { return []string{g.site.App} }
	b := g.browser()
	b.signIn("yes")
	return g, b
}

// find asks for what a token says now; claims are renewed beside it, so the answer may come a moment later.
func (g *gateway) find(t *testing.T, id session.ID) (*session.Record, error) {
	t.Helper()
	_, who, err := g.service.Environment.Tokens.Find(t.Context(), id, g.site.App)
	return who, err
}

// A user who makes a token is sent to the provider once, without a page there. From then on the provider is asked about the
// user of the token, whatever becomes of the user's browsers.
func TestTokensHaveAGrant(t *testing.T) {
	g, b := grantGateway(t)
	who, _ := b.loaded()
	asked := b.toProvider(grantPage)
	if asked.Get("prompt") != "none" || asked.Get("id_token_hint") == "" && len(who.Claims) == 0 {
		t.Errorf("the provider is asked %v", asked)
	}
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"refresh_token": "for-tokens"} })
	if r := b.callback(asked); r.status != http.StatusSeeOther || r.location != grantPage+"&granted" {
		t.Fatalf("back at %d %s", r.status, r.location)
	}
	if r := b.get(grantPage); r.status != http.StatusOK {
		t.Errorf("once there is a grant: %d %s", r.status, r.location)
	}
	if n := len(b.mine().Sessions); n != 1 {
		t.Errorf("the user sees %d sessions", n)
	}
	made, text, err := g.service.Environment.Tokens.Create(t.Context(), who, apitoken.Draft{Name: "laptop", App: g.site.App})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := apitoken.ID(text)
	if n, err := g.service.Sessions.EndOthers(t.Context(), who); err != nil || len(n) != 1 {
		t.Fatal(n, err)
	}
	if g.service.Environment.Tokens.Renewed(t.Context(), who.Identity) {
		t.Error("the grant survives its session")
	}
	b.callback(b.toProvider(grantPage))
	if r := g.logout(g.idp.LogoutToken(map[string]any{"sub": who.Identity.Subject})); r.status != http.StatusOK {
		t.Fatalf("the provider's logout: %d", r.status)
	}
	if b.signedIn() || !g.service.Environment.Tokens.Renewed(t.Context(), who.Identity) {
		t.Error("the user is signed in, or the grant of the tokens is over")
	}
	g.idp.Set(func(p *oidctest.IDP) {
		p.Claims = map[string]any{"preferred_username": "grace", "nonce": nil, "groups": []string{"admins"}}
	})
	for range 3 { // days
		g.clock.Advance(23 * time.Hour)
		storetest.Until(t, "the provider has confirmed the user", func() bool {
			g.clock.Advance(time.Minute)
			now, err := g.find(t, id)
			return err == nil && now.User == "grace"
		})
	}
	g.idp.Set(func(p *oidctest.IDP) {
		if p.LastToken.Get("refresh_token") != "for-tokens" {
			t.Errorf("renewed with %v", p.LastToken)
		}
		p.TokenFail = map[string]any{"error": "invalid_grant"}
	})
	g.clock.Advance(2 * recheck)
	storetest.Until(t, "the provider has refused the grant", func() bool {
		g.clock.Advance(time.Minute)
		_, _ = g.find(t, id)
		return !g.service.Environment.Tokens.Renewed(t.Context(), who.Identity)
	})
	g.clock.Advance(24 * time.Hour)
	if _, err := g.find(t, id); !errors.Is(err, apitoken.ErrStale) {
		t.Errorf("a day after the refusal, token %s: %v", made.Short(), err)
	}
}

// What ends all sessions of a user while the provider is asked leaves no grant, although the user has signed in again since.
func TestGrantOfBefore(t *testing.T) {
	g, b := grantGateway(t)
	who, _ := b.loaded()
	asked := b.toProvider(grantPage)
	g.clock.Advance(time.Second)
	if _, err := g.service.Sessions.EndAll(t.Context(), who.Identity); err != nil {
		t.Fatal(err)
	}
	g.clock.Advance(time.Second)
	b.signIn("yes")
	if r := b.callback(asked); r.location != grantPage+"&granted" {
		t.Errorf("back at %d %s", r.status, r.location)
	}
	if g.service.Environment.Tokens.Renewed(t.Context(), who.Identity) || !b.signedIn() {
		t.Error("there is a grant of before, or the session is over")
	}
}

// A provider that gives none, or has another user, or cannot be reached holds up no request, and no other user gets a grant.
func TestTokensWithoutAGrant(t *testing.T) {
	for name, change := range map[string]func(*oidctest.IDP, url.Values){
		"no refresh token": func(p *oidctest.IDP, _ url.Values) { p.TokenBody = map[string]any{"refresh_token": nil} },
		"another user":     func(p *oidctest.IDP, _ url.Values) { p.Claims = map[string]any{"sub": "another"} },
		"down":             func(p *oidctest.IDP, _ url.Values) { p.TokenFail = map[string]any{"error": "temporarily_unavailable"} },
	} {
		t.Run(name, func(t *testing.T) {
			g, b := grantGateway(t)
			who, _ := b.loaded()
			asked := b.toProvider(grantPage)
			g.idp.Set(func(p *oidctest.IDP) { change(p, asked) })
			if r := b.callback(asked); r.location != grantPage+"&granted" {
				t.Errorf("back at %d %s", r.status, r.location)
			}
			if r := b.get(grantPage + "&granted"); r.status != http.StatusOK {
				t.Errorf("the page: %d %s", r.status, r.location)
			}
			if g.service.Environment.Tokens.Renewed(t.Context(), who.Identity) || !b.signedIn() {
				t.Error("there is a grant, or the session is over")
			}
		})
	}
}
