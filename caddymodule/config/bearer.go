package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// Bearer lets programs use a site with an access token (`Authorization: Bearer` or `DPoP`) instead of a session. The
// policies of the site apply to them with `when client other`. A request with a token never gets a cookie and is never
// redirected.
type Bearer struct {
	// The issuer of the tokens, exactly as it stands in them. Default: the providers of the site. The users of another
	// issuer count as users of the first provider of the site, and their claims are read as its claims: name only an issuer
	// whose names mean the same users.
	Issuer string `json:"issuer,omitempty"`

	// Our names at the issuer. A token must be for one of them. Required.
	Audience []string `json:"audience"`

	// Scopes that a token must have, all of them. Default: none.
	Scope []string `json:"scope,omitempty"`

	// The clients whose tokens are accepted. Default: those of every client.
	Client []string `json:"client,omitempty"`

	// `at+jwt`: only tokens with this type (RFC 9068). `any`: also tokens with the type JWT or without one, as many providers
	// write them; what is recognised as an ID token is refused. Default: `at+jwt`.
	Type string `json:"typ,omitempty"`

	// Publishes where programs get a token (RFC 9728). Default: it is not published.
	Metadata *BearerMetadata `json:"metadata,omitempty"`

	// Asks the issuer about tokens that are no JWT (RFC 7662). Default: such tokens are refused.
	Introspect *BearerIntrospect `json:"introspect,omitempty"`

	// Also send the token to the application. Default: the header `Authorization` of a request with an accepted token is
	// removed.
	ForwardAuthorization bool `json:"forward_authorization,omitempty"`
}

// BearerMetadata publishes a site as a protected resource, at `/.well-known/oauth-protected-resource`. The document is
// served without a sign-in.
type BearerMetadata struct {
	// The resource that a 401 names, a URL of the site. Default: the longest audience that is a URL of the site and above the
	// requested path; without one the requested path.
	Resource string `json:"resource,omitempty"`
}

// BearerIntrospect is how the gateway authenticates where it asks about tokens.
type BearerIntrospect struct {
	// The client ID of the gateway at the issuer.
	ClientID string `json:"client_id"`

	// The client secret. Use a placeholder.
	ClientSecret string `json:"client_secret" placeholders:"later"`
}

// The values of Bearer.Type.
const (
	BearerTypeStrict = "at+jwt"
	BearerTypeAny    = "any"
)

// AnyType reports whether tokens without the type of an access token are accepted.
func (b *Bearer) AnyType() bool { return b.Type == BearerTypeAny }

// Introspection returns how the issuer is asked about a token; nil if it is not.
func (b *Bearer) Introspection() *bearer.Introspection {
	i := b.Introspect
	if i == nil {
		return nil
	}
	return &bearer.Introspection{ClientID: i.ClientID, ClientSecret: func() (string, error) { return Resolve("introspect", i.ClientSecret) }}
}

// check returns the first error. clients are the client IDs of the providers whose tokens are accepted.
func (b *Bearer) check(clients []string) error {
	if b == nil {
		return nil
	}
	if b.Issuer != "" && !HasPlaceholder(b.Issuer) {
		if err := CheckIssuer(b.Issuer); err != nil {
			return err
		}
	}
	if len(b.Audience) == 0 {
		return errors.New("audience is missing: what the issuer writes as aud into tokens for this site")
	}
	for _, list := range []struct {
		word   string
		values []string
	}{{"audience", b.Audience}, {"scope", b.Scope}, {"client", b.Client}} {
		if slices.ContainsFunc(list.values, func(one string) bool { return strings.TrimSpace(one) == "" }) {
			return fmt.Errorf("%s: a value is empty", list.word)
		}
	}
	for _, scope := range b.Scope {
		if strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return fmt.Errorf("scope: %q has a character that no scope has; write one scope after the other, with spaces between them", scope)
		}
	}
	if b.Type != "" && b.Type != BearerTypeStrict && b.Type != BearerTypeAny {
		return fmt.Errorf("typ: %q is none of %s, %s", b.Type, BearerTypeStrict, BearerTypeAny)
	}
	for _, id := range clients {
		if b.AnyType() && slices.Contains(b.Audience, id) {
			return fmt.Errorf("audience: %q is the client ID at the provider, which is the audience of its ID tokens: with typ any nothing tells "+
				"them from access tokens; register the site at the provider as a resource (API) of its own", id)
		}
	}
	if b.Metadata != nil && b.Metadata.Resource != "" && !HasPlaceholder(b.Metadata.Resource) {
		if err := checkResource(b.Metadata.Resource); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
	}
	if i := b.Introspect; i != nil && (strings.TrimSpace(i.ClientID) == "" || strings.TrimSpace(i.ClientSecret) == "") {
		return errors.New("introspect: the client ID or the client secret is missing")
	}
	return nil
}

// checkResource refuses what is no identifier of a resource (RFC 9728, section 1.2).
func checkResource(resource string) error {
	u, err := url.Parse(resource)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return fmt.Errorf("resource %q is no URL such as https://app.example.com/mcp", resource)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(resource, "#"):
		return fmt.Errorf("resource %q must not have a query or fragment", resource)
	case u.Scheme == "https", u.Scheme == "http" && reach.IsLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("resource %q must be https; http is for loopback hosts only", resource)
}
