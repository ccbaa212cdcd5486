package signin

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

// newStranger is a provider that signs with a key of its own under an id, and answers nothing.
func newStranger(t *testing.T, keyID string) *fakeIDP {
	t.Helper()
	return &fakeIDP{t: t, key: newKey(t), keyID: keyID}
}

// forged makes a token that says the right things under a wrong signature.
func forged(p *fakeIDP, alg string) string {
	claims, _ := json.Marshal(map[string]any{
		"iss": p.URL, "aud": testClient, "sub": "s-1", "iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix(),
	})
	if alg == "ES256" {
		other := newStranger(p.t, p.keyID)
		var m map[string]any
		_ = json.Unmarshal(claims, &m)
		return other.sign(m)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"`+alg+`"}`)) + "." + b64(claims) + "." + b64([]byte("0123456789abcdef0123456789abcdef"))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// LogoutEvent is the event that makes a token a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutClaims are those of a good logout token, but for its sub or sid.
func (p *fakeIDP) logoutClaims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": p.URL, "aud": testClient, "iat": p.now().Unix(), "exp": p.now().Add(2 * time.Minute).Unix(),
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

// signWith signs with a key under any header.
func (p *fakeIDP) signWith(key jose.SigningKey, header, claims map[string]any) string {
	options := &jose.SignerOptions{}
	for k, v := range header {
		options = options.WithHeader(jose.HeaderKey(k), v)
	}
	signer, err := jose.NewSigner(key, options)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

func (p *fakeIDP) logoutToken(change map[string]any) string {
	return p.logoutTokenOf(map[string]any{"typ": "logout+jwt"}, change)
}

func (p *fakeIDP) logoutTokenOf(header, change map[string]any) string {
	return p.signWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.keyID}}, header, p.logoutClaims(change))
}

func (p *fakeIDP) sign(claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType("JWT")
	for k, v := range p.header {
		options = options.WithHeader(jose.HeaderKey(k), v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.keyID},
	}, options)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	return token
}

func accessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// subject is whom the provider signs in.
func (p *fakeIDP) subject() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sub, ok := p.claims["sub"].(string); ok {
		return sub
	}
	return "s-1"
}

func (p *fakeIDP) signInAs(sub string) {
	p.set(func(p *fakeIDP) { p.claims = map[string]any{"sub": sub} })
}

// document is a transport that answers with the metadata of an issuer, and passes on what else is asked.
type document struct {
	Issuer string
	Next   http.RoundTripper
}

func (d document) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return d.Next.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": d.Issuer, "authorization_endpoint": d.Issuer + "/authorize", "token_endpoint": d.Issuer + "/token", "jwks_uri": d.Issuer + "/keys",
	})
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// busy is a transport in front of a provider that answers every call with a status and Retry-After while it is set.
type busy struct {
	next http.RoundTripper

	mu     sync.Mutex
	status int
	after  string
	calls  int
}

func (b *busy) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.status == 0 {
		return b.next.RoundTrip(r)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Retry-After", b.after)
	rec.WriteHeader(b.status)
	return rec.Result(), nil
}

func (b *busy) set(status int, after string) (calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.after = status, after
	return b.calls
}
