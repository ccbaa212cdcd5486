package oidc

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Limits for what a session keeps of a provider's answer, so that every sign-in fits into the store.
const (
	// maxKeptClaims is the largest size of the claims of the ID token, and of those of userinfo. If they are larger,
	// only those that the configuration uses are kept.
	maxKeptClaims  = 12 << 10
	maxKeptRefresh = 8 << 10
	// maxNamesLogged is how many claims one log line names at most, maxNameLogged the longest part of a name.
	maxNamesLogged = 5
	maxNameLogged  = 64
	// reducedEvery is the shortest interval between two warnings about claims that are too large.
	reducedEvery = time.Minute
)

// bound reduces the claims of an answer to those that the configuration uses, if they are too large to keep. An ID
// token without all its claims can no longer be sent to the provider. A refresh token that is too large is dropped.
func (p *Provider) bound(a *Answer) {
	if len(a.Draft.Claims) > maxKeptClaims {
		a.Draft.Claims, a.Tokens.IDHeader, a.Tokens.IDSignature = p.reduce(a, "id_token", a.Draft.Claims), nil, nil
	}
	if len(a.Draft.UserInfo) > maxKeptClaims {
		a.Draft.UserInfo = p.reduce(a, "userinfo", a.Draft.UserInfo)
	}
	if len(a.Tokens.Refresh) > maxKeptRefresh {
		a.Tokens.Refresh, a.largeRefresh = "", true
	}
}

func (p *Provider) reduce(a *Answer, source string, raw []byte) []byte {
	claims, err := claim.Parse(raw)
	if err != nil {
		return nil // it was parsed before
	}
	p.Claims.settleGroups(claims)
	paths := append(p.Claims.decisive(), p.Claims.groupsPath())
	inHeaders := p.headerClaims()
	paths = slices.Concat(paths, hints, inHeaders)
	r := claim.Reduce(claims, paths, maxKeptClaims)
	dropped, large := slices.DeleteFunc(r.Dropped, AboutToken), r.TooLarge
	if groups := p.Claims.groupsPath(); slices.Contains(large, groups) && !slices.Contains(inHeaders, groups) {
		// The session keeps groups separately, so dropping them here loses nothing.
		dropped = slices.Insert(dropped, 0, groups)
		large = slices.DeleteFunc(large, func(path string) bool { return path == groups })
	}
	fields := []zap.Field{
		zap.String("provider", p.Name), zap.String("user", a.Draft.User), zap.String("source", source),
		zap.Int("bytes", len(raw)), zap.Int("kept_bytes", len(r.Kept)), zap.Strings("dropped", someNames(dropped)),
	}
	switch {
	case len(large) > 0:
		p.warn(warnClaimTooLarge)
		p.Logger.Warn("claims are larger than a session keeps, and claims that the configuration names do not fit: their headers are absent",
			append(fields, zap.Strings("too_large", someNames(large)))...)
	case p.reduced.Now(p.Now(), reducedEvery):
		p.Logger.Info("claims are larger than a session keeps: what the configuration does not name is dropped", fields...)
	}
	return r.Kept
}

// settleGroups removes null in place of groups, which Reduce would make one of its own.
func (cfg *ClaimsConfig) settleGroups(source map[string]json.RawMessage) {
	if cfg.nullGroups(source) {
		delete(source, cfg.groupsPath())
	}
}

func someNames(names []string) []string {
	some := make([]string, 0, maxNamesLogged)
	for _, name := range names[:min(len(names), maxNamesLogged)] {
		some = append(some, strings.ToValidUTF8(name[:min(len(name), maxNameLogged)], ""))
	}
	return some
}

func (c *Config) headerClaims() []string {
	if c.HeaderClaims == nil {
		return nil
	}
	return c.HeaderClaims()
}

// hints are the claims by which a sign-out may name the user.
var hints = []string{"login_hint", "preferred_username", "email"}

// decisive returns the claims that describe and Signals read, except groups.
func (cfg *ClaimsConfig) decisive() []string {
	paths := []string{"email_verified", "email", "name", "acr", "amr", "acrs", "sid", "_claim_names", "hasgroups"}
	paths = append(paths, cfg.user()...)
	for _, path := range []string{
		cfg.GuestClaim, cfg.SignInRisk, cfg.UserRisk, cfg.Compliant, cfg.Managed, cfg.SharedDevice, cfg.InheritClaim,
	} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

// lacks reports whether reduced claims lack a decisive one that is not stated elsewhere.
func (cfg *ClaimsConfig) lacks(first, now map[string]json.RawMessage) bool {
	return slices.ContainsFunc(cfg.decisive(), func(path string) bool {
		_, stated := claim.Set{now}.Get(path)
		return !stated && claim.Lacks(first, path)
	})
}

const (
	// maxForwardedToken is the largest access token that an application gets, in bytes: most servers accept no larger header.
	maxForwardedToken = 8 << 10
	// assumedLife is how long an access token counts as valid if the provider does not state it.
	assumedLife = 5 * time.Minute
)

// KeepsAccess reports whether sessions keep their access token.
func (c *Config) KeepsAccess() bool { return c.KeepAccess != nil && c.KeepAccess() }

// keepAccess puts the access token of an answer among the tokens of a session, if sessions keep it. asked is when it was
// requested: it may not count as valid for longer than the provider says.
func keepAccess(p *Provider, t *session.Tokens, tok *grant.Tokens, asked time.Time) {
	t.Access, t.AccessFrom, t.AccessEnds = "", time.Time{}, time.Time{}
	if !p.KeepsAccess() {
		return
	}
	if !tok.Bearer() || !forwardable(tok.Access) {
		p.warn(warnUnusableAccessToken)
		return
	}
	t.Access, t.AccessFrom, t.AccessEnds = tok.Access, asked, endOf(tok, asked)
}

func endOf(tok *grant.Tokens, asked time.Time) time.Time {
	if tok.Lasts == 0 {
		return asked.Add(assumedLife)
	}
	return asked.Add(tok.Lasts)
}

// forwardable reports whether another party can use a token as a bearer token: it fits into a header, and is not visibly
// bound to a key or a certificate (cnf; RFC 7800), which the other party does not have.
func forwardable(token string) bool {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if token == "" || len(token) > maxForwardedToken || strings.ContainsFunc(token, func(r rune) bool { return !visible(r) }) {
		return false
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return true // opaque: only the issuer can read it
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return true
	}
	claims, err := claim.Parse(payload)
	return err != nil || claims["cnf"] == nil
}
