package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fakeIDP is a provider that answers whatever a test wants it to, and counts who asks. The real one is in package test.
type fakeIDP struct {
	*httptest.Server
	t   *testing.T
	now func() time.Time

	mu   sync.Mutex
	hits map[string]int
	// broken endpoints answer 503, by path; redirecting ones 302.
	broken, redirecting map[string]bool
	key                 *ecdsa.PrivateKey
	keyID               string
	keyUse              string
	// nonces are those of the flows, by code, as /authorize is played by the test.
	claims   map[string]any // merged over the default claims; nil deletes
	header   map[string]any // merged over the default header
	userinfo map[string]any // nil: no userinfo endpoint
	metadata map[string]any // merged over the metadata
	// userinfoToken is what userinfo answers instead, as a token.
	userinfoToken string
	// graph is what Microsoft Graph answers, with which status.
	graph       any
	graphStatus int
	revoked     []string
	// hang, if set, keeps the token endpoint waiting until it is closed.
	hang      chan struct{}
	lastToken url.Values
	tokenBody map[string]any // merged over the token answer
	tokenFail map[string]any // if set, 400 with this
	formOnly  bool           // the client secret is taken in the form alone
	// instead answers for an endpoint, by path.
	instead map[string]http.HandlerFunc
}

const testClient = "latchkey"

func newIDP(t *testing.T, now func() time.Time) *fakeIDP {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeIDP{t: t, now: now, hits: map[string]int{}, broken: map[string]bool{}, redirecting: map[string]bool{}, instead: map[string]http.HandlerFunc{}, key: key, keyID: "k1"}
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
		p.revoked = append(p.revoked, r.PostForm.Get("token")+" by "+id+":"+secret)
	})
	mux.HandleFunc("POST /v1.0/me/getMemberObjects", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		writeJSON(w, p.graphStatus, p.graph)
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.hits[r.URL.Path]++
		broken, redirecting, instead := p.broken[r.URL.Path], p.redirecting[r.URL.Path], p.instead[r.URL.Path]
		p.mu.Unlock()
		switch {
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

// set changes the provider between requests.
func (p *fakeIDP) set(change func(*fakeIDP)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *fakeIDP) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

func (p *fakeIDP) total() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.hits {
		n += c
	}
	return n
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *fakeIDP) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	meta := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "end_session_endpoint": p.URL + "/end",
		"revocation_endpoint": p.URL + "/revoke", "id_token_signing_alg_values_supported": []string{"ES256"},
	}
	if p.userinfo != nil {
		meta["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	maps.Copy(meta, p.metadata)
	writeJSON(w, http.StatusOK, meta)
}

func (p *fakeIDP) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.keyID, Use: p.keyUse}}})
}

func (p *fakeIDP) serveUserInfo(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.userinfoToken != "" {
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = io.WriteString(w, p.userinfoToken)
		return
	}
	writeJSON(w, http.StatusOK, p.userinfo)
}

// The code that the test hands to the callback is the nonce, so that the provider need not remember it.
func (p *fakeIDP) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastToken = r.PostForm
	if p.hang != nil {
		hang := p.hang
		p.mu.Unlock()
		<-hang
		p.mu.Lock()
	}
	if p.formOnly && r.PostForm.Get("client_secret") == "" {
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if p.tokenFail != nil {
		writeJSON(w, http.StatusBadRequest, p.tokenFail)
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": testClient, "sub": "s-1", "nonce": r.PostForm.Get("code"), "iat": p.now().Unix(),
		"exp": p.now().Add(time.Hour).Unix(), "preferred_username": "ada", "groups": []string{"staff"},
		"at_hash": accessTokenHash("access"),
	}
	maps.Copy(claims, p.claims)
	for k, v := range claims {
		if v == nil {
			delete(claims, k)
		}
	}
	body := map[string]any{
		"access_token": "access", "token_type": "Bearer", "refresh_token": "refresh-canary", "id_token": p.sign(claims),
	}
	maps.Copy(body, p.tokenBody)
	writeJSON(w, http.StatusOK, body)
}
