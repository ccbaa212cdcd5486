package signin

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// strictly is a gateway with the FAPI 2.0 profile, and what is pushed to its provider. The provider demands nonces.
func strictly(t *testing.T) (*gateway, *pushes) {
	t.Helper()
	key := oidctest.NewKey(t)
	g, p := pushing(t, oidc.PushRequire, map[string]any{
		"authorization_response_iss_parameter_supported": true, "id_token_signing_alg_values_supported": []string{"ES256", "RS256"},
	}, func(c *oidc.Config) {
		c.FAPI, c.DPoP, c.ClientSecret, c.ClientKey, c.ClientAudience = true, true, nil, clientKey(t, key), c.Issuer
	})
	g.idp.Set(func(p *oidctest.IDP) {
		p.TokenType, p.Nonce, p.NonceScheme = "DPoP", "server-nonce", "DPoP"
		p.TokenBody = map[string]any{"expires_in": 3600}
	})
	return g, p
}

// begun asks for a page and returns what the provider is asked for.
func (p *pushes) begun(b *testBrowser) url.Values {
	b.t.Helper()
	if r := b.get("/"); r.status != http.StatusSeeOther || query(b.t, r.location).Get("request_uri") != pushed {
		b.t.Fatalf("%d to %q", r.status, r.location)
	}
	return p.got[len(p.got)-1]
}

// response is the provider's response to a request.
func (g *gateway) response(asked url.Values) url.Values {
	return url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}, "iss": {g.idp.URL}}
}

func (b *testBrowser) returns(response url.Values) result {
	b.t.Helper()
	return b.get(browser.Base + "/callback?" + response.Encode())
}

// fapiModules are the modules of the FAPI 2.0 plans.
func fapiModules() map[string]func(*testing.T) {
	tests := map[string]func(*testing.T){
		"happy-path":                             func(t *testing.T) { happyPath(t, func(*oidctest.IDP) {}) },
		"happy-path-no-dpop-nonce":               func(t *testing.T) { happyPath(t, func(p *oidctest.IDP) { p.Nonce = "" }) },
		"token-type-case-insensitivity":          func(t *testing.T) { happyPath(t, func(p *oidctest.IDP) { p.TokenType = "dpOp" }) },
		"rs-dpop-auth-scheme-case-insensitivity": func(t *testing.T) { happyPath(t, func(p *oidctest.IDP) { p.NonceScheme = "dpOp" }) },
		"token-endpoint-response-without-expires_in": func(t *testing.T) {
			happyPath(t, func(p *oidctest.IDP) { p.TokenBody = nil })
		},
		"discovery-issuer-mismatch":                                      strictMetadata,
		"invalid-alternate-alg":                                          alternateAlgorithm,
		"invalid-authorization-response-iss":                             badResponse("iss", "https://evil.example"),
		"remove-authorization-response-iss":                              badResponse("iss", ""),
		"ensure-authorization-response-with-invalid-state-fails":         badResponse("state", "another"),
		"ensure-authorization-response-with-invalid-missing-state-fails": badResponse("state", ""),
	}
	for module, like := range map[string]string{
		"invalid-iss": "other iss", "invalid-aud": "other aud", "invalid-secondary-aud": "second aud", "invalid-null-alg": "alg none",
		"invalid-expired-exp": "expired", "invalid-missing-exp": "no exp", "invalid-missing-aud": "no aud", "invalid-missing-iss": "no iss",
		"valid-aud-as-array": "audience as a list", "invalid-nonce": "other nonce", "invalid-missing-nonce": "no nonce",
	} {
		tests[module] = func(t *testing.T) {
			g, p := strictly(t)
			idTokenCaseOf(t, like).holds(t, g, func(b *testBrowser) result { return b.returns(g.response(p.begun(b))) },
				func(b *testBrowser, _ result) result { return b.returns(g.response(p.got[len(p.got)-1])) })
		}
	}
	named := map[string]func(*testing.T){}
	for module, test := range tests {
		named["fapi2-security-profile-final-client-test-"+module] = test
	}
	return named
}

// happyPath signs in with everything that the profile demands, userinfo included, at a provider that is changed a little.
func happyPath(t *testing.T, change func(*oidctest.IDP)) {
	g, p := strictly(t)
	g.idp.Set(func(p *oidctest.IDP) {
		p.UserInfo = map[string]any{"sub": "s-1", "preferred_username": "grace"}
		p.Claims = map[string]any{"preferred_username": nil, "groups": nil}
		change(p)
	})
	b := g.browser()
	asked := p.begun(b)
	if asked.Get("code_challenge_method") != "S256" || asked.Get("client_assertion") == "" || asked.Get("response_type") != "code" {
		t.Errorf("pushed %v", asked)
	}
	if r := b.returns(g.response(asked)); !stays(r.location) {
		t.Fatalf("%d to %q\n%+v", r.status, r.location, g.log.last(t))
	}
	key := proofKey(t, g.idp.Sent("/par").Get("DPoP"))
	for _, path := range []string{"/token", "/userinfo"} {
		if proofKey(t, g.idp.Sent(path).Get("DPoP")) != key {
			t.Errorf("%s: another key", path)
		}
	}
	if got := g.idp.Sent("/userinfo").Get("Authorization"); got != "DPoP access" {
		t.Errorf("userinfo was asked with %q", got)
	}
}

