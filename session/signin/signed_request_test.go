package signin

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// clientKey is a key of the client, as an operator keeps it.
func clientKey(t *testing.T, key crypto.Signer) func() (*oidc.ClientKey, error) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := oidc.ParseClientKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return func() (*oidc.ClientKey, error) { return parsed, nil }
}

// signedBy returns the header and the claims of a token that the client has signed with a key.
func signedBy(t *testing.T, key crypto.PublicKey, raw string) (header map[string]any, claims map[string]any) {
	t.Helper()
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.RS256})
	if err != nil {
		t.Fatalf("%q is no token: %v", raw, err)
	}
	payload, err := token.Verify(key)
	if err != nil {
		t.Fatalf("signed by another key: %v", err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	h := token.Signatures[0].Protected
	return map[string]any{"alg": h.Algorithm, "kid": h.KeyID, "typ": h.ExtraHeaders[jose.HeaderType]}, claims
}

// RFC 9101: authorization requests are signed where the configuration or the provider requires it. What the browser or the
// pushed request has outside of the signature is what OAuth and OpenID Connect demand, and nothing else.
func TestSignedRequests(t *testing.T) {
	curve := oidctest.NewKey(t)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	requires := map[string]any{"require_signed_request_object": true}
	for name, row := range map[string]struct {
		mode     string
		metadata map[string]any
		push     string
		key      crypto.Signer
		alg      string // "": not signed
	}{
		"not required":          {"", nil, "", curve, ""},
		"required by us":        {oidc.SignRequire, nil, "", curve, "ES256"},
		"required by provider":  {"", requires, "", curve, "ES256"},
		"required, and not now": {oidc.SignOff, requires, "", curve, ""},
		"pushed":                {oidc.SignRequire, nil, oidc.PushRequire, curve, "ES256"},
		"RSA":                   {oidc.SignRequire, nil, oidc.PushRequire, long, "RS256"},
		"RSA, PS256 alone":      {oidc.SignRequire, map[string]any{"request_object_signing_alg_values_supported": []string{"PS256"}}, oidc.PushRequire, long, "PS256"},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := pushing(t, row.push, row.metadata, func(c *oidc.Config) {
				c.Sign, c.ClientSecret, c.ClientKey = row.mode, nil, clientKey(t, row.key)
				c.AuthParams = map[string]string{"max_age": "0", "claims": `{"id_token":{"x":null}}`}
			})
			r := g.browser().get("/page")
			if r.status != http.StatusSeeOther {
				t.Fatalf("%d to %q", r.status, r.location)
			}
			outside := query(t, r.location)
			want := []string{"client_id", "request", "response_type", "scope"}
			if row.push != "" {
				if !slices.Equal(slices.Sorted(maps.Keys(outside)), []string{"client_id", "request_uri"}) {
					t.Errorf("the browser carries %v", outside)
				}
				outside = p.got[0]
				want = []string{"client_assertion", "client_assertion_type", "client_id", "request"}
			}
			if row.alg == "" {
				if outside.Get("request") != "" || outside.Get("state") == "" {
					t.Errorf("the browser carries %v", outside)
				}
				return
			}
			if names := slices.Sorted(maps.Keys(outside)); !slices.Equal(names, want) {
				t.Errorf("outside of the signature: %v", names)
			}
			header, claims := signedBy(t, row.key.Public(), outside.Get("request"))
			signing, err := clientKey(t, row.key)()
			if err != nil {
				t.Fatal(err)
			}
			if header["alg"] != row.alg || header["typ"] != "oauth-authz-req+jwt" || header["kid"] != signing.ID {
				t.Errorf("header %v", header)
			}
			for claim, want := range map[string]any{
				"iss": oidctest.Client, "client_id": oidctest.Client, "aud": g.idp.URL, "response_type": "code", "code_challenge_method": "S256",
				"redirect_uri": g.URL + browser.Base + "/callback", "max_age": 0.0, "sub": nil, "request": nil, "request_uri": nil,
			} {
				if claims[claim] != want {
					t.Errorf("%s is %v, want %v", claim, claims[claim], want)
				}
			}
			if _, ok := claims["claims"].(map[string]any); !ok {
				t.Errorf("claims is %T", claims["claims"])
			}
			for _, must := range []string{"jti", "state", "nonce", "scope", "code_challenge"} {
				if s, _ := claims[must].(string); s == "" {
					t.Errorf("no %s", must)
				}
			}
			now := float64(g.clock.Now().Unix())
			if claims["iat"] != now || claims["nbf"] != now || claims["exp"] != now+(5*time.Minute).Seconds() {
				t.Errorf("iat %v, nbf %v, exp %v; now %v", claims["iat"], claims["nbf"], claims["exp"], now)
			}
		})
	}
}

// A request that cannot be signed is not sent unsigned.
func TestRequestsThatCannotBeSigned(t *testing.T) {
	unreadable := func() (*oidc.ClientKey, error) { return oidc.ParseClientKey(nil) }
	for name, c := range map[string]struct {
		key    func() (*oidc.ClientKey, error)
		params map[string]string
	}{
		"no key":             {unreadable, nil},
		"max_age is no time": {clientKey(t, oidctest.NewKey(t)), map[string]string{"max_age": "soon"}},
	} {
		g, _ := pushing(t, oidc.PushOff, nil, func(into *oidc.Config) {
			into.Sign, into.ClientSecret, into.ClientKey, into.AuthParams = oidc.SignRequire, nil, c.key, c.params
		})
		if r := g.browser().get("/page"); r.status != http.StatusInternalServerError || r.location != "" {
			t.Errorf("%s: %d to %q", name, r.status, r.location)
		}
	}
}

