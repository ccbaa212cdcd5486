package oidc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
)

// Provider is an OpenID provider whose metadata is fetched in the background: the gateway starts even if the provider
// is down, and users can sign in as soon as it is up.
type Provider struct {
	Config

	meta atomic.Pointer[Metadata]
	// answeredAt is when the token endpoint last issued tokens or refused a grant, in Unix milliseconds.
	answeredAt atomic.Int64
	// unanswering: the last connection to the token endpoint got no answer in time.
	unanswering atomic.Bool
	// reduced limits the warnings about claims that are too large to keep.
	reduced retry.Seldom
	// secretInHeader: the provider has accepted the client secret in the header.
	secretInHeader atomic.Bool
	// secretInForm: the provider has refused the client secret in the header, and accepted it in the form.
	secretInForm atomic.Bool
	kick         chan struct{}
	nonces       dpop.Nonces
	// unclear contains the claims with unknown values that were already logged.
	unclear sync.Map

	mu    sync.Mutex
	ready chan struct{} // closed when the first metadata arrives; never replaced
	tried chan struct{} // closed when it was first asked for, with whatever result; never replaced
	state State
	// lost: the last request to the token endpoint failed.
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

// New returns a provider. Run fetches its metadata.
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
	return &Provider{Config: c, kick: make(chan struct{}, 1), ready: make(chan struct{}), tried: make(chan struct{})}
}

// run fetches the metadata and keeps it fresh until ctx ends. After a failure it tries again, with pauses that grow to
// half a minute, and at once when a user wants to sign in. Fetched metadata is used until it is fetched again.
func (p *Provider) run(ctx context.Context) {
	tried := false
	failures, backoff := 0, retry.Backoff{First: discoverFirst, Longest: discoverLongest}
	for {
		wait := discoverEvery
		err := p.Discover(ctx)
		if ctx.Err() != nil {
			return
		}
		p.noteDiscovery(err)
		if !tried {
			tried = true
			close(p.tried)
		}
		if err != nil {
			if failures++; failures == 1 {
				p.Logger.Warn("provider metadata cannot be fetched, will retry", zap.String("provider", p.Name), zap.Error(err))
			}
			wait = backoff.After(failures)
		} else if failures > 0 {
			p.Logger.Info("provider metadata fetched", zap.String("provider", p.Name))
			failures = 0
		}
		// A user who waits for the metadata can trigger the next attempt.
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

// Known returns the metadata, or nil if it was never fetched.
func (p *Provider) Known() *Metadata { return p.meta.Load() }

// Run fetches the metadata, and keeps it and the state of the token endpoint up to date until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { p.watchToken(ctx) })
	p.run(ctx)
	work.Wait()
}

// CloseIdleConnections closes connections that would otherwise stay open for a minute and a half.
func (p *Provider) CloseIdleConnections() { p.Client.CloseIdleConnections() }

// Metadata returns the metadata. If it was never fetched it waits for a short time, then returns ErrProviderDown.
func (p *Provider) Metadata(ctx context.Context) (*Metadata, error) {
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

// soon returns the metadata for work that does not wait for an outage to end; nil if there is none. A new configuration asks for it in
// its first moment, and the work that comes then waits for that one answer.
func soon(ctx context.Context, p *Provider) *Metadata {
	if m := p.meta.Load(); m != nil {
		return m
	}
	timer := time.NewTimer(p.Patience)
	defer timer.Stop()
	select {
	case <-p.tried:
	case <-timer.C:
	case <-ctx.Done():
	}
	return p.meta.Load()
}
