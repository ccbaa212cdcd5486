package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// AccessTokens is what package bearer needs of a provider to verify the access tokens of programs.
type AccessTokens struct{ Provider *Provider }

// VerifySignature checks the signature of a token that any client may send, with the keys of the provider, and returns its
// payload. It does not check the payload. An error that is jwks.ErrAway says nothing about the token.
func (a AccessTokens) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	m, err := a.Provider.Metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", jwks.ErrAway, err)
	}
	return m.keys.VerifySignature(ctx, token)
}

// Introspection returns the address at which the provider says whether a token is good (RFC 7662).
func (a AccessTokens) Introspection(ctx context.Context) (string, error) {
	m, err := a.Provider.Metadata(ctx)
	if err != nil {
		return "", err
	}
	if m.IntrospectionEndpoint == "" {
		return "", errors.New("metadata has no introspection_endpoint")
	}
	return m.IntrospectionEndpoint, nil
}

// Read sets what the claims of an access token say about its user, by the words of the provider's configuration. An access
// token without a claim for groups says nothing about them: they are unknown, not empty (A6).
func (a AccessTokens) Read(s *session.Record, claims claim.Set) {
	p := a.Provider
	p.warnUnclear(p.Claims.describe(s, claims))
	if _, stated := p.Claims.sayGroups(claims).Get(p.Claims.groupsPath()); !stated {
		s.GroupsComplete = false
	}
	if raw, stated := claims.Get("auth_time"); stated {
		s.AuthTime, _ = claim.Time(raw)
	}
}

// The grant of a token exchange, and the type of an access token (RFC 8693, sections 2.1 and 3).
const (
	exchangeGrant   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // a URN, no credential
)

// Exchange is for whom another access token is requested in place of the session's (RFC 8693).
type Exchange struct {
	Audience, Resource, Scope []string
}

// ErrNoExchange: the metadata lists the grants of the provider, and the exchange of tokens is not among them.
var ErrNoExchange = errors.New("provider does not offer token exchange (grant_types_supported)")

// errExchanged: the answer to an exchange is not what was requested.
var errExchanged = errors.New("answer to a token exchange is no access token that an application can use (access_token, issued_token_type, token_type)")

// OffersExchange reports whether a provider may exchange tokens, by the grants in its metadata. One that lists none may.
func OffersExchange(grants []string) bool {
	return len(grants) == 0 || slices.Contains(grants, exchangeGrant)
}

// At exchanges an access token at a provider for one of another audience. Only the fields of the result that are about the
// access token are set.
func (x *Exchange) At(ctx context.Context, p *Provider, subject string) (t session.Tokens, err error) {
	ctx = mayWait(ctx)
	m := soon(ctx, p)
	switch {
	case m == nil:
		return t, errNotAsked
	case !OffersExchange(m.Grants):
		return t, ErrNoExchange
	}
	form := url.Values{
		"grant_type": {exchangeGrant}, "subject_token": {subject}, "subject_token_type": {accessTokenType},
		"requested_token_type": {accessTokenType},
	}
	if len(x.Audience) > 0 {
		form["audience"] = x.Audience
	}
	if len(x.Resource) > 0 {
		form["resource"] = x.Resource
	}
	if len(x.Scope) > 0 {
		form.Set("scope", strings.Join(x.Scope, " "))
	}
	asked := p.Now()
	tok, err := authenticate(ctx, p, m, nil, m.TokenEndpoint, form, grant.Ask)
	switch {
	case err != nil:
		return t, err
	case tok.Issued != accessTokenType || !tok.Bearer() || !forwardable(tok.Access):
		return t, errExchanged
	}
	t.Access, t.AccessFrom, t.AccessEnds = tok.Access, asked, endOf(tok, asked)
	return t, nil
}
