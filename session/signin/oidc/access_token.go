package oidc

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
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
	if _, stated := claims.Get(p.Claims.groupsPath()); !stated {
		s.GroupsComplete = false
	}
	if raw, stated := claims.Get("auth_time"); stated {
		s.AuthTime, _ = claim.Time(raw)
	}
}
