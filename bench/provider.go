package main

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
	clientID     = "bench"
	clientSecret = "a-secret-for-this-run-only"
)

// provider is a minimal OpenID provider for a benchmark: each client is signed in at once as a new user, with ES256,
// ten groups in the id_token, and an 800-byte refresh token.
type provider struct {
	issuer string
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

func newProvider() (*provider, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "bench-1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, err
	}
	return &provider{key: key, signer: signer, codes: map[string]grant{}}, nil
}

// setIssuer sets the provider's issuer after its address is known, before the first request.
func (p *provider) setIssuer(issuer string) { p.issuer = issuer }

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /.well-known/ssf-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": p.issuer, "jwks_uri": p.issuer + "/keys"})
	})
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return mux
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{
		"issuer":                                         p.issuer,
		"authorization_endpoint":                         p.issuer + "/authorize",
		"token_endpoint":                                 p.issuer + "/token",
		"userinfo_endpoint":                              p.issuer + "/userinfo",
		"jwks_uri":                                       p.issuer + "/keys",
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

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "bench-1", Algorithm: "ES256", Use: "sig"}}})
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != clientID || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad authorization request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.users++
	p.codes[code] = grant{user: p.users, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), scope: q.Get("scope")}
	p.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.issuer}}.Encode()
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
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
		"iss": p.issuer, "aud": "api", "sub": subject(g.user), "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"jti": rand.Text(), "scope": g.scope, "client_id": clientID,
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

func (p *provider) idToken(g grant, access string) (string, error) {
	half := sha256.Sum256([]byte(access))
	return p.sign(idClaims(p.issuer, g.user, time.Now(), g.nonce, base64.RawURLEncoding.EncodeToString(half[:16])))
}

// idClaims is the payload of a user's ID token.
func idClaims(issuer string, user int, at time.Time, nonce, hash string) map[string]any {
	now := at.Unix()
	return map[string]any{
		"iss": issuer, "aud": clientID, "sub": subject(user), "exp": now + 3600, "iat": now, "auth_time": now, "nonce": nonce,
		"at_hash": hash, "sid": rand.Text(), "acr": "1", "amr": []string{"pwd"},
		"preferred_username": subject(user) + "@example.com", "name": "A Person", "email": subject(user) + "@example.com",
		"email_verified": true, "groups": groupsOf(user),
	}
}

// groupsOf are ten group ids, 370 bytes in a header. They are as random as those of a directory are, or they would take
// less room than those.
func groupsOf(user int) []string {
	groups := make([]string, 10)
	for i := range groups {
		id := sha256.Sum256(fmt.Appendf(nil, "group %d of %d", i, user))
		groups[i] = fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
	}
	return groups
}

func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
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

func (p *provider) sign(claims map[string]any) (string, error) {
	return jwt.Signed(p.signer).Claims(claims).Serialize()
}

func subject(user int) string { return fmt.Sprintf("person-%d", user) }

func authenticated(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	return id == clientID && secret == clientSecret
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
