package oidctest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// IDP is a provider that answers whatever a test wants it to, and counts who asks. The real one is in package test.
type IDP struct {
	*httptest.Server
	T   testing.TB
	Now func() time.Time

	mu      sync.Mutex
	hits    map[string]int
	headers map[string]http.Header // of the last request, by path
	// Broken endpoints answer 503, by path; redirecting ones 302.
	Broken, Redirecting map[string]bool
	Key                 *ecdsa.PrivateKey
	KeyID               string
	KeyUse              string
	// nonces are those of the flows, by code, as /authorize is played by the test.
	Claims   map[string]any // merged over the default claims; nil deletes
	Header   map[string]any // merged over the default header
	UserInfo map[string]any // nil: no userinfo endpoint
	Metadata map[string]any // merged over the metadata
	// UserInfoToken is what userinfo answers instead, as a token.
	UserInfoToken string
	// Graph is what Microsoft Graph answers, with which status.
	Graph       any
	GraphStatus int
	Revoked     []string
	// Hang, if set, keeps the token endpoint waiting until it is closed.
	Hang      chan struct{}
	LastToken url.Values
	// TokenType is the type of access tokens; empty: Bearer.
	TokenType string
	// Nonce, if set, is demanded in proofs (DPoP) at /token, /par and /userinfo, where the challenge has the scheme NonceScheme.
	Nonce, NonceScheme string
	TokenBody          map[string]any // merged over the token answer
	TokenFail          map[string]any // if set, 400 with this
	FormOnly           bool           // the client secret is taken in the form alone
	// Instead answers for an endpoint, by path.
	Instead map[string]http.HandlerFunc
}

// Client is the client_id that the provider knows.
const Client = "latchkey"

// New starts a provider on a loopback port. It ends with the test.
func New(t testing.TB, now func() time.Time) *IDP {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &IDP{T: t, Now: now, hits: map[string]int{}, headers: map[string]http.Header{}, Broken: map[string]bool{}, Redirecting: map[string]bool{}, Instead: map[string]http.HandlerFunc{}, Key: key, KeyID: "k1"}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.serveMetadata)
	mux.HandleFunc("/keys", p.serveKeys)
	mux.HandleFunc("/token", p.serveToken)
	mux.HandleFunc("/userinfo", p.serveUserInfo)
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		p.mu.Lock()
		defer p.mu.Unlock()
		id, secret, _ := r.BasicAuth()
		p.Revoked = append(p.Revoked, r.PostForm.Get("token")+" by "+id+":"+secret)
	})
	mux.HandleFunc("POST /v1.0/me/getMemberObjects", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		WriteJSON(w, p.GraphStatus, p.Graph)
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.hits[r.URL.Path]++
		p.headers[r.URL.Path] = r.Header
		lacking := p.lacksNonce(r)
		broken, redirecting, instead := p.Broken[r.URL.Path], p.Redirecting[r.URL.Path], p.Instead[r.URL.Path]
		p.mu.Unlock()
		switch {
		case lacking:
			p.demandNonce(w, r)
		case instead != nil:
			instead(w, r)
		case broken:
			w.WriteHeader(http.StatusServiceUnavailable)
		case redirecting:
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// Set changes the provider between requests.
func (p *IDP) Set(change func(*IDP)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// Count is the number of requests for a path.
func (p *IDP) Count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

// Sent is the header of the last request for a path; nil if there was none.
func (p *IDP) Sent(path string) http.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.headers[path]
}

// lacksNonce reports whether a request with a proof is refused for its nonce.
func (p *IDP) lacksNonce(r *http.Request) bool {
	if p.Nonce == "" || r.Header.Get("DPoP") == "" {
		return false
	}
	var proof struct{ Nonce string }
	_, rest, _ := strings.Cut(r.Header.Get("DPoP"), ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	return err != nil || json.Unmarshal(raw, &proof) != nil || proof.Nonce != p.Nonce
}

// demandNonce answers as RFC 9449 says, in section 8 for endpoints of the authorization server and in section 9 for resources.
func (p *IDP) demandNonce(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("DPoP-Nonce", p.Nonce)
	if r.URL.Path == "/userinfo" {
		w.Header().Set("WWW-Authenticate", p.NonceScheme+` error="use_dpop_nonce"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	WriteJSON(w, http.StatusBadRequest, map[string]any{"error": "use_dpop_nonce"})
}

// Total is the number of all requests.
func (p *IDP) Total() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.hits {
		n += c
	}
	return n
}

// WriteJSON answers with a status and v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *IDP) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	meta := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.URL + "/end",
		"revocation_endpoint": p.URL + "/revoke", "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	if p.UserInfo != nil {
		meta["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	maps.Copy(meta, p.Metadata)
	WriteJSON(w, http.StatusOK, meta)
}

func (p *IDP) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	WriteJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: p.KeyID, Use: p.KeyUse}}})
}

func (p *IDP) serveUserInfo(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.UserInfoToken != "" {
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = io.WriteString(w, p.UserInfoToken)
		return
	}
	WriteJSON(w, http.StatusOK, p.UserInfo)
}

// The code that the test hands to the callback is the nonce, so that the provider need not remember it.
func (p *IDP) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.LastToken = r.PostForm
	if p.Hang != nil {
		hang := p.Hang
		p.mu.Unlock()
		<-hang
		p.mu.Lock()
	}
	if p.FormOnly && r.PostForm.Get("client_secret") == "" {
		WriteJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if p.TokenFail != nil {
		WriteJSON(w, http.StatusBadRequest, p.TokenFail)
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": Client, "sub": "s-1", "nonce": r.PostForm.Get("code"), "iat": p.Now().Unix(),
		"exp": p.Now().Add(time.Hour).Unix(), "preferred_username": "ada", "groups": []string{"staff"},
		"at_hash": AccessTokenHash("access"),
	}
	maps.Copy(claims, p.Claims)
	for k, v := range claims {
		if v == nil {
			delete(claims, k)
		}
	}
	body := map[string]any{
		"access_token": "access", "token_type": cmp.Or(p.TokenType, "Bearer"), "refresh_token": "refresh-canary", "id_token": p.Sign(claims),
	}
	maps.Copy(body, p.TokenBody)
	WriteJSON(w, http.StatusOK, body)
}
