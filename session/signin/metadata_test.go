package signin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// Field trial 1.8: what a provider does not offer is not asked for by default, and always if the configuration says so.
func TestDefaultScopes(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Metadata = map[string]any{"scopes_supported": []string{"openid", "profile", "email"}}
	})
	if got := g.browser().toProvider("/").Get("scope"); got != "openid profile email" {
		t.Errorf("asked for %s", got)
	}
}

// Field trial 1.24: userinfo as a signed token, checked like any other.
func TestSignedUserInfo(t *testing.T) {
	good := func(p *oidctest.IDP) map[string]any {
		return map[string]any{"iss": p.URL, "aud": oidctest.Client, "sub": "s-1", "preferred_username": "grace", "groups": []string{"admins"}}
	}
	for name, row := range map[string]struct {
		change func(p *oidctest.IDP, claims map[string]any) map[string]any
		good   bool
	}{
		"as it should be": {func(_ *oidctest.IDP, c map[string]any) map[string]any { return c }, true},
		"for others as well": {func(_ *oidctest.IDP, c map[string]any) map[string]any {
			c["aud"] = []string{"x", oidctest.Client}
			return c
		}, true},
		"exp ahead":       {func(p *oidctest.IDP, c map[string]any) map[string]any { c["exp"] = p.Now().Unix() + 60; return c }, true},
		"another iss":     {func(_ *oidctest.IDP, c map[string]any) map[string]any { c["iss"] = "https://evil.example"; return c }, false},
		"no iss":          {func(_ *oidctest.IDP, c map[string]any) map[string]any { delete(c, "iss"); return c }, false},
		"another aud":     {func(_ *oidctest.IDP, c map[string]any) map[string]any { c["aud"] = "other"; return c }, false},
		"no aud":          {func(_ *oidctest.IDP, c map[string]any) map[string]any { delete(c, "aud"); return c }, false},
		"another sub":     {func(_ *oidctest.IDP, c map[string]any) map[string]any { c["sub"] = "s-2"; return c }, false},
		"expired":         {func(p *oidctest.IDP, c map[string]any) map[string]any { c["exp"] = p.Now().Unix() - 3600; return c }, false},
		"from the future": {func(p *oidctest.IDP, c map[string]any) map[string]any { c["iat"] = p.Now().Unix() + 3600; return c }, false},
		"an ID token":     {func(_ *oidctest.IDP, c map[string]any) map[string]any { c["nonce"] = "n"; return c }, false},
		"an access token": {func(p *oidctest.IDP, c map[string]any) map[string]any {
			p.Header = map[string]any{"typ": "at+jwt"}
			return c
		}, false},
		"an algorithm not agreed": {func(p *oidctest.IDP, c map[string]any) map[string]any {
			p.Metadata = map[string]any{"userinfo_signing_alg_values_supported": []string{"RS256"}}
			return c
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(s *settings) {
				s.idp = oidctest.New(t, s.clock.Now)
				s.idp.UserInfo = map[string]any{}
				s.idp.Claims = map[string]any{"groups": nil, "preferred_username": nil}
				claims := row.change(s.idp, good(s.idp))
				s.idp.UserInfoToken = s.idp.Sign(claims)
				s.idp.Header = nil
			})
			b := g.browser()
			if r := b.callback(b.toProvider("/")); stays(r.location) != row.good {
				t.Errorf("%d to %q: %+v", r.status, r.location, g.log.last(t))
			}
		})
	}
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.UserInfo = map[string]any{}
		s.idp.Claims = map[string]any{"groups": nil, "preferred_username": nil}
		stranger := oidctest.NewStranger(t, "k1")
		s.idp.UserInfoToken = stranger.Sign(good(s.idp))
	})
	b := g.browser()
	if r := b.callback(b.toProvider("/")); r.status != http.StatusBadGateway {
		t.Errorf("signed by a stranger: %d to %q", r.status, r.location)
	}
}

func (s *settings) changeProvider(c *oidc.Config) {
	if s.provider != nil {
		s.provider(c)
	}
}

// leaveFor signs in and out, and returns where the person is sent.
func leaveFor(t *testing.T, change func(*settings)) string {
	t.Helper()
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		change(s)
	})
	b := g.browser()
	b.signIn("no")
	r := b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(b.get(browser.Base + "/sign-out").body)}})
	_, target, _ := strings.Cut(r.header.Get("Refresh"), "url=")
	return target
}

// Field trial 1.7: the address of the sign-out does not grow with the groups. 1.28: it can be one of one's own.
func TestSignOutAddress(t *testing.T) {
	for _, groups := range []int{0, 20, 100, 300} {
		target := leaveFor(t, func(s *settings) {
			list := make([]string, groups)
			for i := range list {
				list[i] = "7f3c1a52-9d1e-4a65-8a51-" + strings.Repeat("0", 9) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "x"
			}
			s.idp.Claims = map[string]any{"groups": list, "login_hint": "opaque-hint"}
		})
		q := query(t, target)
		if len(target) > leave.MaxURL || q.Get("client_id") != oidctest.Client || q.Get("state") == "" || q.Get("post_logout_redirect_uri") == "" {
			t.Errorf("%d groups: %d bytes: %s", groups, len(target), target)
		}
		if q.Has("id_token_hint") == q.Has("logout_hint") || q.Has("id_token_hint") != (groups <= 20) || groups == 100 && q.Get("logout_hint") != "opaque-hint" {
			t.Errorf("%d groups: %v", groups, q)
		}
	}
	own, err := leave.Parse("https://id.example.com/v2/logout?client_id={client_id}&returnTo={post_logout_redirect_uri}")
	if err != nil {
		t.Fatal(err)
	}
	target := leaveFor(t, func(s *settings) { s.provider = func(c *oidc.Config) { c.EndSession = own } })
	if q := query(t, target); !strings.HasPrefix(target, "https://id.example.com/v2/logout?") || q.Get("client_id") != oidctest.Client || !strings.HasSuffix(q.Get("returnTo"), browser.Base+"/signed-out") {
		t.Error(target)
	}
	if target := leaveFor(t, func(s *settings) { s.idp.Metadata = map[string]any{"end_session_endpoint": ""} }); target != "" && !strings.HasSuffix(target, "/signed-out") {
		t.Error(target)
	}
}