// strictMetadata is metadata of another issuer: no request goes anywhere.
func strictMetadata(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Metadata = map[string]any{"issuer": s.idp.URL + "/another"}
		s.provider = func(c *oidc.Config) { c.FAPI, c.Patience = true, time.Second }
	})
	if r := g.browser().get("/"); r.status != http.StatusServiceUnavailable || r.location != "" {
		t.Errorf("%d to %q", r.status, r.location)
	}
	if all := g.idp.Total(); all != g.idp.Count("/.well-known/openid-configuration") || all == 0 {
		t.Errorf("%d requests, of which %d for metadata", all, g.idp.Count("/.well-known/openid-configuration"))
	}
}

// alternateAlgorithm is an ID token that is signed by a key of the provider with RS256, which its metadata lists. The profile alone
// refuses it.
func alternateAlgorithm(t *testing.T) {
	for _, strict := range []bool{true, false} {
		g, p := strictly(t)
		if !strict {
			g, p = pushing(t, oidc.PushRequire, map[string]any{"id_token_signing_alg_values_supported": []string{"ES256", "RS256"}})
		}
		sign := alsoRSA(t, g.idp)
		b := g.browser()
		asked := p.begun(b)
		sign(asked.Get("nonce"))
		r := b.returns(g.response(asked))
		if stays(r.location) == strict {
			t.Errorf("strict %t: %d to %q: %+v", strict, r.status, r.location, g.log.last(t))
		}
	}
}

// alsoRSA publishes an RSA key beside the provider's own, and returns what signs the next ID token with it.
func alsoRSA(t *testing.T, p *oidctest.IDP) (sign func(nonce string) string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: "k1"}, {Key: key.Public(), KeyID: "rsa"}}}
	p.Set(func(p *oidctest.IDP) {
		p.Instead["/keys"] = func(w http.ResponseWriter, _ *http.Request) { oidctest.WriteJSON(w, http.StatusOK, set) }
	})
	return func(nonce string) string {
		token := p.SignWith(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "rsa"}}, nil, map[string]any{
			"iss": p.URL, "aud": oidctest.Client, "sub": "s-1", "nonce": nonce, "iat": p.Now().Unix(), "exp": p.Now().Add(time.Hour).Unix(),
			"preferred_username": "ada", "groups": []string{"staff"},
		})
		p.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": token} })
		return token
	}
}

// badResponse is an authorization response with a wrong parameter, or without it: the code is not redeemed.
func badResponse(param, value string) func(*testing.T) {
	return func(t *testing.T) {
		g, p := strictly(t)
		b := g.browser()
		response := g.response(p.begun(b))
		if response.Del(param); value != "" {
			response.Set(param, value)
		}
		r := b.returns(response)
		if r.status < http.StatusBadRequest || stays(r.location) || g.idp.Count("/token") != 0 {
			t.Errorf("%d to %q, %d token requests", r.status, r.location, g.idp.Count("/token"))
		}
		if param == "iss" && (g.log.last(t).Code != signinlog.ProviderFailed || strings.Contains(r.body, "evil.example")) {
			t.Errorf("log %+v", g.log.last(t))
		}
	}
}

// The profile does not depend on what the metadata promises: a response without its issuer, and tokens by other algorithms than
// those of the profile, are refused where the metadata says nothing or lists nothing else.
func TestProfileWithoutPromises(t *testing.T) {
	g, p := pushing(t, oidc.PushRequire, nil, func(c *oidc.Config) { c.FAPI = true })
	b := g.browser()
	response := g.response(p.begun(b))
	response.Del("iss")
	if r := b.returns(response); r.status != http.StatusBadGateway || g.idp.Count("/token") != 0 {
		t.Errorf("without iss: %d to %q", r.status, r.location)
	}
	for _, listed := range [][]string{nil, {"RS256"}} {
		g, p := pushing(t, oidc.PushRequire, map[string]any{"id_token_signing_alg_values_supported": listed}, func(c *oidc.Config) { c.FAPI = true })
		sign := alsoRSA(t, g.idp)
		b := g.browser()
		asked := p.begun(b)
		sign(asked.Get("nonce"))
		if r := b.returns(g.response(asked)); r.status != http.StatusBadGateway {
			t.Errorf("RS256, listed %v: %d to %q", listed, r.status, r.location)
		}
	}
}
