package signin

import (
	"context"
	"errors"
	"time"
)

// ProviderState is how a provider is, as this process finds it.
type ProviderState struct {
	// Metadata is when its metadata was last fetched; zero if never, so that nobody can sign in there. MetadataErr is why
	// the last try failed, empty if it did not.
	Metadata    time.Time
	MetadataErr string
	// Keys is when its keys were last fetched; zero if never, which is right until somebody signs in.
	Keys time.Time
	// Failed is when it last could not be reached for a person, and Err how; zero if it always could.
	Failed time.Time
	Err    string
}

// State tells how the provider is. What it says of errors is bounded, and holds no secret.
func (p *Provider) State() ProviderState {
	p.mu.Lock()
	state := p.state
	p.mu.Unlock()
	if m := p.meta.Load(); m != nil {
		_, state.Keys, _ = m.keys.state()
	}
	return state
}

func (p *Provider) noteDiscovery(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.MetadataErr = ""; err != nil {
		p.state.MetadataErr = truncated(err).Error()
		return
	}
	p.state.Metadata = p.Now()
}

// noteFailure takes note of what a sign-in or a renewal met.
func (p *Provider) noteFailure(err error) {
	if !errors.Is(err, errProviderDown) && !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Failed, p.state.Err = p.Now(), truncated(err).Error()
}
