package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

const (
	// logoutEvent is the event that marks a token as a logout token.
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	// maxLogoutLife is how long a logout token is valid at most, whatever its exp says. Providers should use two minutes;
	// ZITADEL uses fifteen.
	maxLogoutLife = 10 * time.Minute
	// unsaidLogoutLife is how long a logout token without exp is valid: drafts before the final specification had no
	// exp, and it recommends two minutes.
	unsaidLogoutLife = 2 * time.Minute
	// maxProviderSession and maxTokenID limit the claims sid and jti, for which the specifications set no limit.
	maxProviderSession = 1024
	maxTokenID         = 1024
)

// RefusedLogout is the reason for refusing a logout token: always one of our own texts, never a part of the token.
type RefusedLogout string

func (e RefusedLogout) Error() string { return string(e) }

// LogoutToken is a verified logout token.
type LogoutToken struct {
	// Subject or ProviderSession or both are set.
	Subject, ProviderSession, ID string
	Issued, Expires              time.Time
}

// VerifyLogout checks a logout token as OpenID Connect Back-Channel Logout 1.0 section 2.6 requires, and more strictly
// where it leaves a choice: jti is required, the type must be known, the token must be recent, and its only audience
// must be us. Checks that need no key come first. An error that is not a RefusedLogout says nothing about the token.
//
// go-oidc's VerifyLogout accepts any type, no iat or one years ahead, any exp, and event values that are not objects.
func VerifyLogout(ctx context.Context, providers []*Provider, raw string) (*Provider, *LogoutToken, error) {
	parts, err := splitToken(raw)
	if err != nil {
		return nil, nil, RefusedLogout("logout_token is not a signed token") // an encrypted one is refused too: encryption was not agreed
	}
	alg, err := checkLogoutHeader(parts.header)
	if err != nil {
		return nil, nil, err
	}
	claims, err := claim.Parse(parts.payload)
	if err != nil || claims == nil {
		return nil, nil, RefusedLogout("logout_token has unreadable claims")
	}
	p := logoutProvider(providers, claims)
	if p == nil {
		return nil, nil, RefusedLogout("logout_token is of no provider of ours, or not for us (iss, aud)")
	}
	token, err := p.checkLogoutClaims(claims)
	if err != nil {
		return nil, nil, err
	}
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(m.algorithms(), alg) {
		return nil, nil, RefusedLogout("logout_token is signed by an algorithm that was not agreed (alg)")
	}
	payload, err := m.keys.VerifySignature(ctx, raw)
	switch {
	case errors.Is(err, jwks.ErrAway), ctx.Err() != nil:
		return nil, nil, err
	case err != nil || !bytes.Equal(payload, parts.payload):
		return nil, nil, RefusedLogout("logout_token is not signed by the provider")
	}
	return p, token, nil
}

// checkLogoutHeader returns the algorithm. The type should be logout+jwt; older providers send JWT or no type. Any
// other type is another kind of token.
func checkLogoutHeader(raw []byte) (alg string, err error) {
	header, err := claim.Parse(raw)
	if err != nil || header == nil {
		return "", RefusedLogout("logout_token has an unreadable header")
	}
	if header["crit"] != nil {
		return "", RefusedLogout("logout_token demands an extension (crit) that is not understood")
	}
	if header["typ"] != nil {
		switch typ := strings.ToLower(claim.Scalar(header["typ"])); typ {
		case "logout+jwt", "application/logout+jwt", "jwt":
		default:
			return "", RefusedLogout("logout_token is of another type (typ)")
		}
	}
	return claim.Scalar(header["alg"]), nil
}

// logoutProvider finds the provider that a token names, by issuer and audience: several providers may have the same
// issuer. The rules for audiences are those of ID tokens. A logout token has no azp (Back-Channel Logout 1.0, section
// 2.4).
func logoutProvider(providers []*Provider, claims map[string]json.RawMessage) *Provider {
	iss, ok := claim.ParseString(claims["iss"])
	if !ok {
		return nil
	}
	aud, ok := claim.ParseString(claims["aud"])
	auds := []string{aud}
	if !ok {
		var list []string
		if json.Unmarshal(claims["aud"], &list) != nil {
			return nil
		}
		auds = list
	}
	for _, p := range providers {
		if p.Issuer == iss && p.accepts(auds) {
			return p
		}
	}
	return nil
}

func (c *Config) checkLogoutClaims(claims map[string]json.RawMessage) (*LogoutToken, error) {
	t := &LogoutToken{}
	var ok bool
	now := c.Now()
	if t.Issued, ok = claim.Time(claims["iat"]); !ok {
		return nil, RefusedLogout("logout_token has no iat")
	}
	if _, has := claims["exp"]; !has {
		t.Expires = t.Issued.Add(unsaidLogoutLife)
	} else if t.Expires, ok = claim.Time(claims["exp"]); !ok {
		return nil, RefusedLogout("logout_token has an unusable exp")
	}
	ordered := t.Expires.After(t.Issued)
	if longest := t.Issued.Add(maxLogoutLife); t.Expires.After(longest) {
		t.Expires = longest
	}
	switch {
	case t.Issued.After(now.Add(clockSkew)):
		return nil, RefusedLogout("logout_token was issued in the future (iat)")
	case !ordered:
		return nil, RefusedLogout("logout_token ends before it begins (iat, exp)")
	case !t.Expires.Add(clockSkew).After(now):
		return nil, RefusedLogout("logout_token has expired, or was issued too long ago (iat, exp)")
	}
	if _, has := claims["nonce"]; has {
		return nil, RefusedLogout("logout_token has a nonce: it is another kind of token")
	}
	if !isLogoutEvent(claims["events"]) {
		return nil, RefusedLogout("logout_token has no logout event (events)")
	}
	if t.ID, ok = claim.ParseString(claims["jti"]); !ok || t.ID == "" || len(t.ID) > maxTokenID {
		return nil, RefusedLogout("logout_token has no usable jti")
	}
	for _, text := range []struct {
		name string
		to   *string
		most int
	}{{"sub", &t.Subject, maxSubject}, {"sid", &t.ProviderSession, maxProviderSession}} {
		raw, has := claims[text.name]
		if !has {
			continue
		}
		if *text.to, ok = claim.ParseString(raw); !ok || *text.to == "" || len(*text.to) > text.most {
			return nil, RefusedLogout("logout_token has an unusable sub or sid")
		}
	}
	if t.Subject == "" && t.ProviderSession == "" {
		return nil, RefusedLogout("logout_token has neither sub nor sid")
	}
	return t, nil
}

// isLogoutEvent reports whether raw is an object with logoutEvent whose value is an object. Other members are ignored,
// such as Keycloak's revoke_offline_access: a session's refresh token ends with the session in any case.
func isLogoutEvent(raw json.RawMessage) bool {
	var events map[string]json.RawMessage
	var event map[string]json.RawMessage
	return json.Unmarshal(raw, &events) == nil && json.Unmarshal(events[logoutEvent], &event) == nil && event != nil
}
