package oidc

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// AuthRequest contains the parameters of one authorization request (OpenID Connect Core, section 3.1.2.1), besides
// those from the provider's configuration.
type AuthRequest struct {
	RedirectURI, State, Nonce string
	// Verifier is the PKCE verifier; the request contains its challenge.
	Verifier string
	// Demand is what the sign-in must achieve; nil if it only has to identify the user.
	Demand *Demand
	// Challenge is Entra's claims challenge that the request answers: a value of the parameter claims.
	Challenge string
	// Login makes the provider ask for credentials. OtherUser makes it ask for the user, Consent makes it show its
	// consent page.
	Login, OtherUser, Consent bool
	// Silent makes the provider show no page. IDTokenHint then identifies the user.
	Silent      bool
	IDTokenHint string
	// ProofKey is the key from Provider.NewProofKey to which the code is bound; empty if it is bound to none.
	ProofKey []byte
	// LoginHint is the expected user, Locales are the user's languages. Empty: not sent.
	LoginHint, Locales string
}

// AuthURL returns the URL to which the browser is sent for an authorization request. If the request is pushed it sends
// it to the provider first; its errors are then those of package grant.
//
// A code is bound to the key of the session (RFC 9449, section 10), so that a code that leaks cannot be redeemed with
// another key. A request through the browser states the thumbprint of the key. One that is pushed proves the key itself, in
// the header DPoP (section 10.1): that is the stronger of the two, and each provider with both PAR and DPoP supports it.
func (p *Provider) AuthURL(ctx context.Context, m *Metadata, r AuthRequest) (string, error) {
	params, err := p.authParams(m, r)
	if err != nil {
		return "", err
	}
	var key *dpop.Key
	if len(r.ProofKey) > 0 {
		if key, err = dpop.ParseKey(r.ProofKey); err != nil {
			return "", err
		}
	}
	pushed := p.Pushes(m)
	if key != nil && !pushed {
		thumbprint, err := key.Thumbprint()
		if err != nil {
			return "", err
		}
		params.Set("dpop_jkt", thumbprint)
	}
	if p.signs(m) {
		if params, err = p.sign(m, params, pushed); err != nil {
			return "", err
		}
	}
	if pushed {
		if params, err = p.push(ctx, m, key, params); err != nil {
			return "", err
		}
	}
	return withParams(m.AuthorizationEndpoint, params)
}

// authParams returns the parameters of an authorization request. Those of the configuration never replace those of the
// protocol.
func (c *Config) authParams(m *Metadata, r AuthRequest) (url.Values, error) {
	params := url.Values{}
	for k, value := range c.ownParams(m) {
		params.Set(k, value)
	}
	for k, value := range c.AuthParams {
		params.Set(k, value)
	}
	params.Set("response_type", "code")
	params.Set("client_id", c.ClientID)
	params.Set("redirect_uri", r.RedirectURI)
	params.Set("scope", strings.Join(c.scopes(m), " "))
	params.Set("state", r.State)
	params.Set("nonce", r.Nonce)
	params.Set("code_challenge", oauth2.S256ChallengeFromVerifier(r.Verifier))
	params.Set("code_challenge_method", "S256")
	if r.LoginHint != "" {
		params.Set("login_hint", r.LoginHint)
	}
	r.Demand.params(&c.Claims, params)
	for _, more := range []string{c.AuthParams["claims"], r.Challenge} {
		if ours := params.Get("claims"); more != "" && more != ours {
			merged, err := grant.MergeClaims(ours, more)
			if err != nil {
				return nil, err
			}
			params.Set("claims", merged)
		}
	}
	r.prompt(c, m, params)
	if r.Locales != "" {
		params.Set("ui_locales", r.Locales)
	}
	if r.Silent && r.IDTokenHint != "" {
		params.Set("id_token_hint", r.IDTokenHint)
	}
	return params, nil
}

// asksForLogin reports whether the provider must ask for credentials.
func (r AuthRequest) asksForLogin(cfg *ClaimsConfig) bool {
	return r.Login || r.Demand.asksForLogin(cfg)
}

// prompt sets the parameter prompt: what the provider must show. A consent page that the configuration demands is
// always included, because some providers issue a refresh token only with it (OpenID Connect Core, section 11).
func (r AuthRequest) prompt(c *Config, m *Metadata, params url.Values) {
	words := strings.Fields(params.Get("prompt"))
	consent := !r.Silent && (r.Consent || slices.Contains(words, "consent"))
	switch {
	case r.Silent:
		words = []string{"none"}
	case r.asksForLogin(&c.Claims):
		words = []string{"login"}
	case r.OtherUser && !slices.Contains(words, "login"):
		words = []string{m.otherPrompt()}
	}
	if slices.Contains(words, "login") && !m.canPrompt("login") {
		// max_age=0 has the same effect, and every provider must support it (Core, section 15.1).
		words = slices.DeleteFunc(words, func(w string) bool { return w == "login" })
		params.Set("max_age", "0")
	}
	if consent && !slices.Contains(words, "consent") {
		words = append(words, "consent")
	}
	if params.Del("prompt"); len(words) > 0 {
		params.Set("prompt", strings.Join(words, " "))
	}
}

// Demands returns everything that a request demands of a provider besides identifying the user. Two requests with the
// same demands get the same answer.
func (c *Config) Demands(r AuthRequest) string {
	params := url.Values{}
	r.Demand.params(&c.Claims, params)
	if r.asksForLogin(&c.Claims) {
		params.Set("prompt", "login")
	}
	return params.Encode()
}

// AsksForConsent reports whether the configuration makes every sign-in show the provider's consent page.
func (c *Config) AsksForConsent() bool {
	return slices.Contains(strings.Fields(c.AuthParams["prompt"]), "consent")
}

// otherPrompt makes the provider ask for another user: by choosing an account if its metadata says that it supports
// that (Initiating User Registration 1.0, prompt_values_supported), else by a new sign-in.
func (m *Metadata) otherPrompt() string {
	if slices.Contains(m.Prompts, "select_account") {
		return "select_account"
	}
	return "login"
}

// canPrompt reports whether the provider accepts a value of prompt. If its metadata lists none, it accepts those of the
// core specification; if it lists some, it refuses others (Initiating User Registration 1.0, section 4).
func (m *Metadata) canPrompt(word string) bool {
	return len(m.Prompts) == 0 || slices.Contains(m.Prompts, word)
}

// withParams adds parameters to the existing query of an endpoint.
func withParams(endpoint string, params url.Values) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	q := u.Query()
	for k, v := range params {
		q[k] = v
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// LogoutURL returns the URL at which the provider signs users out (OpenID Connect RP-Initiated Logout 1.0): from the
// configuration, else from its metadata. It is empty if there is none, or if the metadata is not known.
func (p *Provider) LogoutURL(r leave.Request) (string, error) {
	m := p.Known()
	switch {
	case m == nil:
	case p.EndSession != nil:
		return r.In(p.EndSession)
	case m.endSession != nil:
		return r.In(m.endSession)
	case m.EndSessionEndpoint != "":
		return r.At(m.EndSessionEndpoint)
	}
	return "", nil
}

// showsIDToken reports whether the ID token of a session can be needed later, as a hint for the provider.
func (c *Config) showsIDToken(m *Metadata) bool {
	if c.SilentRecheck {
		return true
	}
	if c.EndSession != nil {
		return c.EndSession.ShowsIDToken()
	}
	if m.endSession != nil {
		return m.endSession.ShowsIDToken()
	}
	return m.EndSessionEndpoint != ""
}
