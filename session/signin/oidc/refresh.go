package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

var (
	// ErrOtherUser: a refreshed ID token that the provider has signed has another subject, issuer or client (A41).
	ErrOtherUser = errors.New("refreshed id_token is of another sub, iss or aud")
	// errNotAsked: the provider is not asked, because its endpoints are not known.
	errNotAsked = fmt.Errorf("%w: no metadata", ErrProviderDown)
	// errUserInfoRefused: userinfo, which stated claims before, refuses the new access token.
	errUserInfoRefused = errors.New("userinfo refuses the access token")
	// errGroupsUnknown: the groups did not fit into the token and cannot be fetched.
	errGroupsUnknown = errors.New("groups cannot be fetched")
)

// Refreshed is the answer to a refresh token. Even if it is not usable, the tokens must be kept, because the old
// refresh token may be invalid now.
type Refreshed struct {
	Answer
	// Confirmed: the provider accepted the refresh token and stated no groups; the old ones stay.
	Confirmed bool
	// Unused is why nothing that was stated about the user is used; nil if it is used.
	Unused error
	// vouched: nothing in the answer contradicts that its access token is for this user, even if it is not used.
	vouched bool
}

// Refresh redeems a refresh token (OpenID Connect Core, section 12). The answer is verified like a first answer, and
// must be about the same user of the same issuer (A41). While a pause that the provider has requested is not over,
// Refresh sends nothing.
func (p *Provider) Refresh(ctx context.Context, who *session.Record, old session.Tokens) (*Refreshed, error) {
	ctx = mayWait(ctx)
	m := soon(ctx, p)
	if m == nil {
		return nil, errNotAsked
	}
	key, err := p.proofKey(old.ProofKey)
	if err != nil {
		return nil, err
	}
	asked := p.Now()
	tok, err := p.ask(ctx, m, key, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old.Refresh}})
	if err != nil {
		return nil, err
	}
	keep := old
	if tok.Refresh != "" { // no refresh token means that the old one stays valid (RFC 6749, section 6)
		keep.Refresh = tok.Refresh
	}
	if err := keepProof(&keep, key); err != nil {
		return nil, err
	}
	a := &Refreshed{Answer: Answer{
		Draft: session.Record{Identity: who.Identity, Claims: who.Claims}, Tokens: keep, access: access{tok, proving(p, p.Client, key)},
	}}
	unused := p.relearn(ctx, m, who, a, p.checkTokenType(tok, key))
	if a.vouched || !p.KeepsAccess() {
		keepAccess(p, &keep, tok, asked)
		a.Tokens.Access, a.Tokens.AccessFrom, a.Tokens.AccessEnds = keep.Access, keep.AccessFrom, keep.AccessEnds
	}
	switch {
	case errors.Is(unused, ErrOtherUser):
		return nil, unused
	case unused != nil:
		// The old data is written again, with its old time.
		a.Unused, a.Confirmed, a.Draft, a.Tokens = unused, false, *who, keep
		a.Draft.Confirmed = who.LastAnswer().Add(time.Millisecond)
	}
	if len(a.Tokens.Refresh) > maxKeptRefresh {
		a.Tokens.Refresh = ""
	}
	return a, nil
}

// Spared reports, by the error of Refresh, whether the refresh token was certainly not used: it was never sent, or the
// provider answered without processing it.
func Spared(err error) bool {
	var refused *grant.Error
	return errors.Is(err, errHeldOff) || errors.Is(err, errNotAsked) ||
		errors.As(err, &refused) && (refused.NotSent || refused.Status == http.StatusTooManyRequests)
}

// Unreachable reports whether an error of Refresh means that no request would reach the provider now: there was no
// connection, or the provider has requested a pause.
func Unreachable(err error) bool {
	var refused *grant.Error
	return errors.Is(err, errHeldOff) || errors.As(err, &refused) && refused.NotSent
}

