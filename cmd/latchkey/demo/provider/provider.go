package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxBody is the largest request body.
const maxBody = 16 << 10

// Config configures the issuer and its client.
type Config struct {
	// Issuer is the origin that users' browsers and Latchkey use, such as http://localhost:8081, without a path.
	Issuer string
	// ClientID, ClientSecret, RedirectURIs and PostLogoutURIs describe the one client. Addresses compare as exact text.
	ClientID       string
	ClientSecret   string
	RedirectURIs   []string
	PostLogoutURIs []string
	// State is kept over restarts. The caller closes it.
	State *State
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Provider answers the endpoints of one issuer. Use it as an http.Handler.
type Provider struct {
	Config
	host     string // the host in the issuer
	csp      string
	keyID    string
	codes    codes
	handler  http.Handler
	metadata []byte
	jwks     []byte
}

// New checks cfg and returns the provider for it.
func New(cfg Config) (*Provider, error) {
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != cfg.Issuer {
		return nil, fmt.Errorf("issuer %q is not an origin", cfg.Issuer)
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" || len(cfg.RedirectURIs) == 0 || cfg.State == nil {
		return nil, errors.New("client id, client secret, redirect address and state are all needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Provider{Config: cfg, host: u.Host}

	// The CSP of a form also limits where its answer may redirect to, so it includes the client's origins.
	p.csp = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	for _, r := range cfg.RedirectURIs {
		if u, err := url.Parse(r); err == nil {
			p.csp += " " + u.Scheme + "://" + u.Host
		}
	}

	public := jose.JSONWebKey{Key: cfg.State.key.Public(), Algorithm: string(jose.RS256), Use: "sig"}
	thumb, err := public.Thumbprint(hashAlg)
	if err != nil {
		return nil, fmt.Errorf("naming the signing key: %w", err)
	}
	p.keyID = encode(thumb)
	public.KeyID = p.keyID
	if p.jwks, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}); err != nil {
		return nil, fmt.Errorf("writing the key set: %w", err)
	}
	if p.metadata, err = json.Marshal(p.describe()); err != nil {
		return nil, fmt.Errorf("writing the metadata: %w", err)
	}
	p.handler = p.routes()
	return p, nil
}

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", static("application/json", p.metadata))
	mux.HandleFunc("GET /jwks", static("application/json", p.jwks))
	look.Assets(mux)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.authorize)
	// Only this provider's own page may choose a user; otherwise any site could sign a visitor in unnoticed.
	mux.Handle("POST /pick", http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.pick)))
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("POST /userinfo", p.userinfo)
	mux.HandleFunc("POST /revoke", p.revoke)
	mux.HandleFunc("GET /end_session", p.endSession)
	mux.HandleFunc("POST /end_session", p.endSession)
	mux.HandleFunc("GET /{$}", p.home)
	return mux
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", p.csp)
	h.Set("Referrer-Policy", "same-origin") // not "no-referrer": the pick form needs its Origin
	h.Set("X-Content-Type-Options", "nosniff")
	// Another host name for this address belongs to a page whose DNS points here (rebinding).
	if r.Host != p.host {
		http.Error(w, "This provider answers as "+p.Issuer+" only.", http.StatusMisdirectedRequest)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	p.handler.ServeHTTP(w, r)
}

// describe returns the discovery document (OpenID Connect Discovery 3, RFC 8414, RFC 9207).
func (p *Provider) describe() map[string]any {
	return map[string]any{
		"issuer":                                         p.Issuer,
		"authorization_endpoint":                         p.Issuer + "/authorize",
		"token_endpoint":                                 p.Issuer + "/token",
		"userinfo_endpoint":                              p.Issuer + "/userinfo",
		"jwks_uri":                                       p.Issuer + "/jwks",
		"end_session_endpoint":                           p.Issuer + "/end_session",
		"revocation_endpoint":                            p.Issuer + "/revoke",
		"scopes_supported":                               scopesSupported,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{string(jose.RS256)},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"revocation_endpoint_auth_methods_supported":     []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []string{"S256"},
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"claims_supported":                               claimsSupported,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	}
}

var (
	scopesSupported = []string{"openid", "profile", "email", "offline_access"}
	claimsSupported = []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "amr", "sid",
		"name", "given_name", "family_name", "preferred_username", "email", "email_verified", "groups", "acct",
	}
)

func static(contentType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Write(body) //nolint:errcheck // the client went away
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client went away
}

// grantedScopes returns the requested scopes that exist here; others are ignored (OpenID Connect Core 3.1.2.1).
func grantedScopes(asked string) []string {
	var out []string
	for _, s := range strings.Fields(asked) {
		if slices.Contains(scopesSupported, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// repeated returns a parameter that occurs twice: two parsers would read two different requests (RFC 6749, 3.1).
func repeated(v url.Values) (string, bool) {
	for name, values := range v {
		if len(values) > 1 {
			return name, true
		}
	}
	return "", false
}