// RFC 7523 and FAPI 2.0, section 5.3.3.1: the audience of an assertion is the token endpoint there and the issuer elsewhere, or
// the issuer at every endpoint. It is always one audience.
func TestAssertionAudience(t *testing.T) {
	key := oidctest.NewKey(t)
	for name, c := range map[string]struct {
		audience string
		token    func(*oidctest.IDP) string
	}{
		"default": {"", func(p *oidctest.IDP) string { return p.URL + "/token" }},
		"issuer":  {"issuer", func(p *oidctest.IDP) string { return p.URL }},
	} {
		g, p := pushing(t, oidc.PushRequire, nil, func(into *oidc.Config) {
			into.ClientSecret, into.ClientKey = nil, clientKey(t, key)
			if c.audience != "" {
				into.ClientAudience = into.Issuer
			}
		})
		b := g.browser()
		if r := b.get("/"); r.status != http.StatusSeeOther {
			t.Fatalf("%s: %d", name, r.status)
		}
		if r := b.callback(p.got[0]); !stays(r.location) {
			t.Fatalf("%s: %d to %q", name, r.status, r.location)
		}
		for at, form := range map[string]struct {
			url.Values
			want string
		}{"push": {p.got[0], g.idp.URL}, "token": {g.idp.LastToken, c.token(g.idp)}} {
			_, claims := signedBy(t, key.Public(), form.Get("client_assertion"))
			if claims["aud"] != form.want || claims["iss"] != oidctest.Client || claims["sub"] != oidctest.Client {
				t.Errorf("%s: at %s: %v, want aud %s", name, at, claims, form.want)
			}
		}
	}
}

// proofKey returns the thumbprint of the key that a proof proves.
func proofKey(t *testing.T, proof string) string {
	t.Helper()
	token, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("%q is no proof: %v", proof, err)
	}
	sum, err := token.Signatures[0].Header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// RFC 9449, section 10: the code is bound to the key with which it is redeemed. A request through the browser states the key,
// signed if requests are; a pushed one proves it.
func TestCodeIsBound(t *testing.T) {
	key := oidctest.NewKey(t)
	for name, c := range map[string]struct {
		push, sign string
	}{
		"browser": {"", ""}, "pushed": {oidc.PushRequire, ""}, "signed": {"", oidc.SignRequire}, "pushed and signed": {oidc.PushRequire, oidc.SignRequire},
	} {
		t.Run(name, func(t *testing.T) {
			g, p := pushing(t, c.push, nil, func(into *oidc.Config) {
				into.DPoP, into.Sign, into.ClientSecret, into.ClientKey = true, c.sign, nil, clientKey(t, key)
			})
			g.idp.Set(func(p *oidctest.IDP) { p.TokenType = "DPoP" })
			b := g.browser()
			asked := query(t, b.get("/").location)
			if c.push != "" {
				asked = p.got[0]
			}
			if c.sign != "" {
				_, claims := signedBy(t, key.Public(), asked.Get("request"))
				asked = url.Values{}
				for name, value := range claims {
					if s, ok := value.(string); ok {
						asked.Set(name, s)
					}
				}
			}
			if r := b.callback(asked); !stays(r.location) {
				t.Fatalf("%d to %q", r.status, r.location)
			}
			redeemed := proofKey(t, g.idp.Sent("/token").Get("DPoP"))
			if c.push != "" {
				if pushed := proofKey(t, g.idp.Sent("/par").Get("DPoP")); pushed != redeemed || asked.Get("dpop_jkt") != "" {
					t.Errorf("pushed with key %s and dpop_jkt %q, redeemed with key %s", pushed, asked.Get("dpop_jkt"), redeemed)
				}
				return
			}
			if asked.Get("dpop_jkt") != redeemed {
				t.Errorf("dpop_jkt %q, redeemed with key %s", asked.Get("dpop_jkt"), redeemed)
			}
			// The key belongs to one sign-in: another one cannot be linked to it.
			if c.sign == "" {
				if other := query(t, g.browser().get("/").location).Get("dpop_jkt"); other == "" || other == redeemed {
					t.Errorf("another sign-in has key %q", other)
				}
			}
		})
	}
	g, _ := pushing(t, "", nil)
	if asked := g.browser().toProvider("/"); asked.Has("dpop_jkt") {
		t.Errorf("without dpop the browser carries %v", asked)
	}
}

// What is registered at the provider has the names that assertions use, and no private part.
func TestPublicKeys(t *testing.T) {
	var keys []*oidc.ClientKey
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := clientKey(t, key)()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, parsed)
	}
	text, err := oidc.PublicKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) != 2 || strings.Contains(text, `"d":`) {
		t.Fatalf("%s: %v", text, err)
	}
	for i, key := range set.Keys {
		if key.KeyID != keys[i].ID || !key.IsPublic() || key.Use != "sig" {
			t.Errorf("key %d: %+v", i, key)
		}
	}
}
