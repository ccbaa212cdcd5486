package oidc

import (
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

var (
	// errTokenType: the access token is not a bearer token.
	errTokenType = errors.New("token answer holds no bearer token (access_token, token_type)")
	// errNotBound: the configuration demands tokens that are bound to a key. A bearer token in their place is refused, or
	// the protection would be lost unnoticed.
	errNotBound = errors.New("token answer holds no token that is bound to the key of the session (access_token, token_type DPoP)")
)

// newProofKey makes the key of a new session; nil if its tokens are bound to none.
func (c *Config) newProofKey() (*dpop.Key, error) {
	if !c.DPoP {
		return nil, nil
	}
	return dpop.NewKey()
}

// NewProofKey makes a key for a sign-in, for AuthRequest and Grant; nil if its tokens are bound to none. It must be kept
// sealed.
func (c *Config) NewProofKey() ([]byte, error) {
	key, err := c.newProofKey()
	if key == nil || err != nil {
		return nil, err
	}
	return key.Bytes()
}

// proofKey returns the key of a session or a sign-in. One that began before the configuration demanded one gets one now. One that
// has a key keeps it, whatever the configuration says now: the refresh token may be bound to it.
func (c *Config) proofKey(kept []byte) (*dpop.Key, error) {
	if len(kept) == 0 {
		return c.newProofKey()
	}
	return dpop.ParseKey(kept)
}

// keepProof adds the key to the tokens that need it later.
func keepProof(t *session.Tokens, key *dpop.Key) (err error) {
	t.ProofKey = nil
	if key != nil && t.Refresh != "" {
		t.ProofKey, err = key.Bytes()
	}
	return err
}

// proving returns a client whose requests prove the key; the client itself without one.
func proving(p *Provider, c *http.Client, key *dpop.Key) *http.Client {
	if key == nil {
		return c
	}
	out := *c
	out.Transport = &dpop.Proving{Key: key, Nonces: &p.nonces, Next: c.Transport, Now: p.Now}
	return &out
}

// checkTokenType returns an error for an access token that is not of the type that was asked for. A session whose tokens are
// bound although the configuration does not demand it any more may get either.
func (c *Config) checkTokenType(t *grant.Tokens, key *dpop.Key) error {
	bound := key != nil && t.Access != "" && strings.EqualFold(t.Type, dpop.Scheme)
	switch {
	case bound, !c.DPoP && t.Bearer():
		return nil
	case c.DPoP:
		return errNotBound
	}
	return errTokenType
}

// access is an access token, and the client that may use it.
type access struct {
	*grant.Tokens
	client *http.Client
}

// authorization returns the header Authorization for the token.
func (a *access) authorization() string {
	if strings.EqualFold(a.Type, dpop.Scheme) {
		return dpop.Scheme + " " + a.Access
	}
	return "Bearer " + a.Access
}
