package bearer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
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

const (
	// metadataTTL is how long metadata is used before it is fetched again, metadataPause how long after a failure the next
	// attempt waits: any client can cause one.
	metadataTTL   = time.Hour
	metadataPause = 5 * time.Second
)

// Server fetches the metadata of an authorization server when it is first needed. It is safe for concurrent use.
type Server struct {
	// Issuer is compared byte for byte with the metadata.
	Issuer string
	Client *http.Client
	Now    func() time.Time

	mu      sync.Mutex
	known   *metadata
	fetched time.Time
	failed  time.Time
	failure error
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

// metadata returns the metadata. It is fetched if it is unknown or old; while that fails, old metadata is used.
func (s *Server) metadata(ctx context.Context) (*metadata, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	switch {
	case s.known != nil && now.Sub(s.fetched) < metadataTTL:
		return s.known, nil
	case s.failure != nil && now.Sub(s.failed) < metadataPause:
	default:
		m, err := s.fetch(ctx)
		if err == nil {
			s.known, s.fetched, s.failure = m, s.Now(), nil
			return m, nil
		}
		s.failed, s.failure = s.Now(), err
	}
	if s.known != nil {
		return s.known, nil
	}
	return nil, s.failure
}

// fetch asks the addresses of OpenID Connect Discovery, section 4, and of RFC 8414, section 3.1, in this order.
func (s *Server) fetch(ctx context.Context) (*metadata, error) {
	var wrong error
	for _, address := range metadataAddresses(s.Issuer) {
		m, err := s.fetchFrom(ctx, address)
		if err == nil {
			return m, nil
		}
		wrong = errors.Join(wrong, fmt.Errorf("metadata at %s: %w", address, err))
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

func (s *Server) fetchFrom(ctx context.Context, address string) (*metadata, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := reach.Following(s.Client, reach.CheckEndpoint).Do(req)
	if err != nil {
		return nil, oidc.Truncated(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	m := new(metadata)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, errors.New("it is no JSON object with the fields of metadata")
	}
	if m.Issuer != s.Issuer {
		return nil, oidc.Truncated(fmt.Errorf("issuer is %q in the configuration and %q in the metadata", s.Issuer, m.Issuer))
	}
	if err := reach.CheckEndpoint(m.JWKSURI); err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	if err := reach.CheckEndpoint(m.Introspection); m.Introspection != "" && err != nil {
		return nil, fmt.Errorf("introspection_endpoint: %w", err)
	}
	return m, nil
}
