package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/retry"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// State is the state of a provider, as this process sees it.
type State struct {
	// Metadata is when its metadata was last fetched; zero if never, so that no user can sign in there. MetadataErr is
	// the error of the last attempt, empty if it succeeded.
	Metadata    time.Time
	MetadataErr string
	// TokenErr is the error of the last request to the token endpoint, by a sign-in or a renewal; empty if it
	// succeeded. Refusing a code or a refresh token is not an error.
	TokenErr string
	// Keys is when its keys were last fetched; zero if never, which is normal until a user signs in.
	Keys time.Time
	// Failed is when it last could not be reached for a user, and Err the error; zero if that never happened.
	Failed time.Time
	Err    string
	// Warnings are facts about this provider that an operator should know.
	Warnings []string
}

// warning is a message that is logged once for a provider.
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
	warnUnusableAccessToken = warning{
		"access_token_unusable",
		"a site forwards the access token, and the provider issues one that an application cannot use: it is bound to a key or a " +
			"certificate of the gateway, is of over 8 KB, or has characters that no header has",
	}
	warnUserInfoRefused = warning{
		"userinfo_refused",
		"userinfo refuses the access token: sign-ins go on with what the ID token says, and groups that it lacks are unknown",
	}
)

// warn logs a warning once for a provider, and adds it to the state.
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

// NoteRefresh warns if a session of this provider cannot be renewed.
func (p *Provider) NoteRefresh(a *Answer) {
	switch {
	case a.largeRefresh:
		p.warn(warnLargeRefreshToken)
	case a.Tokens.Refresh == "" && !p.SilentRecheck:
		p.warn(warnNoRefreshToken)
	}
}

// WarnWithoutGroups warns that the provider accepts a refresh token but states no groups with it.
func (p *Provider) WarnWithoutGroups() { p.warn(warnTellsNothing) }

// State returns the state of the provider. Its error texts are limited in length, and contain no secret.
func (p *Provider) State() State {
	p.mu.Lock()
	state := p.state
	for w := range p.warned {
		state.Warnings = append(state.Warnings, w.word+": "+w.text)
	}
	p.mu.Unlock()
	slices.Sort(state.Warnings)
	if m := p.meta.Load(); m != nil {
		state.Keys = m.keys.Fetched()
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

// NoteFailure records an error of a sign-in or a renewal.
func (p *Provider) NoteFailure(err error) {
	if !IsDown(err) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Failed, p.state.Err = p.Now(), Truncated(err).Error()
}

// noteToken records the state of the token endpoint. Refusing a grant shows that it works.
func (p *Provider) noteToken(err error) {
	var e *grant.Error
	failed := errors.As(err, &e)
	if err != nil && !failed {
		return // of the client itself, not of the endpoint
	}
	if !failed || e.Status != 0 || e.Kind != grant.Down {
		p.unanswering.Store(false)
	}
	why := ""
	switch {
	case !failed, e.Kind == grant.Over, e.Kind == grant.Doubtful:
		p.answeredAt.Store(p.Now().UnixMilli())
	case e.Kind == grant.Unreadable && e.Status >= http.StatusBadRequest:
		return // of one grant or of all: that is not known
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

// Unanswering reports whether the last connection to the token endpoint got no answer in time.
func (p *Provider) Unanswering() bool { return p.unanswering.Load() }

// AnsweredSince reports whether the token endpoint has answered any request normally since a time.
func (p *Provider) AnsweredSince(at time.Time) bool { return p.answeredAt.Load() > at.UnixMilli() }

// watchToken probes a token endpoint that could not be reached, until ctx ends. Otherwise the state would report an
// outage until the next user signs in.
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

// lookAtToken sends an empty request to the token endpoint. Any answer, even a refusal of the method, shows that it can
// be reached.
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

// warnUnclear logs claims with unknown values, once for each, because the provider would send them at every sign-in.
// The value is not logged, because it may be anything.
func (p *Provider) warnUnclear(words []string) {
	for _, word := range words {
		if _, told := p.unclear.LoadOrStore(word, true); told {
			continue
		}
		p.Logger.Warn("claim has a value that is no known word, so it counts as unknown: rules that restrict hold, rules that open a way do not",
			zap.String("provider", p.Name), zap.String("claim_of", word))
	}
}

// The names of the endpoints of a provider, for EndpointOf.
const (
	EndpointMetadata      = "metadata"
	EndpointKeys          = "keys"
	EndpointToken         = "token"
	EndpointUserInfo      = "userinfo"
	EndpointRevocation    = "revocation"
	EndpointIntrospection = "introspection"
	EndpointPush          = "pushed_request"
	EndpointOther         = "other"
)

// EndpointOf returns the name of the endpoint of a provider that an address belongs to. It compares only the paths: with an internal
// address the host is another one.
func EndpointOf(p *Provider, u *url.URL) string {
	if samePath(u, p.MetadataAddress()) {
		return EndpointMetadata
	}
	if m := p.meta.Load(); m != nil {
		for _, e := range []struct{ name, address string }{
			{EndpointToken, m.TokenEndpoint},
			{EndpointKeys, m.JWKSURI},
			{EndpointUserInfo, m.UserInfoEndpoint},
			{EndpointRevocation, m.RevocationEndpoint},
			{EndpointIntrospection, m.IntrospectionEndpoint},
			{EndpointPush, m.PushEndpoint},
		} {
			if samePath(u, e.address) {
				return e.name
			}
		}
	}
	return EndpointOther
}

func samePath(u *url.URL, address string) bool {
	if address == "" {
		return false
	}
	endpoint, err := url.Parse(address)
	return err == nil && endpoint.EscapedPath() == u.EscapedPath()
}
