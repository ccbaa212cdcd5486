package oidc

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Bounds of what a session keeps of a provider's answer, so that every sign-in fits into the store.
const (
	// maxKeptClaims bounds the claims of the ID token, and those of userinfo. Of more than that is kept what the
	// configuration names.
	maxKeptClaims  = 12 << 10
	maxKeptRefresh = 8 << 10
	// maxNamesLogged bounds how many claims one log line names, maxNameLogged each of the names.
	maxNamesLogged = 5
	maxNameLogged  = 64
	// reducedEvery is how often at most the log tells that claims were too large to keep.
	reducedEvery = time.Minute
)

// bound reduces the claims of an answer to what the configuration names, where they are too large to keep. Without the
// rest of its claims an ID token cannot be shown to the provider any more. A refresh token that is too large is dropped.
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
	paths := append(p.Claims.decisive(), p.Claims.groupsPath())
	inHeaders := p.headerClaims()
	paths = slices.Concat(paths, hints, inHeaders)
	r := claim.Reduce(claims, paths, maxKeptClaims)
	dropped, large := slices.DeleteFunc(r.Dropped, AboutToken), r.TooLarge
	if groups := p.Claims.groupsPath(); slices.Contains(large, groups) && !slices.Contains(inHeaders, groups) {
		// The session has them apart, so that it costs nothing that they do not fit here.
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

// hints are the claims that a sign-out may name the user by.
var hints = []string{"login_hint", "preferred_username", "email"}

// decisive are the claims that describe and signals read, but for the groups.
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

// lacks reports whether claims that were reduced miss one that decides, and that is not stated otherwise.
func (cfg *ClaimsConfig) lacks(first, now map[string]json.RawMessage) bool {
	return slices.ContainsFunc(cfg.decisive(), func(path string) bool {
		_, stated := claim.Set{now}.Get(path)
		return !stated && claim.Lacks(first, path)
	})
}
