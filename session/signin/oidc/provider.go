package oidc

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/leave"
)

// Config is one OpenID provider, as configured.
type Config struct {
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
	// TrustAudience are audiences that an ID token may have beside us, if its azp says that it was issued to us.
	TrustAudience []string
	// SilentRecheck has claims that are too old and cannot be refreshed asked for anew by a round trip of the browser.
	SilentRecheck bool
	// ClientMethod is how the secret is sent: client_secret_basic or client_secret_post. Empty: client_secret_basic, unless
	// the metadata offers client_secret_post alone.
	ClientMethod string
	// Scopes always include openid. Empty: openid profile email offline_access, as far as the provider has them.
	Scopes []string
	// MetadataURL is where the metadata is, if that is not where the issuer's name leads. The metadata has to name the issuer.
	MetadataURL string
	// InternalURL is an origin at which the gateway itself reaches what has the issuer's origin. Browsers never go there.
	InternalURL string
	// EndSession is where a person is signed out, in place of what the metadata says.
	EndSession *leave.Template
	// AuthParams are sent to the authorization endpoint as they are; none can replace a parameter of the protocol.
	AuthParams map[string]string
	Claims     ClaimsConfig
	// HeaderClaims are the claims that headers of sites carry. They are asked for when claims are too large to keep. Nil:
	// none.
	HeaderClaims func() []string
	// Patience is how long a sign-in waits for metadata that was never found; 0: 3 seconds.
	Patience time.Duration
	// Client talks to the provider; nil: NewClient(ClientConfig{}).
	Client *http.Client
	Logger *zap.Logger
	Now    func() time.Time
}

// Provider is an OpenID provider whose metadata is found in the background: the gateway starts while the provider is
// down, and signing in works as soon as it is up.
type Provider struct {
	Config

	meta atomic.Pointer[metadata]
	// answeredAt is when the token endpoint last gave tokens or refused a grant, in Unix milliseconds.
	answeredAt atomic.Int64
	// unanswering: the token endpoint was last connected to without an answer in time.
	unanswering atomic.Bool
	// reduced is when the log last told that claims were too large to keep.
	reduced retry.Seldom
	// secretInHeader: the provider has taken the client secret in the header.
	secretInHeader atomic.Bool
	// secretInForm: the provider has refused the client secret in the header, and taken it in the form.
	secretInForm atomic.Bool
	kick         chan struct{}
	// unclear holds the claims of which it was said that their values are no known words.
	unclear sync.Map

	mu    sync.Mutex
	ready chan struct{} // closed when metadata came, replaced never
	state State
	// lost: the token endpoint could not be reached when it was last asked.
	lost bool
	// warned are the warnings that were logged.
	warned map[warning]bool
}

const (
	discoverEvery    = time.Hour
	discoverFirst    = time.Second
	discoverLongest  = 30 * time.Second
	discoverPatience = 3 * time.Second
)

// ErrProviderDown: the provider cannot be reached, cannot answer, or was never found.
var ErrProviderDown = errors.New("provider cannot be reached")

// New returns a provider. Run finds its metadata.
func New(c Config) *Provider {
	if c.Patience == 0 {
		c.Patience = discoverPatience
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = NewClient(ClientConfig{Now: c.Now})
	}
	if c.InternalURL != "" {
		c.Client = inside(c.Client, c.Issuer, c.InternalURL)
	}
	if c.Title == "" {
		c.Title = c.Name
	}
	return &Provider{Config: c, kick: make(chan struct{}, 1), ready: make(chan struct{})}
}

// run finds the metadata and keeps it fresh until ctx ends. A failed try is tried again, ever more slowly up to every
// half minute, at once when somebody wants to sign in; metadata once found is used until it is found anew.
func (p *Provider) run(ctx context.Context) {
	failures := 0
	for {
		wait := discoverEvery
		err := p.Discover(ctx)
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
			if !retry.Sleep(ctx, discoverFirst/4) {
				return
			}
		}
	}
}

// Known is the metadata, if it was ever found; else nil.
func (p *Provider) Known() *metadata { return p.meta.Load() }

// Run finds the metadata and keeps it and what is known of the token endpoint fresh, until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { p.watchToken(ctx) })
	p.run(ctx)
	work.Wait()
}

// CloseIdleConnections closes what would stay open for a minute and a half.
func (p *Provider) CloseIdleConnections() { p.Client.CloseIdleConnections() }

// Metadata returns the metadata, waiting for a first find for a moment. ErrProviderDown if there is none.
func (p *Provider) Metadata(ctx context.Context) (*metadata, error) {
	if m := p.meta.Load(); m != nil {
		return m, nil
	}
	select {
	case p.kick <- struct{}{}:
	default:
	}
	timer := time.NewTimer(p.Patience)
	defer timer.Stop()
	select {
	case <-p.ready:
		return p.meta.Load(), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil, ErrProviderDown
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

func Truncated(err error) error { return shortError{err} }
