package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func idTokenCaseOf(t *testing.T, name string) *idTokenCase {
	t.Helper()
	i := slices.IndexFunc(idTokenCases, func(c idTokenCase) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no case %q", name)
	}
	return &idTokenCases[i]
}

// rpModules are the modules of OpenID's plans for relying parties, except those of the logout plans.
func rpModules() map[string]func(*testing.T) {
	tests := map[string]func(*testing.T){
		"":                                          signsInWith(nil),
		"-client-secret-basic":                      TestClientAuthentication,
		"-scope-userinfo-claims":                    userInfoHeader,
		"-userinfo-bearer-header":                   userInfoHeader,
		"-userinfo-invalid-sub":                     TestUserInfo,
		"-userinfo-signed":                          TestSignedUserInfo,
		"-mtls-endpoint-aliases":                    TestClientCertificate,
		"-3rd-party-init-login":                     TestFormFromElsewhereKeepsTheSession,
		"-kid-absent-single-jwks":                   signsInWith(func(p *oidctest.IDP) { p.KeyID = "" }),
		"-kid-absent-multiple-jwks":                 kidAbsentMultiple,
		"-idtoken-sig-rs256":                        signedWithRS256,
		"-invalid-sig-rs256":                        badSignatureRS256,
		"-form-post-error":                          formPostError,
		"-discovery-openid-config":                  discovered,
		"-discovery-jwks-uri-keys":                  discovered,
		"-discovery-issuer-mismatch":                strictMetadata,
		"-signing-key-rotation":                     rotated(false),
		"-signing-key-rotation-just-before-signing": rotated(true),
		"-refresh-token":                            refreshed(nil, true),
		"-refresh-token-invalid-issuer":             refreshed(map[string]any{"iss": "https://evil.example"}, false),
		"-refresh-token-invalid-sub":                refreshed(map[string]any{"sub": "s-2"}, false),
	}
	for module, like := range map[string]string{
		"-invalid-iss": "other iss", "-missing-sub": "no sub", "-invalid-aud": "other aud", "-missing-aud": "no aud", "-missing-iat": "no iat",
		"-idtoken-sig-none": "alg none", "-invalid-sig-es256": "signed by nobody we know", "-invalid-sig-hs256": "HS256",
		"-nonce-invalid": "other nonce", "-invalid-athash": "wrong at_hash",
	} {
		tests[module] = func(t *testing.T) {
			idTokenCaseOf(t, like).holds(t, newGateway(t), func(b *testBrowser) result { return b.callback(b.toProvider("/")) }, calledAgain)
		}
	}
	named := map[string]func(*testing.T){}
	for module, test := range tests {
		named["oidcc-client-test"+module] = test
	}
	return named
}

// signsInWith is a sign-in at a provider that is changed in a way that does not matter.
func signsInWith(change func(*oidctest.IDP)) func(*testing.T) {
	return func(t *testing.T) {
		g := newGateway(t)
		if change != nil {
			g.idp.Set(change)
		}
		g.browser().signIn("no")
	}
}

// userInfoHeader: claims that the ID token lacks are requested with the token in the header, and used.
func userInfoHeader(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.UserInfo = map[string]any{"sub": "s-1", "preferred_username": "grace"}
		s.idp.Claims = map[string]any{"preferred_username": nil, "groups": nil}
	})
	b := g.browser()
	asked := b.toProvider("/")
	if !slices.Contains(strings.Fields(asked.Get("scope")), "profile") {
		t.Errorf("scope %q", asked.Get("scope"))
	}
	b.answer(b.get(b.callback(asked).location), "no")
	if got := b.user(); got != "app: grace browser" {
		t.Errorf("the app sees %q", got)
	}
	if got := g.idp.Sent("/userinfo").Get("Authorization"); got != "Bearer access" {
		t.Errorf("userinfo was asked with %q", got)
	}
}

// kidAbsentMultiple is a token without kid where several keys fit: the key that has signed it is found.
func kidAbsentMultiple(t *testing.T) {
	signsInWith(func(p *oidctest.IDP) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: oidctest.NewKey(t).Public(), KeyID: "other"}, {Key: p.Key.Public(), KeyID: "own"},
		}}
		p.KeyID = ""
		p.Instead["/keys"] = func(w http.ResponseWriter, _ *http.Request) { oidctest.WriteJSON(w, http.StatusOK, set) }
	})(t)
}

// withRS256 is a provider that signs with RS256, and what makes it sign the next ID token.
func withRS256(t *testing.T) (g *gateway, sign func(nonce string) string) {
	t.Helper()
	g = newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Metadata = map[string]any{"id_token_signing_alg_values_supported": []string{"RS256"}}
	})
	return g, alsoRSA(t, g.idp)
}

func signedWithRS256(t *testing.T) {
	g, sign := withRS256(t)
	b := g.browser()
	asked := b.toProvider("/")
	sign(asked.Get("nonce"))
	if r := b.callback(asked); !stays(r.location) {
		t.Errorf("%d to %q: %+v", r.status, r.location, g.log.last(t))
	}
}

// badSignatureRS256 is a token with the signature of another one.
func badSignatureRS256(t *testing.T) {
	g, sign := withRS256(t)
	b := g.browser()
	asked := b.toProvider("/")
	other, token := sign("another"), sign(asked.Get("nonce"))
	forged := token[:strings.LastIndexByte(token, '.')] + other[strings.LastIndexByte(other, '.'):]
	g.idp.Set(func(p *oidctest.IDP) { p.TokenBody = map[string]any{"id_token": forged} })
	if r := b.callback(asked); r.status != http.StatusBadGateway {
		t.Errorf("%d to %q", r.status, r.location)
	}
}

