package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Tokens that are bound to a key (RFC 9449) need it at each request.
func TestBearerDPoP(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{}, "")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(method, address, token string) string {
		claims := map[string]any{"jti": fmt.Sprint(time.Now().UnixNano()), "htm": method, "htu": address, "iat": time.Now().Unix()}
		if token != "" {
			sum := sha256.Sum256([]byte(token))
			claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		out, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := s.token(url.Values{
		"grant_type": {"client_credentials"}, "resource": {apiResource}, "scope": {"api:read"}, "client_id": {"robot"}, "client_secret": {robotSecret},
	}, http.Header{"Dpop": {proof("POST", s.idp.Issuer+"/token", "")}})
	if got.Type != "DPoP" {
		t.Fatalf("token type %q", got.Type)
	}
	bound := func(proofs ...string) http.Header {
		return http.Header{"Authorization": {"DPoP " + got.Access}, "Dpop": proofs}
	}
	first := proof("GET", s.url("/api"), got.Access)
	saw := s.mustPass(s.program("/api?x=1", "", bound(first)))
	if saw.Header.Get("Authorization") != "" || saw.Header.Get("Dpop") != "" || saw.Header.Get("Remote-User") != "robot" {
		t.Errorf("the app saw %v", saw.Header)
	}
	for name, header := range map[string]http.Header{
		"the same proof": bound(first), "no proof": bound(), "for another address": bound(proof("GET", s.url("/other"), got.Access)), "two": bound(proof("GET", s.url("/api"), got.Access), first),
	} {
		if got := s.mustRefuse(s.program("/api", "", header), http.StatusUnauthorized, "token_proof"); !strings.HasPrefix(got, `DPoP error="invalid_dpop_proof"`) || !strings.Contains(got, `algs="`) {
			t.Errorf("%s: %q", name, got)
		}
	}
	s.mustRefuse(s.program("/api", got.Access, http.Header{"Dpop": {proof("GET", s.url("/api"), got.Access)}}), http.StatusUnauthorized, "token_bound")
}

// A token that is no JWT is asked about at its issuer, once a minute.
func TestBearerIntrospection(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{idp: func(ic *rig.IDPConfig) {
		ic.Resources[apiResource] = rig.Resource{Scope: "api:read", Format: "opaque"}
	}}, "introspect robot "+robotSecret)
	token := s.userTokens("alice", "openid api:read", nil).Access
	if strings.Contains(token, ".") {
		t.Fatalf("the token is no opaque one: %s", token)
	}
	for range 3 {
		saw := s.mustPass(s.program("/api", token, nil))
		if saw.Header.Get("Remote-User") != "alice" || saw.Header.Get("Authorization") != "" {
			t.Errorf("the app saw %v", saw.Header)
		}
	}
	if n := s.idp.Hits("introspection"); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	s.mustRefuse(s.program("/api", token+"x", nil), http.StatusUnauthorized, "token_inactive")
	s.idp.Fail("introspection", rig.Fault{Status: http.StatusInternalServerError})
	s.mustRefuse(s.program("/api", "another", nil), http.StatusServiceUnavailable, "token_unverifiable")
	s.mustPass(s.program("/api", token, nil))
}