// relearn adds what the provider states to a renewal. An error is the reason why the statements cannot be used.
func (p *Provider) relearn(ctx context.Context, m *Metadata, who *session.Record, a *Refreshed, unusable error) error {
	if unusable != nil {
		return unusable
	}
	if a.access.ID == "" {
		a.vouched = true
		return p.relearnWithoutToken(ctx, m, who, a)
	}
	verified, err := p.verifyIDToken(ctx, m, a.access.ID, nil, a.access.Access)
	if err != nil {
		return p.whyUnusable(ctx, m, who, a.access.ID, err)
	}
	if verified.subject != who.Identity.Subject || p.Issuer != who.Identity.Issuer {
		return fmt.Errorf("%w (sub)", ErrOtherUser)
	}
	if err := p.keepToken(m, &a.Answer, verified); err != nil {
		return err
	}
	a.vouched = true
	claims := claim.Set{verified.claims}
	if len(who.UserInfo) > 0 && m.UserInfoEndpoint != "" && !p.Claims.complete(claims) {
		// Some of the known claims came from userinfo; its refusal now says nothing about the user.
		info, body, err := p.userInfo(ctx, m, &a.Answer)
		if err != nil {
			a.vouched = !errors.Is(err, errOtherSub)
			return userInfoError(err)
		}
		claims, a.Draft.UserInfo = append(claims, info), body
		return p.restate(ctx, a, claims)
	}
	if err := p.learn(ctx, m, &a.Answer, claims); err != nil {
		return err
	}
	return p.stated(a, claims)
}

// whyUnusable distinguishes an ID token that the provider has signed for another user from one that cannot be verified.
func (c *Config) whyUnusable(ctx context.Context, m *Metadata, who *session.Record, raw string, why error) error {
	payload, err := m.keys.VerifySignature(ctx, raw)
	if errors.Is(err, jwks.ErrAway) {
		return fmt.Errorf("%w: %w", ErrProviderDown, err)
	}
	if err != nil {
		return fmt.Errorf("refreshed id_token: %w", why)
	}
	claims, err := claim.Parse(payload)
	if err != nil {
		return fmt.Errorf("refreshed id_token: %w", why)
	}
	said := claim.Set{claims}
	aud, _ := said.List("aud")
	for _, other := range []struct {
		claim string
		is    bool
	}{
		{"iss", said.String("iss") != who.Identity.Issuer},
		{"aud", !slices.Contains(aud, c.ClientID)},
		{"sub", said.String("sub") != who.Identity.Subject},
	} {
		// An absent claim states nothing about another user.
		if _, there := said.Get(other.claim); there && other.is {
			return fmt.Errorf("%w (%s)", ErrOtherUser, other.claim)
		}
	}
	return fmt.Errorf("refreshed id_token: %w", why)
}

// relearnWithoutToken is for a provider that sends no ID token at a refresh, which is allowed (Core, section 12.2). New
// userinfo replaces the old userinfo, and the same claims of the first ID token. The other claims of the first ID token
// stay.
func (p *Provider) relearnWithoutToken(ctx context.Context, m *Metadata, who *session.Record, a *Refreshed) error {
	if m.UserInfoEndpoint == "" {
		return p.confirm(who, a)
	}
	info, body, err := p.userInfo(ctx, m, &a.Answer)
	a.vouched = !errors.Is(err, errOtherSub)
	switch {
	case err == nil:
	case refusedUserInfo(err) && len(who.UserInfo) == 0:
		return p.confirm(who, a) // it has never stated anything
	default:
		return userInfoError(err)
	}
	first, err := claim.Parse(who.Claims)
	if err != nil || len(who.Claims) == 0 {
		first = nil
	}
	before, err := claim.Parse(who.UserInfo)
	if err != nil || len(who.UserInfo) == 0 {
		before = nil
	}
	if first == nil && !p.Claims.complete(claim.Set{info}) && !p.Claims.statesGroups(before) {
		return p.confirm(who, a) // an older version did not keep a first ID token that was too large; its claims still count
	}
	changed := superseded(first, before, info)
	if p.Claims.lacks(first, info) {
		return p.confirm(who, a) // the first ID token was too large to keep; its claims still count
	}
	a.Draft.UserInfo = body
	if changed {
		// The token is no longer what the provider signed, so it cannot be sent to the provider either.
		if a.Draft.Claims, err = json.Marshal(first); err != nil {
			return err
		}
		a.Tokens.IDHeader, a.Tokens.IDSignature = nil, nil
	}
	claims := claim.Set{first, info}
	if p.Claims.statesGroups(info) || p.Claims.statesGroups(before) || overage(claims, p.Claims.groupsPath()) {
		return p.restate(ctx, a, claims)
	}
	groupsKept := claim.Lacks(first, p.Claims.groupsPath())
	if groupsKept { // in the session's groups
		rest := maps.Clone(first)
		delete(rest, p.Claims.groupsPath())
		claims = claim.Set{rest, info}
	}
	if err := p.restate(ctx, a, claims); err != nil {
		return err
	}
	if groupsKept {
		a.Draft.Groups, a.Draft.GroupsComplete, a.Draft.GroupsUnclear = who.Groups, who.GroupsComplete, who.GroupsUnclear
	}
	a.Draft.GroupsAsOf, a.Draft.Confirmed, a.Confirmed = who.GroupsAsOf, p.Now().UTC(), true
	return nil
}

