package rig

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
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	ClientID     = "bench"
	ClientSecret = "a-secret-for-this-run-only"
)

// Provider is a minimal OpenID provider for a benchmark: each client is signed in at once as a new user, with ES256,
// ten groups in the id_token, and an 800-byte refresh token.
type Provider struct {
	// Issuer is set after its address is known, before the first request.
	Issuer string
	key    *ecdsa.PrivateKey
	signer jose.Signer

	mu    sync.Mutex
	codes map[string]grant
	users int
}

// grant is what a code stands for.
type grant struct {
	user                              int
	nonce, challenge, redirect, scope string
}

// NewProvider returns a provider without an address.
func NewProvider() (*Provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := signerOf(key, "JWT")
	if err != nil {
		return nil, err
	}
	return &Provider{key: key, signer: signer, codes: map[string]grant{}}, nil
}

// Handler answers its requests.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /.well-known/ssf-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": p.Issuer, "jwks_uri": p.Issuer + "/keys"})
	})
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return mux
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{
		"issuer":                                         p.Issuer,
		"authorization_endpoint":                         p.Issuer + "/authorize",
		"token_endpoint":                                 p.Issuer + "/token",
		"userinfo_endpoint":                              p.Issuer + "/userinfo",
		"jwks_uri":                                       p.Issuer + "/keys",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile", "email", "offline_access"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "bench-1", Algorithm: "ES256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad authorization request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.users++
	p.codes[code] = grant{user: p.users, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), scope: q.Get("scope")}
	p.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.Issuer}}.Encode()
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if !authenticated(r) || r.FormValue("grant_type") != "authorization_code" {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	code := r.FormValue("code")
	p.mu.Lock()
	g, known := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || r.FormValue("redirect_uri") != g.redirect || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	access, err := p.sign(map[string]any{
		"iss": p.Issuer, "aud": "api", "sub": Subject(g.user), "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"jti": rand.Text(), "scope": g.scope, "client_id": ClientID,
	})
	if err == nil {
		var id string
		if id, err = p.idToken(g, access); err == nil {
			w.Header().Set("Cache-Control", "no-store")
			answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": id, "scope": g.scope}
			if strings.Contains(g.scope, "offline_access") {
				answer["refresh_token"] = refreshToken()
			}
			reply(w, answer)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func (p *Provider) idToken(g grant, access string) (string, error) {
	half := sha256.Sum256([]byte(access))
	return p.sign(IDClaims(p.Issuer, g.user, time.Now(), g.nonce, base64.RawURLEncoding.EncodeToString(half[:16])))
}

// IDClaims is the payload of a user's ID token.
func IDClaims(issuer string, user int, at time.Time, nonce, hash string) map[string]any {
	now := at.Unix()
	return map[string]any{
		"iss": issuer, "aud": ClientID, "sub": Subject(user), "exp": now + 3600, "iat": now, "auth_time": now, "nonce": nonce,
		"at_hash": hash, "sid": rand.Text(), "acr": "1", "amr": []string{"pwd"},
		"preferred_username": Subject(user) + "@example.com", "name": "A Person", "email": Subject(user) + "@example.com",
		"email_verified": true, "groups": GroupsOf(user),
	}
}

// GroupsOf are ten group ids, 370 bytes in a header. They are as random as those of a directory are, or they would take
// less room than those.
func GroupsOf(user int) []string {
	groups := make([]string, 10)
	for i := range groups {
		id := sha256.Sum256(fmt.Appendf(nil, "group %d of %d", i, user))
		groups[i] = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	}
	return groups
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	var claims jwt.Claims
	if err == nil {
		err = token.Claims(p.key.Public(), &claims)
	}
	if err != nil {
		http.Error(w, "invalid token", http.StatusUnauthorized)
		return
	}
	reply(w, map[string]any{"sub": claims.Subject, "name": "A Person", "email": claims.Subject + "@example.com", "email_verified": true})
}

func (p *Provider) sign(claims map[string]any) (string, error) {
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

// Sign signs claims as a token of that typ (RFC 7515, 4.1.9), with the key that is published.
func (p *Provider) Sign(typ string, claims map[string]any) (string, error) {
	signer, err := signerOf(p.key, typ)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

func signerOf(key *ecdsa.PrivateKey, typ string) (jose.Signer, error) {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", "bench-1")
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
}

// Subject is the sub of a user.
func Subject(user int) string { return fmt.Sprintf("person-%d", user) }

func authenticated(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	return id == ClientID && secret == ClientSecret
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