// formPostError is an error in a form that the provider makes the browser post.
func formPostError(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.params = map[string]string{"response_mode": "form_post"} })
	b := g.browser()
	asked := b.toProvider("/")
	form := url.Values{"state": {asked.Get("state")}, "error": {"access_denied"}, "error_description": {"canary"}}
	post := g.browser().do(http.MethodPost, browser.Base+"/callback", form, "Origin", g.idp.URL, "Sec-Fetch-Site", "cross-site")
	if post.status != http.StatusSeeOther {
		t.Fatalf("%d to %q", post.status, post.location)
	}
	r := b.get(post.location)
	if r.status != http.StatusForbidden || g.log.last(t).Code != signinlog.ConsentDeclined || strings.Contains(r.body, "canary") || g.idp.Count("/token") != 0 {
		t.Errorf("%d, log %+v", r.status, g.log.last(t))
	}
}

// discovered: endpoints and keys come from the metadata.
func discovered(t *testing.T) {
	g := newGateway(t)
	g.browser().signIn("no")
	for _, path := range []string{"/.well-known/openid-configuration", "/keys", "/token"} {
		if g.idp.Count(path) == 0 {
			t.Errorf("nothing came to %s", path)
		}
	}
}

// rotated is a provider that has a new key for the second sign-in: before it begins, or just before the token is signed.
func rotated(late bool) func(*testing.T) {
	return func(t *testing.T) {
		g := newGateway(t)
		g.browser().signIn("no")
		g.clock.Advance(time.Hour)
		rotate := func() { g.idp.Set(func(p *oidctest.IDP) { p.Key, p.KeyID = oidctest.NewKey(t), "k2" }) }
		if !late {
			rotate()
		}
		b := g.browser()
		asked := b.toProvider("/")
		if late {
			rotate()
		}
		if r := b.callback(asked); !stays(r.location) || g.idp.Count("/keys") != 2 {
			t.Errorf("%d to %q, keys fetched %d times", r.status, r.location, g.idp.Count("/keys"))
		}
	}
}

// refreshed is a renewal whose ID token says something else than the first one.
func refreshed(change map[string]any, good bool) func(*testing.T) {
	return func(t *testing.T) {
		g, b := recheckGateway(t)
		g.idp.Set(func(p *oidctest.IDP) {
			p.Claims = map[string]any{"nonce": nil, "preferred_username": "grace"}
			for claim, value := range change {
				p.Claims[claim] = value
			}
		})
		g.clock.Advance(2 * recheck)
		if good {
			storetest.Until(t, "the app sees the new name", func() bool { return b.user() == "app: grace persistent" })
			return
		}
		if r := b.get("/"); r.status != http.StatusSeeOther || b.alive() || g.idp.Count("/token") != 2 {
			t.Errorf("%d %q, alive %t, %d token requests", r.status, r.body, b.alive(), g.idp.Count("/token"))
		}
	}
}

// logoutModules are the modules of the logout plans.
func logoutModules() map[string]func(*testing.T) {
	tests := map[string]func(*testing.T){
		"rp-init-logout":                        rpInitLogout(func(state string) url.Values { return url.Values{"state": {state}} }),
		"rp-init-logout-other-state":            rpInitLogout(func(string) url.Values { return url.Values{"state": {"another"}} }),
		"rp-init-logout-no-state":               rpInitLogout(func(string) url.Values { return nil }),
		"rp-frontchannel-rpinitlogout":          TestFrontChannel,
		"rp-frontchannel-opinitlogout":          TestFrontChannelFrames,
		"rp-backchannel-rpinitlogout-alg-none":  TestBackChannelForm,
		"rp-backchannel-rpinitlogout-wrong-alg": TestBackChannelForm,
	}
	for module, rule := range map[string]string{
		"": "1 a good token", "-no-event": "6 events missing", "-with-nonce": "7 nonce", "-wrong-aud": "4 aud of another client",
		"-wrong-event": "6 events without ours", "-wrong-iss": "4 iss of another provider",
	} {
		i := slices.IndexFunc(backChannelRules, func(r backChannelRule) bool { return r.rule == rule })
		tests["rp-backchannel-rpinitlogout"+module] = func(t *testing.T) { backChannelRules[i].holds(t) }
	}
	named := map[string]func(*testing.T){}
	for module, test := range tests {
		named["oidcc-client-test-"+module] = test
	}
	return named
}

// rpInitLogout signs out here and at the provider, which sends the browser back with a state: the session is over, whatever the
// state is.
func rpInitLogout(back func(state string) url.Values) func(*testing.T) {
	return func(t *testing.T) {
		g := newGateway(t)
		b := g.browser()
		b.signIn("no")
		page := b.get(browser.Base + "/sign-out")
		_, target, _ := strings.Cut(b.do(http.MethodPost, browser.Base+"/sign-out", url.Values{"csrf": {csrf(page.body)}}).header.Get("Refresh"), "url=")
		left := query(t, target)
		if left.Get("state") == "" || left.Get("post_logout_redirect_uri") != g.URL+browser.Base+"/signed-out" {
			t.Fatalf("to the provider with %v", left)
		}
		if r := b.get(browser.Base + "/signed-out?" + back(left.Get("state")).Encode()); r.status != http.StatusOK || b.alive() {
			t.Errorf("back: %d, alive %t", r.status, b.alive())
		}
	}
}
