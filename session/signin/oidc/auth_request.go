package oidc

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// AuthRequest is what one authorization request says (OpenID Connect Core, section 3.1.2.1), beside what the configuration
// of the provider has it say.
type AuthRequest struct {
	RedirectURI, State, Nonce string
	// Verifier is the PKCE verifier, of which the request shows the challenge.
	Verifier string
	// Demand is what the sign-in must achieve; nil for nothing more than to say who it is.
	Demand *Demand
	// Challenge is a claims challenge of Entra that the request answers: a value of the parameter claims.
	Challenge string
	// Login has the provider ask for credentials. OtherUser has it ask which user, Consent has it show its consent page.
	Login, OtherUser, Consent bool
	// Silent has the provider show no page at all. IDTokenHint says of whom it is to speak then.
	Silent      bool
	IDTokenHint string
	// LoginHint is who may be meant, Locales are the languages of the user. Empty: not said.
	LoginHint, Locales string
}

// AuthURL is the address of an authorization request. No parameter of the configuration replaces one of the protocol.
func (c *Config) AuthURL(m *Metadata, r AuthRequest) (string, error) {
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
				return "", err
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
	return withParams(m.AuthorizationEndpoint, params)
}

// asksForLogin reports whether the provider has to ask for credentials.
func (r AuthRequest) asksForLogin(cfg *ClaimsConfig) bool {
	return r.Login || r.Demand.asksForLogin(cfg)
}

// prompt sets the parameter of that name: what the provider has to show. A consent page that the configuration asks for
// stays asked for with any other, because providers give a refresh token for it alone (OpenID Connect Core, section 11).
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
		// max_age=0 asks for the same, by a parameter that every provider has to know (Core, section 15.1).
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

// Demands is all that a request asks of a provider beyond saying who the user is. Two requests that demand the same get
// the same answer.
func (c *Config) Demands(r AuthRequest) string {
	params := url.Values{}
	r.Demand.params(&c.Claims, params)
	if r.asksForLogin(&c.Claims) {
		params.Set("prompt", "login")
	}
	return params.Encode()
}

// AsksForConsent reports whether the configuration has every sign-in show the provider's consent page.
func (c *Config) AsksForConsent() bool {
	return slices.Contains(strings.Fields(c.AuthParams["prompt"]), "consent")
}

// otherPrompt asks the provider for another user than it remembers: to choose the account where it says that it can
// (Initiating User Registration 1.0, prompt_values_supported), else to sign in again.
func (m *Metadata) otherPrompt() string {
	if slices.Contains(m.Prompts, "select_account") {
		return "select_account"
	}
	return "login"
}

// canPrompt reports whether the provider takes a value of prompt. One that lists none takes those of the core
// specification; one that lists some refuses others (Initiating User Registration 1.0, section 4).
func (m *Metadata) canPrompt(word string) bool {
	return len(m.Prompts) == 0 || slices.Contains(m.Prompts, word)
}

// withParams adds parameters to the query that an endpoint has of its own.
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

// LogoutURL is where the provider signs users out (OpenID Connect RP-Initiated Logout 1.0): as the configuration says, else
// as its metadata does. It is empty if the provider does that nowhere, or its metadata is not known.
func (p *Provider) LogoutURL(r leave.Request) (string, error) {
	m := p.Known()
	switch {
	case m == nil:
	case p.EndSession != nil:
		return r.In(p.EndSession)
	case m.EndSessionEndpoint != "":
		return r.At(m.EndSessionEndpoint)
	}
	return "", nil
}

// showsIDToken reports whether there is anybody to show the ID token of a session to.
func (c *Config) showsIDToken(m *Metadata) bool {
	if c.SilentRecheck {
		return true
	}
	if c.EndSession != nil {
		return c.EndSession.ShowsIDToken()
	}
	return m.EndSessionEndpoint != ""
}
