package rig

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Odd is a provider that obeys by default and lies on demand. It shares no code with the certified one, so it is also
// the second, independent provider. It knows no client and asks no user for a password: every authorization request
// comes back with a code.
//
// The fields may be changed between requests with Set; each of them, when nil, means the honest answer.
type Odd struct {
	Issuer string
	Key    *rsa.PrivateKey
	t      testing.TB
	mu     sync.Mutex
	lies   Lies
	hits   map[string]int
	codes  map[string]url.Values // code -> the authorization request
	forms  map[string]url.Values // endpoint -> the last form it got
}

// Lies are what an Odd provider says instead of the truth.
type Lies struct {
	// Discovery changes the metadata document.
	Discovery func(doc map[string]any)
	// Authorize answers the authorization request; nil redirects back with code, state and iss.
	Authorize func(w http.ResponseWriter, r *http.Request)
	// Callback changes the parameters of the redirect back.
	Callback func(q url.Values)
	// Header and Claims change the ID token before it is signed. A claim that is set to nil is left out.
	Header func(h map[string]any)
	Claims func(c map[string]any)
	// Sign makes the token itself; nil signs with Key by RS256.
	Sign func(header, claims map[string]any) string
	// Keys changes the key set.
	Keys func(keys []map[string]any) []map[string]any
	// Token, UserInfo, JWKS answer in place of the endpoint.
	Token, UserInfo, JWKS http.HandlerFunc
	// TokenAnswer changes the token endpoint's honest answer.
	TokenAnswer func(a map[string]any)
	// Info changes userinfo's honest answer.
	Info func(c map[string]any)
}

// NewOdd starts an odd provider and ends it with the test.
func NewOdd(t testing.TB) *Odd {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	o := &Odd{Key: key, t: t, hits: map[string]int{}, codes: map[string]url.Values{}, forms: map[string]url.Values{}}
	server := httptest.NewServer(http.HandlerFunc(o.serve))
	o.Issuer = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return o
}

// Set replaces all lies.
func (o *Odd) Set(l Lies) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lies = l
}

// Hits counts the requests to an endpoint: discovery, authorize, token, jwks, userinfo, end_session.
func (o *Odd) Hits(endpoint string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hits[endpoint]
}

// Outbound counts what the gateway itself asked for because of a callback: token and userinfo.
func (o *Odd) Outbound() int { return o.Hits("token") + o.Hits("userinfo") }

// Form returns the last form that an endpoint got.
func (o *Odd) Form(endpoint string) url.Values {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.forms[endpoint]
}

func (o *Odd) serve(w http.ResponseWriter, r *http.Request) {
	endpoint := map[string]string{
		"/.well-known/openid-configuration": "discovery", "/authorize": "authorize", "/token": "token", "/jwks": "jwks",
		"/userinfo": "userinfo", "/logout": "end_session", "/revoke": "revocation",
	}[r.URL.Path]
	_ = r.ParseForm()
	o.mu.Lock()
	o.hits[endpoint]++
	o.forms[endpoint] = r.Form
	l := o.lies
	o.mu.Unlock()
	switch {
	case endpoint == "discovery":
		doc := o.metadata()
		if l.Discovery != nil {
			l.Discovery(doc)
		}
		writeJSON(w, doc)
	case endpoint == "authorize" && l.Authorize != nil:
		l.Authorize(w, r)
	case endpoint == "authorize":
		o.authorize(w, r, l)
	case endpoint == "token" && l.Token != nil:
		l.Token(w, r)
	case endpoint == "token":
		o.token(w, r, l)
	case endpoint == "jwks" && l.JWKS != nil:
		l.JWKS(w, r)
	case endpoint == "jwks":
		keys := []map[string]any{JWK(&o.Key.PublicKey, "odd", "sig")}
		if l.Keys != nil {
			keys = l.Keys(keys)
		}
		writeJSON(w, map[string]any{"keys": keys})
	case endpoint == "userinfo" && l.UserInfo != nil:
		l.UserInfo(w, r)
	case endpoint == "userinfo":
		info := map[string]any{"sub": "odd-1", "email": "odd@example.com", "preferred_username": "odd", "groups": []string{"staff"}}
		if l.Info != nil {
			l.Info(info)
		}
		writeJSON(w, info)
	case endpoint == "end_session":
		w.Write([]byte("signed out of the provider")) //nolint:errcheck // a closed connection is the client's affair
	case endpoint == "revocation":
		w.WriteHeader(http.StatusOK)
	default:
		http.NotFound(w, r)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (o *Odd) metadata() map[string]any {
	return map[string]any{
		"issuer": o.Issuer, "authorization_endpoint": o.Issuer + "/authorize", "token_endpoint": o.Issuer + "/token",
		"jwks_uri": o.Issuer + "/jwks", "userinfo_endpoint": o.Issuer + "/userinfo", "end_session_endpoint": o.Issuer + "/logout",
		"revocation_endpoint": o.Issuer + "/revoke", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	}
}

func (o *Odd) authorize(w http.ResponseWriter, r *http.Request, l Lies) {
	code := "code-" + rand.Text()
	o.mu.Lock()
	o.codes[code] = r.Form
	o.mu.Unlock()
	back, err := url.Parse(r.Form.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "redirect_uri", http.StatusBadRequest)
		return
	}
	q := url.Values{"code": {code}, "state": {r.Form.Get("state")}, "iss": {o.Issuer}}
	if l.Callback != nil {
		l.Callback(q)
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (o *Odd) token(w http.ResponseWriter, r *http.Request, l Lies) {
	code := r.Form.Get("code")
	o.mu.Lock()
	asked, ok := o.codes[code]
	delete(o.codes, code)
	o.mu.Unlock()
	if r.Form.Get("grant_type") == "authorization_code" && !ok {
		w.WriteHeader(http.StatusBadRequest)
		writeJSON(w, map[string]any{"error": "invalid_grant"})
		return
	}
	access := "access-" + rand.Text()
	client := asked.Get("client_id")
	now := time.Now()
	header := map[string]any{"alg": "RS256", "kid": "odd", "typ": "JWT"}
	claims := map[string]any{
		"iss": o.Issuer, "sub": "odd-1", "aud": client, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"auth_time": now.Unix(), "nonce": asked.Get("nonce"), "preferred_username": "odd", "email": "odd@example.com",
		"groups": []string{"staff"}, "at_hash": HalfHash(access),
	}
	if l.Header != nil {
		l.Header(header)
	}
	if l.Claims != nil {
		l.Claims(claims)
	}
	for k, v := range claims {
		if v == nil {
			delete(claims, k)
		}
	}
	token := ""
	if l.Sign != nil {
		token = l.Sign(header, claims)
	} else {
		token = SignRS256(o.Key, header, claims)
	}
	a := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": token,
		"refresh_token": "refresh-" + rand.Text(),
	}
	if l.TokenAnswer != nil {
		l.TokenAnswer(a)
	}
	writeJSON(w, a)
}

// JWK writes a public key as a JSON Web Key.
func JWK(k *rsa.PublicKey, kid, use string) map[string]any {
	return map[string]any{
		"kty": "RSA", "kid": kid, "use": use, "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(k.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
	}
}