// superseded removes claims of the first ID token that userinfo now states differently, or stated before and no longer
// states. Claims about the token, the identity or the sign-in stay.
func superseded(first, before, info map[string]json.RawMessage) bool {
	changed := false
	for path, value := range first { // a path, if the claims come from claim.Reduce
		now, says := claim.Set{info}.Get(path)
		_, said := claim.Set{before}.Get(path)
		if AboutToken(path) || slices.Contains(aboutSignIn, path) || !says && !said || says && sameJSON(now, value) {
			continue
		}
		delete(first, path)
		changed = true
	}
	return changed
}

// aboutSignIn are the claims of an ID token about the identity and the sign-in.
var aboutSignIn = []string{"iss", "sub", "aud", "azp", "auth_time", "acr", "acrs", "amr", "sid"}

func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// confirm is for a provider that accepted the refresh token and stated nothing: the account is valid, and the claims
// stay.
func (c *Config) confirm(who *session.Record, a *Refreshed) error {
	tokens := a.Tokens
	a.Draft, a.Tokens = *who, tokens
	a.Draft.Confirmed, a.Confirmed = c.Now().UTC(), true
	return nil
}

// restate fills a renewal with the current statements of all sources.
func (p *Provider) restate(ctx context.Context, a *Refreshed, claims claim.Set) error {
	p.Claims.describe(&a.Draft, claims)
	a.Draft.GroupsAsOf = p.Now().UTC()
	p.completeGroups(ctx, &a.Answer)
	p.bound(&a.Answer)
	return p.stated(a, claims)
}

// stated ends a renewal in which groups were stated. If a token only refers to the groups and they cannot be fetched,
// the old groups stay until they can.
func (c *Config) stated(a *Refreshed, claims claim.Set) error {
	if c.Claims.GraphURL != "" && !a.Draft.GroupsComplete && overage(claims, c.Claims.groupsPath()) && a.groupsErr != nil {
		return fmt.Errorf("%w: %w", errGroupsUnknown, a.groupsErr)
	}
	a.Confirmed = false
	return nil
}

// userInfoError converts an error of userinfo to one of the renewal: an outage, or a refusal.
func userInfoError(err error) error {
	var status statusError
	switch {
	case refusedUserInfo(err):
		return fmt.Errorf("%w: %w", errUserInfoRefused, err)
	case errors.As(err, &status):
		return fmt.Errorf("%w: userinfo: %w", ErrProviderDown, err)
	}
	return fmt.Errorf("userinfo: %w", err)
}

// statesGroups reports whether claims state anything about groups, even if only that there are more.
func (cfg *ClaimsConfig) statesGroups(claims map[string]json.RawMessage) bool {
	c := claim.Set{claims}
	_, ok := c.Get(cfg.groupsPath())
	return ok || overage(c, cfg.groupsPath())
}

// completeGroups fetches groups from Graph that did not fit into the token.
func (p *Provider) completeGroups(ctx context.Context, a *Answer) {
	if a.Draft.GroupsComplete || p.Claims.GraphURL == "" {
		return
	}
	all, err := p.graphGroups(ctx, a.access.Access)
	if err != nil {
		// The groups stay unknown; no rule treats that as an advantage.
		a.groupsErr = err
		p.Logger.Warn("groups cannot be fetched", zap.String("provider", p.Name), zap.Error(Truncated(err)))
		return
	}
	a.Draft.Groups, a.Draft.GroupsComplete = boundGroups(all)
	a.Draft.GroupsUnclear = false
}
