package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/reach"
)

// answer is what a provider gave for a code, verified.
type answer struct {
	draft   session.Session
	tokens  session.Tokens
	signals signals
}

// oauthError is an error that the token endpoint spelled out: a refusal, as opposed to an outage (D4).
type oauthError struct {
	word string
	// frequency: Entra says that it is the sign-in frequency of a policy there that has ended the refresh token.
	frequency bool
}

func (e *oauthError) Error() string { return "provider refused: " + e.word }

// How a client secret is sent to the token endpoint (OpenID Connect Core, section 9).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
)

func (p *Provider) oauth(m *metadata, redirectURI string) (*oauth2.Config, error) {
	secret := ""
	if p.ClientSecret != nil {
		var err error
		if secret, err = p.ClientSecret(); err != nil {
			return nil, fmt.Errorf("client secret: %w", err)
		}
	}
	return &oauth2.Config{
		ClientID:     p.ClientID,
		ClientSecret: secret,
		Endpoint:     oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, AuthStyle: p.authStyle(m)},
		RedirectURL:  redirectURI,
	}, nil
}

// authStyle is the configured one, else client_secret_basic unless the provider offers only client_secret_post (Discovery,
// section 3).
func (p *Provider) authStyle(m *metadata) oauth2.AuthStyle {
	switch {
	case p.ClientKey != nil || p.ClientMethod == ClientSecretPost:
		return oauth2.AuthStyleInParams
	case p.ClientMethod == ClientSecretBasic:
		return oauth2.AuthStyleInHeader
	}
	if len(m.TokenAuthMethods) > 0 && !slices.Contains(m.TokenAuthMethods, ClientSecretBasic) &&
		slices.Contains(m.TokenAuthMethods, ClientSecretPost) {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// redeem exchanges a code and verifies everything that comes with it. The context must not end with the client's
// connection: a code can be redeemed once.
func (p *Provider) redeem(ctx context.Context, m *metadata, f *flow, code string) (*answer, error) {
	conf, err := p.oauth(m, f.redirectURI())
	if err != nil {
		return nil, err
	}
	ctx = p.authContext(ctx, m)
	tok, err := conf.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, tokenError(err)
	}
	if err := checkTokenType(tok); err != nil {
		return nil, err
	}
	raw, _ := tok.Extra("id_token").(string)
	if raw == "" {
		return nil, errors.New("token answer holds no id_token")
	}
	verified, err := p.verifyIDToken(ctx, m, raw, &f.Nonce, tok.AccessToken)
	if err != nil {
		return nil, err
	}
	a := &answer{
		draft: session.Session{
			Provider: p.Name,
			Identity: session.Identity{Issuer: p.Issuer, Subject: verified.subject},
			AuthTime: verified.authTime,
		},
		tokens: session.Tokens{Refresh: tok.RefreshToken},
	}
	if err := p.keepToken(m, a, verified); err != nil {
		return nil, err
	}
	if err := p.learn(ctx, m, a, claimSet{verified.claims}, tok.AccessToken); err != nil {
		return nil, err
	}
	return a, nil
}

// checkTokenType refuses an access token that is no bearer token: we would not know how to use it (RFC 6749, section
// 7.1; OpenID Connect Core, section 3.1.3.3). The type is compared without case.
func checkTokenType(tok *oauth2.Token) error {
	if !strings.EqualFold(tok.TokenType, "Bearer") {
		return errors.New("token answer is of another token_type")
	}
	return nil
}

// learn fills an answer with what the provider says of the person: in the ID token's claims, in userinfo where those
// lack something, at Graph where groups did not fit.
func (p *Provider) learn(ctx context.Context, m *metadata, a *answer, claims claimSet, accessToken string) error {
	if !p.Claims.complete(claims) && m.UserInfoEndpoint != "" {
		info, body, err := p.userInfo(ctx, m, accessToken, a.draft.Identity.Subject)
		if err != nil {
			return fmt.Errorf("userinfo: %w", err)
		}
		claims = append(claims, info)
		a.draft.UserInfo = body
	}
	p.Claims.describe(&a.draft, claims)
	a.draft.GroupsAsOf = p.Now().UTC()
	if !a.draft.GroupsComplete && p.Claims.GraphURL != "" {
		if all, err := p.graphGroups(ctx, accessToken); err != nil {
			// The groups stay unknown, which no rule takes for an advantage.
			p.Logger.Warn("groups cannot be fetched", zap.String("provider", p.Name), zap.Error(truncated(err)))
		} else {
			a.draft.Groups, a.draft.GroupsComplete = boundGroups(all)
		}
	}
	a.signals = p.Claims.signals(claims)
	a.bound()
	return nil
}

// Bounds of what a session keeps of a provider's answer, so that every sign-in fits into the store. Nothing of it decides
// who may enter: what does was taken out before.
const (
	maxKeptClaims  = 12 << 10
	maxKeptRefresh = 8 << 10
)

// bound drops what is too large to keep: the claims, and with them the id_token_hint, or the refresh token.
func (a *answer) bound() {
	if len(a.draft.Claims) > maxKeptClaims {
		a.draft.Claims, a.tokens.IDHeader, a.tokens.IDSignature = nil, nil, nil
	}
	if len(a.draft.UserInfo) > maxKeptClaims {
		a.draft.UserInfo = nil
	}
	if len(a.tokens.Refresh) > maxKeptRefresh {
		a.tokens.Refresh = ""
	}
}

// tokenError tells a refusal from an outage, and keeps what a provider wrote out of our errors but for the error word.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		if refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError {
			return fmt.Errorf("%w: token endpoint answers %d", errProviderDown, refused.Response.StatusCode)
		}
		if refused.Response != nil && refused.Response.StatusCode == http.StatusTooManyRequests {
			return fmt.Errorf("%w: too many requests", errProviderDown)
		}
		if word := errorWord(refused.ErrorCode); word != "" {
			return &oauthError{word: word, frequency: tooOldAtEntra(refused.Body)}
		}
		return errors.New("token endpoint refused without a usable error")
	}
	return transportError(err)
}

// transportError is errProviderDown for what the network did, and drops the URL, which may hold what no log should.
func transportError(err error) error {
	var transport *url.Error
	switch {
	case !errors.As(err, &transport):
		return truncated(err)
	case errors.Is(err, errIDPRedirect) || errors.Is(err, reach.ErrRedirect) || errors.Is(err, errIDPBody):
		return transport.Err
	}
	return fmt.Errorf("%w: %w", errProviderDown, transport.Err)
}

// errorWord returns an OAuth error word if it is one (RFC 6749, appendix A.7), shortened; else nothing.
func errorWord(s string) string {
	if len(s) > 64 || strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}) >= 0 {
		return ""
	}
	return s
}
