package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// Metadata is a provider's metadata (OpenID Connect Discovery, section 3).
type Metadata struct {
	keys *jwks.Set
	// endSession replaces EndSessionEndpoint at a provider with its own parameters; nil at all others.
	endSession *leave.Template

	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	PushEndpoint          string   `json:"pushed_authorization_request_endpoint"`
	RequiresPush          bool     `json:"require_pushed_authorization_requests"`
	JWKSURI               string   `json:"jwks_uri"`
	Scopes                []string `json:"scopes_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Prompts               []string `json:"prompt_values_supported"`
	TokenAuthAlgorithms   []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IssInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	UserInfoAlgorithms    []string `json:"userinfo_signing_alg_values_supported"`
	RequiresSigned        bool     `json:"require_signed_request_object"`
	RequestAlgorithms     []string `json:"request_object_signing_alg_values_supported"`
	Grants                []string `json:"grant_types_supported"`
	// Aliases are the endpoints for clients that present a certificate (RFC 8705, section 5).
	Aliases struct {
		Token      string `json:"token_endpoint"`
		UserInfo   string `json:"userinfo_endpoint"`
		Revocation string `json:"revocation_endpoint"`
		Push       string `json:"pushed_authorization_request_endpoint"`
	} `json:"mtls_endpoint_aliases"`
}

// presentCertificate replaces the endpoints that have an alias for clients with a certificate.
func (m *Metadata) presentCertificate() {
	for to, alias := range map[*string]string{
		&m.TokenEndpoint: m.Aliases.Token, &m.UserInfoEndpoint: m.Aliases.UserInfo,
		&m.RevocationEndpoint: m.Aliases.Revocation, &m.PushEndpoint: m.Aliases.Push,
	} {
		if alias != "" {
			*to = alias
		}
	}
}

// FAPIAlgorithms are the algorithms of the FAPI 2.0 security profile, section 5.4.
var FAPIAlgorithms = []string{gooidc.PS256, gooidc.ES256, gooidc.EdDSA}

// Allowed returns those of a provider's algorithms that are used with it: all, or with FAPI those of the profile. If a list
// has none of these, all of them are: a sign-in then fails, and a weaker algorithm never passes one.
func (c *Config) Allowed(listed []string) []string {
	if !c.FAPI {
		return listed
	}
	allowed := slices.DeleteFunc(slices.Clone(FAPIAlgorithms), func(alg string) bool { return !slices.Contains(listed, alg) })
	if len(allowed) == 0 {
		return FAPIAlgorithms
	}
	return allowed
}

// restrict reduces the metadata to what the configuration allows.
func (c *Config) restrict(m *Metadata) {
	for _, list := range []*[]string{&m.SigningAlgorithms, &m.UserInfoAlgorithms, &m.TokenAuthAlgorithms, &m.RequestAlgorithms} {
		*list = c.Allowed(*list)
	}
	m.IssInResponse = m.IssInResponse || c.FAPI // section 5.3.3.2
	if c.Issuer == google && len(m.Prompts) == 0 {
		m.Prompts = googlePrompts
	}
}

// Discover fetches the metadata and uses it from then on.
func (p *Provider) Discover(ctx context.Context) error {
	_, err := p.fetchMetadata(ctx)
	return err
}

// fetched contains facts about the answer besides the metadata.
type fetched struct {
	date string // the header
	from string // the address that answered, after redirects
	body []byte
}

func (p *Provider) fetchMetadata(ctx context.Context) (*fetched, error) {
	ctx, cancel := context.WithTimeout(mayWait(ctx), idpTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.MetadataAddress(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := p.reading().Do(req)
	if err != nil {
		return nil, Truncated(err)
	}
	defer resp.Body.Close()
	got := &fetched{date: resp.Header.Get("Date"), from: resp.Request.URL.String()}
	if got.body, err = io.ReadAll(resp.Body); err != nil {
		return got, err
	}
	if resp.StatusCode != http.StatusOK {
		return got, Truncated(fmt.Errorf("status %d: %q", resp.StatusCode, got.body))
	}
	return got, p.use(got.body)
}

// use accepts metadata if it belongs to the issuer and its endpoints are valid.
func (p *Provider) use(body []byte) error {
	m := new(Metadata)
	if err := json.Unmarshal(body, m); err != nil {
		return fmt.Errorf("reading metadata: %w", err)
	}
	// Section 4.3: byte for byte, regardless of where the metadata was fetched.
	if m.Issuer != p.Issuer {
		return Truncated(fmt.Errorf("issuer is %q in the configuration and %q in the metadata", p.Issuer, m.Issuer))
	}
	if p.ClientCertificate != nil {
		m.presentCertificate()
	}
	p.restrict(m)
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "jwks_uri": m.JWKSURI,
	} {
		if endpoint == "" {
			return fmt.Errorf("metadata has no %s", name)
		}
	}
	for _, endpoint := range []string{m.AuthorizationEndpoint, m.EndSessionEndpoint} {
		if err := reach.CheckEndpoint(endpoint); endpoint != "" && err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
	}
	if cognito.MatchString(p.Issuer) && m.EndSessionEndpoint != "" {
		t, err := leave.Parse(m.EndSessionEndpoint + "?client_id={client_id}&logout_uri={post_logout_redirect_uri}")
		if err != nil {
			return fmt.Errorf("metadata: end_session_endpoint: %w", err)
		}
		m.endSession = t
	}
	for _, endpoint := range []string{m.TokenEndpoint, m.JWKSURI, m.UserInfoEndpoint, m.RevocationEndpoint, m.IntrospectionEndpoint, m.PushEndpoint} {
		if err := p.checkAddress(endpoint); endpoint != "" && err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
	}
	if old := p.meta.Load(); old != nil && old.JWKSURI == m.JWKSURI {
		m.keys = old.keys
	} else {
		uri := m.JWKSURI
		m.keys = &jwks.Set{
			URL: func(context.Context) (string, error) { return uri, nil }, Client: p.reading(), Now: p.Now,
		}
	}
	p.meta.Store(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ready:
	default:
		close(p.ready)
	}
	return nil
}

// MetadataAddress returns the URL of the metadata.
func (c *Config) MetadataAddress() string {
	if c.MetadataURL != "" {
		return c.MetadataURL
	}
	return strings.TrimSuffix(c.Issuer, "/") + "/.well-known/openid-configuration"
}

// reading returns the client for public data: the metadata and the keys. It follows redirects; the client for secrets
// does not.
func (c *Config) reading() *http.Client { return reach.Following(c.Client, c.checkAddress) }

// checkAddress is reach.CheckEndpoint for requests of the gateway itself.
func (c *Config) checkAddress(raw string) error {
	if reach.Under(raw, c.InternalURL) {
		return nil
	}
	return reach.CheckEndpoint(raw)
}

// cognito matches the issuers of Amazon Cognito. Its metadata has an end_session_endpoint, which refuses the parameters of
// RP-Initiated Logout with an error page: it wants logout_uri.
var cognito = regexp.MustCompile(`^https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/`)

// google is the issuer that issues a refresh token for two parameters of its own instead of a scope.
const google = "https://accounts.google.com"

// googleWithoutScheme is its name in some of its ID tokens.
const googleWithoutScheme = "accounts.google.com"

// googlePrompts are the values of prompt that Google accepts, by its documentation. Its metadata lists none, and it answers
// any other value, login among them, with an error page.
var googlePrompts = []string{"none", "consent", "select_account"}

var offlineAtGoogle = map[string]string{"access_type": "offline", "prompt": "consent"}

// scopes returns the scopes to request. Of the default ones, offline_access is left out if the metadata lists scopes
// without it: Google, GitLab, Cognito and Apple would refuse the whole request. The same applies to profile if email is
// listed, because Apple does not have profile. A list with neither proves nothing: Discovery, section 3, allows a
// provider to list only some scopes.
func (c *Config) scopes(m *Metadata) []string {
	if len(c.Scopes) > 0 {
		if slices.Contains(c.Scopes, gooidc.ScopeOpenID) {
			return c.Scopes
		}
		return append([]string{gooidc.ScopeOpenID}, c.Scopes...)
	}
	lacks := func(scope string) bool { return len(m.Scopes) > 0 && !slices.Contains(m.Scopes, scope) }
	scopes := []string{gooidc.ScopeOpenID}
	if !lacks("profile") || lacks("email") {
		scopes = append(scopes, "profile")
	}
	if scopes = append(scopes, "email"); !lacks(gooidc.ScopeOfflineAccess) {
		scopes = append(scopes, gooidc.ScopeOfflineAccess)
	}
	return scopes
}

// ownParams returns provider-specific parameters that no specification defines. They are used only with the default
// scopes.
func (c *Config) ownParams(m *Metadata) map[string]string {
	if c.Issuer == google && len(c.Scopes) == 0 && !slices.Contains(c.scopes(m), gooidc.ScopeOfflineAccess) {
		return offlineAtGoogle
	}
	return nil
}

// inside returns a client that reaches a provider at another address. Both addresses were checked with the
// configuration; if they cannot be parsed here, nothing is sent.
func inside(c *http.Client, public, internal string) *http.Client {
	out := *c
	next := out.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	rt, err := reach.Inside(next, public, internal)
	if err != nil {
		err = errors.New("internal address of the provider cannot be used")
		rt = failing{err}
	}
	out.Transport = rt
	return &out
}

type failing struct{ error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.error }

// dateOf returns the time of an answer; ok is false if it states none.
func (f *fetched) dateOf() (at time.Time, ok bool) {
	if f == nil {
		return at, false
	}
	at, err := http.ParseTime(f.date)
	return at, err == nil
}
