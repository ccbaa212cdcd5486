package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
)

// ProviderConfig is one OpenID provider, as configured.
type ProviderConfig struct {
	// Name is how the configuration and the log call it; Title is for people, empty means Name.
	Name, Title string
	// Issuer is compared with the metadata's and each token's, byte for byte.
	Issuer   string
	ClientID string
	// ClientSecret is asked for at each token request, so that a rotated secret needs no reload. Nil: a public client.
	ClientSecret func() (string, error)
	// ClientKey proves who we are in place of a secret (private_key_jwt), and is asked for as often. ClientAudience is
	// whom its assertions are for; empty: the provider, by its token endpoint.
	ClientKey      func() (*ClientKey, error)
	ClientAudience string
	// SilentRecheck has claims that are too old and cannot be refreshed asked for anew by a round trip of the browser.
	SilentRecheck bool
	// Scopes always include openid. Empty: openid profile email offline_access.
	Scopes []string
	// AuthParams are sent to the authorization endpoint as they are; none can replace a parameter of the protocol.
	AuthParams map[string]string
	Claims     ClaimsConfig
	// Client talks to the provider; nil: NewIDPClient(nil, nil).
	Client *http.Client
	Logger *zap.Logger
	Now    func() time.Time
}

// Provider is an OpenID provider whose metadata is found in the background: the gateway starts while the provider is
// down, and signing in works as soon as it is up.
type Provider struct {
	ProviderConfig

	meta atomic.Pointer[metadata]
	// renewAfter is when renewals are tried again after one met an outage, in Unix milliseconds.
	renewAfter atomic.Int64
	// seenAt is when a silent recheck last found the provider there, in Unix milliseconds.
	seenAt atomic.Int64
	kick   chan struct{}

	mu    sync.Mutex
	ready chan struct{} // closed when metadata came, replaced never
	state ProviderState
}

type metadata struct {
	oidc *oidc.Provider
	keys *keySet

	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Prompts               []string `json:"prompt_values_supported"`
	TokenAuthAlgorithms   []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IssInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
}

const (
	discoverEvery    = time.Hour
	discoverFirst    = time.Second
	discoverLongest  = 30 * time.Second
	discoverPatience = 3 * time.Second
)

// errProviderDown: the provider's metadata has not been found yet.
var errProviderDown = errors.New("provider cannot be reached")

// NewProvider returns a provider. Run finds its metadata.
func NewProvider(c ProviderConfig) *Provider {
	if c.Client == nil {
		c.Client = NewIDPClient(nil, nil)
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess}
	}
	if c.Title == "" {
		c.Title = c.Name
	}
	return &Provider{ProviderConfig: c, kick: make(chan struct{}, 1), ready: make(chan struct{})}
}

// run finds the metadata and keeps it fresh until ctx ends. A failed try is tried again, ever more slowly up to every
// half minute, at once when somebody wants to sign in; metadata once found is used until it is found anew.
func (p *Provider) run(ctx context.Context) {
	failures := 0
	for {
		wait := discoverEvery
		err := p.discover(ctx)
		if ctx.Err() != nil {
			return
		}
		p.noteDiscovery(err)
		if err != nil {
			if failures++; failures == 1 {
				p.Logger.Warn("provider metadata cannot be fetched, trying on", zap.String("provider", p.Name), zap.Error(err))
			}
			wait = min(discoverLongest, discoverFirst<<min(failures-1, 5))
		} else if failures > 0 {
			p.Logger.Info("provider metadata fetched", zap.String("provider", p.Name))
			failures = 0
		}
		// While the metadata is missing a person who waits may hurry the next try, but not more than one a second.
		timer := time.NewTimer(wait)
		kick := p.kick
		if failures == 0 {
			kick = nil
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-kick:
			timer.Stop()
			if !sleep(ctx, discoverFirst/4) {
				return
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (p *Provider) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.Client), idpTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return truncated(err)
	}
	m := &metadata{oidc: found}
	if err := found.Claims(m); err != nil {
		return fmt.Errorf("reading metadata: %w", err)
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "jwks_uri": m.JWKSURI,
	} {
		if endpoint == "" {
			return fmt.Errorf("metadata has no %s", name)
		}
	}
	for _, endpoint := range []string{
		m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI, m.UserInfoEndpoint, m.EndSessionEndpoint, m.RevocationEndpoint,
	} {
		if endpoint != "" {
			if err := CheckEndpoint(endpoint); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
		}
	}
	if old := p.meta.Load(); old != nil && old.JWKSURI == m.JWKSURI {
		m.keys = old.keys
	} else {
		uri := m.JWKSURI
		m.keys = &keySet{url: func() string { return uri }, client: p.Client, now: p.Now}
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

// metadata returns the metadata, waiting for a first find for a moment. errProviderDown if there is none.
func (p *Provider) metadata(ctx context.Context) (*metadata, error) {
	if m := p.meta.Load(); m != nil {
		return m, nil
	}
	select {
	case p.kick <- struct{}{}:
	default:
	}
	timer := time.NewTimer(discoverPatience)
	defer timer.Stop()
	select {
	case <-p.ready:
		return p.meta.Load(), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, errProviderDown
}

// maxErrorText bounds what an error of a provider may put into a log line: go-oidc quotes whole answers.
const maxErrorText = 300

type shortError struct{ error }

func (s shortError) Error() string {
	if text := s.error.Error(); len(text) > maxErrorText {
		return text[:maxErrorText] + "..."
	} else {
		return text
	}
}

func (s shortError) Unwrap() error { return s.error }

func truncated(err error) error { return shortError{err} }
