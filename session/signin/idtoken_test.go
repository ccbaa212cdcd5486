package signin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// idTokenCase is an answer of the token endpoint.
type idTokenCase struct {
	name   string
	change func(*oidctest.IDP)
	good   bool
}

// idTokenCases are answers of a token endpoint. The first says that the harness itself signs in.
var idTokenCases = []idTokenCase{
	{"good", func(*oidctest.IDP) {}, true},
	{"no at_hash", func(p *oidctest.IDP) { p.Claims = map[string]any{"at_hash": nil} }, true},
	{"azp of ours", func(p *oidctest.IDP) { p.Claims = map[string]any{"azp": oidctest.Client} }, true},
	{"audience as a list", func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": []string{oidctest.Client}} }, true},
	{"typ in lower case", func(p *oidctest.IDP) { p.Header = map[string]any{"typ": "jwt"} }, true},

	{"other iss", func(p *oidctest.IDP) { p.Claims = map[string]any{"iss": "https://evil.example"} }, false},
	{"no iss", func(p *oidctest.IDP) { p.Claims = map[string]any{"iss": nil} }, false},
	{"audience twice (field trial 1.19)", func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": []string{oidctest.Client, oidctest.Client}} }, true},
	{"other aud", func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": "other"} }, false},
	{"second aud", func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": []string{oidctest.Client, "other"}} }, false},
	{"no aud", func(p *oidctest.IDP) { p.Claims = map[string]any{"aud": nil} }, false},
	{"other azp", func(p *oidctest.IDP) { p.Claims = map[string]any{"azp": "other"} }, false},
	{"other nonce", func(p *oidctest.IDP) { p.Claims = map[string]any{"nonce": "other"} }, false},
	{"no nonce", func(p *oidctest.IDP) { p.Claims = map[string]any{"nonce": nil} }, false},
	{"no sub", func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": nil} }, false},
	{"empty sub", func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": ""} }, false},
	{"sub under another spelling", func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": nil, "SUB": "s-9"} }, false},
	{"sub with a line break", func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": "a\nb"} }, false},
	{"oversized sub", func(p *oidctest.IDP) { p.Claims = map[string]any{"sub": strings.Repeat("s", 256)} }, false},
	{"no iat", func(p *oidctest.IDP) { p.Claims = map[string]any{"iat": nil} }, false},
	{"iat ahead", func(p *oidctest.IDP) { p.Claims = map[string]any{"iat": p.Now().Add(time.Hour).Unix()} }, false},
	{"no exp", func(p *oidctest.IDP) { p.Claims = map[string]any{"exp": nil} }, false},
	{"expired", func(p *oidctest.IDP) { p.Claims = map[string]any{"exp": p.Now().Add(-time.Hour).Unix()} }, false},
	{"auth_time ahead", func(p *oidctest.IDP) { p.Claims = map[string]any{"auth_time": p.Now().Add(time.Hour).Unix()} }, false},
	{"wrong at_hash", func(p *oidctest.IDP) { p.Claims = map[string]any{"at_hash": oidctest.AccessTokenHash("other")} }, false},
	{"a logout token", func(p *oidctest.IDP) {
		p.Claims = map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	}, false},
	{"typ logout+jwt", func(p *oidctest.IDP) { p.Header = map[string]any{"typ": "logout+jwt"} }, false},
	{"typ at+jwt", func(p *oidctest.IDP) { p.Header = map[string]any{"typ": "at+jwt"} }, false},
	{"typ of another type", func(p *oidctest.IDP) { p.Header = map[string]any{"typ": 7} }, false},
	{"unknown crit", func(p *oidctest.IDP) { p.Header = map[string]any{"crit": []string{"x"}, "x": 1} }, false},
	{"signed by a key for encryption", func(p *oidctest.IDP) { p.KeyUse = "enc" }, false},
	{"signed by nobody we know", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": oidctest.Forged(p, "ES256")} }, false},
	{"alg none", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": oidctest.Forged(p, "none")} }, false},
	{"HS256", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": oidctest.Forged(p, "HS256")} }, false},
	{"token_type in lower case", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"token_type": "bearer"} }, true},
	{"token_type mac", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"token_type": "mac"} }, false},
	{"no token_type", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"token_type": nil} }, false},
	{"no id_token", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": nil} }, false},
	{"id_token of another type", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": 7} }, false},
	{"garbage", func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": "a.b.c.d"} }, false},
	{"oversized answer", func(p *oidctest.IDP) { p.Claims = map[string]any{"x": strings.Repeat("x", 1<<20)} }, false},
	{"redirecting token endpoint", func(p *oidctest.IDP) { p.Redirecting["/token"] = true }, false},
	{"refused code", func(p *oidctest.IDP) { p.TokenFail = map[string]any{"error": "invalid_grant"} }, false},
}

// TestIDToken: what a provider, or an attacker in its place, may not do to us. Each case is a guard of oidc.Provider.Redeem or of
// what it calls (A28, A40, A41 and the design, section 6).
func TestIDToken(t *testing.T) {
	for _, c := range idTokenCases {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t)
			c.holds(t, g, func(b *testBrowser) result { return b.callback(b.toProvider("/")) }, calledAgain)
		})
	}
}

func calledAgain(b *testBrowser, r result) result { return b.callback(query(b.t, r.location)) }

// holds signs in at a provider that answers so. again returns from the provider a second time, where the sign-in begins again
// by itself (see TestOvertaken).
func (c *idTokenCase) holds(t *testing.T, g *gateway, signIn func(*testBrowser) result, again func(*testBrowser, result) result) {
	t.Helper()
	g.idp.Set(c.change)
	b := g.browser()
	r := signIn(b)
	if c.name == "other nonce" {
		if r.status != http.StatusSeeOther || !strings.HasPrefix(r.location, g.idp.URL) || r.setCookies()[browser.PendingCookie] != nil || r.setCookies()[browser.SessionCookie] != nil {
			t.Fatalf("%d to %q, cookies %v", r.status, r.location, r.setCookies())
		}
		r = again(b, r)
	}
	if good := stays(r.location); good != c.good {
		t.Fatalf("%d to %q\n%+v", r.status, r.location, g.log.last(t))
	}
	if c.good {
		return
	}
	if r.status != http.StatusBadGateway || g.log.last(t).Code != signinlog.ProviderFailed {
		t.Errorf("%d with code %d, want 502 with %d", r.status, g.log.last(t).Code, signinlog.ProviderFailed)
	}
	if r.setCookies()[browser.PendingCookie] != nil || r.setCookies()[browser.SessionCookie] != nil || g.idp.Count("/elsewhere")+g.idp.Count("/userinfo") != 0 {
		t.Errorf("cookies %v, %d requests elsewhere, %d for userinfo", r.setCookies(), g.idp.Count("/elsewhere"), g.idp.Count("/userinfo"))
	}
}

// TestIDTokenHint: the hint is the token as it came, though its payload is kept only once.
func TestIDTokenHint(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	page := b.get(browser.Base + "/sign-out")
	r := b.do(http.MethodPost, browser.Base+"/sign-out", map[string][]string{"csrf": {csrf(page.body)}})
	refresh := r.header.Get("Refresh")
	_, target, ok := strings.Cut(refresh, "url=")
	if !ok || !strings.HasPrefix(target, g.idp.URL+"/end?") {
		t.Fatalf("Refresh %q", refresh)
	}
	q := query(t, target)
	if q.Get("post_logout_redirect_uri") != g.URL+browser.Base+"/signed-out" || q.Get("client_id") != oidctest.Client {
		t.Errorf("logout request %v", q)
	}
	parts := strings.Split(q.Get("id_token_hint"), ".")
	if len(parts) != 3 {
		t.Fatalf("id_token_hint %q", q.Get("id_token_hint"))
	}
	signed, err := jose.ParseSignedCompact(q.Get("id_token_hint"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(g.idp.Key.Public()); err != nil {
		t.Errorf("the hint's signature does not hold: %v", err)
	}
}
