package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
	"github.com/latchkey-gateway/latchkey/session/signin/wellknown"
)

// Keys verifies signatures with the keys of an issuer. An error that is jwks.ErrAway says nothing about the token.
type Keys interface {
	VerifySignature(ctx context.Context, token string) (payload []byte, err error)
}

// Issuer is a party whose tokens a site accepts.
type Issuer struct {
	// ID is compared byte for byte with tokens.
	ID string
	// Provider is the provider as which its users count, and whose configuration says what claims mean.
	Provider *oidc.Provider
	Keys     Keys
	// Clients are our names at the issuer, which are the audience of its ID tokens.
	Clients []string
	// Introspection returns the address that says whether a token is good. Client asks it; it must limit the time and the
	// size of an answer, and follow no redirect.
	Introspection func(context.Context) (string, error)
	Client        *http.Client
	// Server is the authorization server; nil for a provider.
	Server *Server
}

// OfProvider returns a provider as an issuer. all are all providers, of which several can have the same issuer.
func OfProvider(p *oidc.Provider, all []*oidc.Provider) *Issuer {
	tokens := oidc.AccessTokens{Provider: p}
	out := &Issuer{ID: p.Issuer, Provider: p, Keys: tokens, Introspection: tokens.Introspection, Client: p.Client}
	for _, one := range all {
		if one.Issuer == p.Issuer {
			out.Clients = append(out.Clients, one.ClientID)
		}
	}
	return out
}

// OfServer returns an authorization server that is no provider of ours as an issuer. Its users count as users of a
// provider, whose client asks for its metadata and keys.
func OfServer(issuer string, p *oidc.Provider) *Issuer {
	s := &Server{Issuer: issuer, Client: p.Client, Now: p.Now}
	return &Issuer{ID: issuer, Provider: p, Keys: s.Keys(), Clients: []string{p.ClientID}, Introspection: s.introspection, Client: p.Client, Server: s}
}

// Server fetches the metadata of an authorization server when it is first needed. It is safe for concurrent use.
type Server struct {
	// Issuer is compared byte for byte with the metadata.
	Issuer string
	Client *http.Client
	Now    func() time.Time

	known wellknown.Kept[metadata]
}

// metadata is what is needed of RFC 8414, section 2.
type metadata struct {
	Issuer        string `json:"issuer"`
	JWKSURI       string `json:"jwks_uri"`
	Introspection string `json:"introspection_endpoint"`
}

// Keys returns the keys of the server.
func (s *Server) Keys() *jwks.Set {
	return &jwks.Set{
		URL: func(ctx context.Context) (string, error) {
			m, err := s.metadata(ctx)
			if err != nil {
				return "", err
			}
			return m.JWKSURI, nil
		},
		Client: reach.Following(s.Client, reach.CheckEndpoint), Now: s.Now,
	}
}

func (s *Server) introspection(ctx context.Context) (string, error) {
	m, err := s.metadata(ctx)
	switch {
	case err != nil:
		return "", err
	case m.Introspection == "":
		return "", errors.New("metadata has no introspection_endpoint")
	}
	return m.Introspection, nil
}

// Examine fetches the metadata and the keys, and returns how many keys there are.
func (s *Server) Examine(ctx context.Context) (keys int, err error) {
	found, err := s.Keys().Current(ctx)
	return len(found), err
}

// metadata returns the metadata, as wellknown.Kept keeps it.
func (s *Server) metadata(ctx context.Context) (*metadata, error) {
	return s.known.Current(ctx, s.Now, s.fetch)
}

// fetch asks the addresses of OpenID Connect Discovery, section 4, and of RFC 8414, section 3.1, in this order.
func (s *Server) fetch(ctx context.Context) (*metadata, error) {
	var wrong error
	for _, address := range metadataAddresses(s.Issuer) {
		m, err := wellknown.Fetch(ctx, s.Client, address, s.check)
		if err == nil {
			return m, nil
		}
		wrong = errors.Join(wrong, oidc.Truncated(fmt.Errorf("metadata at %s: %w", address, err)))
	}
	return nil, wrong
}

func metadataAddresses(issuer string) []string {
	out := []string{strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"}
	if u, err := url.Parse(issuer); err == nil {
		u.Path, u.RawPath = "/.well-known/oauth-authorization-server"+strings.TrimSuffix(u.Path, "/"), ""
		out = append(out, u.String())
	}
	return out
}

func (s *Server) check(m *metadata) error {
	if err := wellknown.CheckParty(s.Issuer, m.Issuer, m.JWKSURI); err != nil {
		return err
	}
	if err := reach.CheckEndpoint(m.Introspection); m.Introspection != "" && err != nil {
		return fmt.Errorf("introspection_endpoint: %w", err)
	}
	return nil
}
