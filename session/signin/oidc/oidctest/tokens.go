package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
)

// NewStranger is a provider that signs with a key of its own under an id, and answers nothing.
func NewStranger(t testing.TB, keyID string) *IDP {
	t.Helper()
	return &IDP{T: t, Key: NewKey(t), KeyID: keyID}
}

// Forged makes a token that says the right things under a wrong signature.
func Forged(p *IDP, alg string) string {
	claims, _ := json.Marshal(map[string]any{
		"iss": p.URL, "aud": Client, "sub": "s-1", "iat": p.Now().Unix(), "exp": p.Now().Add(time.Hour).Unix(),
	})
	if alg == "ES256" {
		other := NewStranger(p.T, p.KeyID)
		var m map[string]any
		_ = json.Unmarshal(claims, &m)
		return other.Sign(m)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"`+alg+`"}`)) + "." + b64(claims) + "." + b64([]byte("0123456789abcdef0123456789abcdef"))
}

// NewKey makes a key for ES256.
func NewKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// LogoutEvent is the event that makes a token a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutClaims are those of a good logout token, but for its sub or sid.
func (p *IDP) LogoutClaims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": p.URL, "aud": Client, "iat": p.Now().Unix(), "exp": p.Now().Add(2 * time.Minute).Unix(),
		"jti": session.NewRandom(12), "events": map[string]any{LogoutEvent: map[string]any{}},
	}
	maps.Copy(claims, change)
	for k, v := range claims {
		if v == nil {
			delete(claims, k)
		}
	}
	return claims
}

// SignWith signs with a key under any header.
func (p *IDP) SignWith(key jose.SigningKey, header, claims map[string]any) string {
	options := &jose.SignerOptions{}
	for k, v := range header {
		options = options.WithHeader(jose.HeaderKey(k), v)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		p.T.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.T.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		p.T.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		p.T.Fatal(err)
	}
	return raw
}

// LogoutToken is a signed logout token with the claims of LogoutClaims.
func (p *IDP) LogoutToken(change map[string]any) string {
	return p.LogoutTokenOf(map[string]any{"typ": "logout+jwt"}, change)
}

// LogoutTokenOf is LogoutToken under any header.
func (p *IDP) LogoutTokenOf(header, change map[string]any) string {
	return p.SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.Key, KeyID: p.KeyID}}, header, p.LogoutClaims(change))
}

// Sign signs claims with the provider's key, under Header.
func (p *IDP) Sign(claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType("JWT")
	for k, v := range p.Header {
		options = options.WithHeader(jose.HeaderKey(k), v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.Key, KeyID: p.KeyID},
	}, options)
	if err != nil {
		p.T.Error(err)
		return ""
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.T.Error(err)
		return ""
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		p.T.Error(err)
		return ""
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		p.T.Error(err)
	}
	return token
}

// AccessTokenHash is the at_hash of an access token for ES256 (OpenID Connect Core section 3.1.3.6).
func AccessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// Subject is whom the provider signs in.
func (p *IDP) Subject() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sub, ok := p.Claims["sub"].(string); ok {
		return sub
	}
	return "s-1"
}

// SignInAs has the provider sign in this subject from now on.
func (p *IDP) SignInAs(sub string) {
	p.Set(func(p *IDP) { p.Claims = map[string]any{"sub": sub} })
}

// Document is a transport that answers with the metadata of an issuer, and passes on what else is asked.
type Document struct {
	Issuer string
	Next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (d Document) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return d.Next.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": d.Issuer, "authorization_endpoint": d.Issuer + "/authorize", "token_endpoint": d.Issuer + "/token", "jwks_uri": d.Issuer + "/keys",
	})
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// Busy is a transport in front of a provider that answers every call with a status and Retry-After while it is set.
type Busy struct {
	Next http.RoundTripper

	Mu     sync.Mutex
	Status int
	After  string
	calls  int
}

// RoundTrip implements http.RoundTripper.
func (b *Busy) RoundTrip(r *http.Request) (*http.Response, error) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.calls++
	if b.Status == 0 {
		return b.Next.RoundTrip(r)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Retry-After", b.After)
	rec.WriteHeader(b.Status)
	return rec.Result(), nil
}

// Set sets the answer, 0 for that of the provider, and returns the number of calls so far.
func (b *Busy) Set(status int, after string) (calls int) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.Status, b.After = status, after
	return b.calls
}
