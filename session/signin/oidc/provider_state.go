package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// State is how a provider is, as this process finds it.
type State struct {
	// Metadata is when its metadata was last fetched; zero if never, so that nobody can sign in there. MetadataErr is why
	// the last try failed, empty if it did not.
	Metadata    time.Time
	MetadataErr string
	// TokenErr is why the token endpoint was of no use when it was last asked, by a sign-in or a renewal; empty if it was.
	// A refusal of a code or a refresh token is no failure.
	TokenErr string
	// Keys is when its keys were last fetched; zero if never, which is right until somebody signs in.
	Keys time.Time
	// Failed is when it last could not be reached for a person, and Err how; zero if it always could.
	Failed time.Time
	Err    string
	// Warnings are what an operator should know about how this provider works here.
	Warnings []string
}

// warning is what is told of a provider once.
type warning struct{ word, text string }

var (
	warnNoRefreshToken = warning{
		"no_refresh_token",
		"provider gives no refresh token: claims and groups stay as at sign-in, and an account that is disabled is not noticed; " +
			"see the scope offline_access at the provider, or `recheck silent` in its block",
	}
	warnLargeRefreshToken = warning{
		"refresh_token_too_large", "refresh token of over 8 KB is not kept: claims and groups of such a session stay as at sign-in",
	}
	warnClaimTooLarge = warning{
		"claim_too_large",
		"a claim that the configuration names is larger than what a session keeps (12 KB of claims): its header is absent; the log names it",
	}
	warnTellsNothing = warning{
		"renewal_without_groups",
		"provider takes the refresh token and states no groups with it, neither in an ID token nor in userinfo: groups stay as " +
			"at sign-in; an account that is disabled is still noticed",
	}
	warnUserInfoRefused = warning{
		"userinfo_refused",
		"userinfo refuses the access token: sign-ins go on with what the ID token says, and groups that it lacks are unknown",
	}
)

// warn logs a warning, once a provider, and keeps it for its state.
func (p *Provider) warn(w warning) {
	p.mu.Lock()
	known := p.warned[w]
	if p.warned == nil {
		p.warned = map[warning]bool{}
	}
	p.warned[w] = true
	p.mu.Unlock()
	if !known {
		p.Logger.Warn(w.text, zap.String("provider", p.Name), zap.String("warning", w.word))
	}
}

// NoteRefresh warns of a provider that a session cannot be renewed with.
func (p *Provider) NoteRefresh(a *Answer) {
	switch {
	case a.largeRefresh:
		p.warn(warnLargeRefreshToken)
	case a.Tokens.Refresh == "" && !p.SilentRecheck:
		p.warn(warnNoRefreshToken)
	}
}

// WarnWithoutGroups warns of a provider that takes a refresh token and states no groups with it.
func (p *Provider) WarnWithoutGroups() { p.warn(warnTellsNothing) }

// State tells how the provider is. What it says of errors is bounded, and holds no secret.
func (p *Provider) State() State {
	p.mu.Lock()
	state := p.state
	for w := range p.warned {
		state.Warnings = append(state.Warnings, w.word+": "+w.text)
	}
	p.mu.Unlock()
	slices.Sort(state.Warnings)
	if m := p.meta.Load(); m != nil {
		_, state.Keys, _ = m.keys.state()
	}
	return state
}

func (p *Provider) noteDiscovery(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.MetadataErr = ""; err != nil {
		p.state.MetadataErr = Truncated(err).Error()
		return
	}
	p.state.Metadata = p.Now()
}

// NoteFailure takes note of what a sign-in or a renewal met.
func (p *Provider) NoteFailure(err error) {
	if !IsDown(err) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Failed, p.state.Err = p.Now(), Truncated(err).Error()
}

// noteToken takes note of how the token endpoint is. What refuses one grant shows that it works.
func (p *Provider) noteToken(err error) {
	var e *grant.Error
	failed := errors.As(err, &e)
	if err != nil && !failed {
		return // of our own
	}
	if !failed || e.Status != 0 || e.Kind != grant.Down {
		p.unanswering.Store(false)
	}
	why := ""
	switch {
	case !failed, e.Kind == grant.Over, e.Kind == grant.Doubtful:
		p.answeredAt.Store(p.Now().UnixMilli())
	case e.Kind == grant.Unreadable && e.Status >= http.StatusBadRequest:
		return // of one grant, or of all: that is not known
	default:
		why = Truncated(e).Error()
		if e.Silent {
			p.unanswering.Store(true)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.TokenErr = why
	p.lost = failed && e.Status == 0 && e.Kind == grant.Down
}

// Unanswering reports whether the token endpoint was last connected to without an answer in time.
func (p *Provider) Unanswering() bool { return p.unanswering.Load() }

// AnsweredSince reports whether the token endpoint has answered anybody since a time as it should.
func (p *Provider) AnsweredSince(at time.Time) bool { return p.answeredAt.Load() > at.UnixMilli() }

// watchToken looks whether a token endpoint that could not be reached can be reached again, until ctx ends: else the state
// would tell of an outage until the next person signs in.
func (p *Provider) watchToken(ctx context.Context) {
	for retry.Sleep(ctx, discoverLongest) {
		p.mu.Lock()
		lost := p.lost
		p.mu.Unlock()
		if m := p.meta.Load(); lost && m != nil {
			p.lookAtToken(ctx, m)
		}
	}
}

// lookAtToken asks the token endpoint for nothing. Any answer, a refusal of the method too, shows that it is there.
func (p *Provider) lookAtToken(ctx context.Context, m *Metadata) {
	ctx, cancel := context.WithTimeout(mayWait(ctx), idpTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.TokenEndpoint, nil)
	if err != nil {
		return
	}
	resp, err := p.Client.Do(r)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return
	}
	p.unanswering.Store(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost {
		p.lost, p.state.TokenErr = false, ""
	}
}

// warnUnclear tells of claims whose value is no known word, once for each: a provider that says it once says it at every
// sign-in. The value is not logged, because it may be anything.
func (p *Provider) warnUnclear(words []string) {
	for _, word := range words {
		if _, told := p.unclear.LoadOrStore(word, true); told {
			continue
		}
		p.Logger.Warn("claim has a value that is no known word, so it counts as unknown: rules that restrict hold, rules that open a way do not",
			zap.String("provider", p.Name), zap.String("claim_of", word))
	}
}
