package oidc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/oauth2"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Answer is a provider's verified answer to a code.
type Answer struct {
	Draft   session.Record
	Tokens  session.Tokens
	Signals Signals
	// largeRefresh: there was a refresh token that is too large to keep.
	largeRefresh bool
	// groupsErr is why groups that did not fit into the token are not known.
	groupsErr error
	access    access
}

// How a client secret is sent to the token endpoint (OpenID Connect Core, section 9).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
)

func (p *Provider) oauth(m *Metadata, redirectURI string) (*oauth2.Config, error) {
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

// authStyle returns the configured style, else client_secret_basic, or client_secret_post if the provider supports
// nothing else (Discovery, section 3).
func (p *Provider) authStyle(m *Metadata) oauth2.AuthStyle {
	switch {
	case p.ClientKey != nil || p.ClientCertificate != nil || p.ClientMethod == ClientSecretPost:
		return oauth2.AuthStyleInParams
	case p.ClientMethod == ClientSecretBasic:
		return oauth2.AuthStyleInHeader
	}
	if len(m.TokenAuthMethods) == 0 && p.secretInForm.Load() {
		return oauth2.AuthStyleInParams
	}
	if len(m.TokenAuthMethods) > 0 && !slices.Contains(m.TokenAuthMethods, ClientSecretBasic) &&
		slices.Contains(m.TokenAuthMethods, ClientSecretPost) {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// mayGuess reports whether the secret may be sent in the form after it was refused in the header: neither the metadata
// nor the configuration states the style, and the header was never accepted. If it was accepted once, a refusal has
// another reason.
func (p *Provider) mayGuess(m *Metadata, style oauth2.AuthStyle) bool {
	return style == oauth2.AuthStyleInHeader && p.ClientMethod == "" && p.ClientSecret != nil && len(m.TokenAuthMethods) == 0 &&
		!p.secretInHeader.Load()
}

// Response contains the parameters that a provider sent to the redirect URI, each once.
type Response struct {
	Code, Error, Iss string
	// Says is the error_description, only for the log.
	Says string
}

// Grant is the data of an authorization request that belongs to its code.
type Grant struct {
	RedirectURI, Nonce, Verifier string
	// ProofKey is that of the request.
	ProofKey []byte
}

// RefusedError is an error code that the authorization endpoint sent.
type RefusedError struct{ Word, Says string }

func (e *RefusedError) Error() string { return "authorization endpoint refused: " + e.Word }

// Redeem takes the response to an authorization request, exchanges its code and verifies everything in the answer. A
// refusal of the authorization endpoint is a *RefusedError. The context must not end with the client's connection,
// because a code can be redeemed only once. The caller must check that the response belongs to a request of ours
// (state).
func (p *Provider) Redeem(ctx context.Context, resp Response, g Grant) (*Answer, error) {
	m, err := p.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	// RFC 9207, section 2.4: a response of another issuer is a mix-up, and so is a missing iss if the metadata promises
	// it. An error without iss is reported as it is, because providers forget iss in errors, and nothing is redeemed.
	if resp.Iss != p.Issuer && (resp.Iss != "" || m.IssInResponse && resp.Error == "") {
		return nil, errors.New("response is of another issuer (iss)")
	}
	if resp.Error != "" {
		return nil, &RefusedError{grant.Word(resp.Error), resp.Says}
	}
	if resp.Code == "" {
		return nil, errors.New("response has neither code nor error")
	}
	return p.redeem(ctx, m, resp.Code, g)
}

func (p *Provider) redeem(ctx context.Context, m *Metadata, code string, g Grant) (*Answer, error) {
	key, err := p.proofKey(g.ProofKey)
	if err != nil {
		return nil, err
	}
	asked := p.Now()
	tok, err := p.ask(ctx, m, key, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {g.RedirectURI}, "code_verifier": {g.Verifier},
	})
	if err != nil {
		return nil, err
	}
	if err := p.checkTokenType(tok, key); err != nil {
		return nil, err
	}
	if tok.ID == "" {
		return nil, errors.New("token answer holds no id_token")
	}
	verified, err := p.verifyIDToken(ctx, m, tok.ID, &g.Nonce, tok.Access)
	if err != nil {
		return nil, err
	}
	a := &Answer{
		Draft: session.Record{
			Provider: p.Name,
			Identity: session.Identity{Issuer: p.Issuer, Subject: verified.subject},
			AuthTime: verified.authTime,
		},
		Tokens: session.Tokens{Refresh: tok.Refresh},
		access: access{tok, proving(p, p.Client, key)},
	}
	if err := keepProof(&a.Tokens, key); err != nil {
		return nil, err
	}
	if err := p.keepToken(m, a, verified); err != nil {
		return nil, err
	}
	keepAccess(p, &a.Tokens, tok, asked)
	if err := p.learn(ctx, m, a, claim.Set{verified.claims}); err != nil {
		return nil, err
	}
	return a, nil
}

// ask sends a grant to the token endpoint, and records the state of the endpoint.
func (p *Provider) ask(ctx context.Context, m *Metadata, key *dpop.Key, form url.Values) (*grant.Tokens, error) {
	tok, err := authenticate(ctx, p, m, key, m.TokenEndpoint, form, grant.Ask)
	p.noteToken(err)
	return tok, err
}

// authenticate sends a form to an endpoint that authenticates the client, in the way that the provider accepts.
func authenticate[T any](ctx context.Context, p *Provider, m *Metadata, key *dpop.Key, endpoint string, form url.Values, send func(context.Context, grant.Request) (T, error)) (out T, err error) {
	conf, err := p.oauth(m, "")
	if err != nil {
		return out, err
	}
	request := grant.Request{
		Client: proving(p, p.authenticated(m), key), Endpoint: endpoint, ClientID: conf.ClientID, ClientSecret: conf.ClientSecret,
		SecretInForm: conf.Endpoint.AuthStyle == oauth2.AuthStyleInParams, Form: maps.Clone(form),
	}
	out, err = send(ctx, request)
	if err == nil && !request.SecretInForm {
		p.secretInHeader.Store(true)
	}
	if p.mayGuess(m, conf.Endpoint.AuthStyle) && refusesClient(err) {
		// A client that was not authenticated has used up no code or refresh token (RFC 6749, section 3.2.1).
		request.SecretInForm, request.Form = true, form
		if out, err = send(ctx, request); !refusesClient(err) && p.secretInForm.CompareAndSwap(false, true) {
			p.Logger.Info("provider takes the client secret in the form alone, and its metadata does not say so", zap.String("provider", p.Name))
		}
	}
	if refusesClient(err) {
		p.secretInForm.Store(false) // the next request tries the header first again
	}
	return out, err
}

// refusesClient reports whether the provider refused the authentication of the client.
func refusesClient(err error) bool {
	var refused *grant.Error
	return errors.As(err, &refused) && refused.Word == "invalid_client"
}

// learn adds what the provider states about the user to an answer: from the ID token, from userinfo if the token lacks
// something, and from Graph if the groups did not fit.
func (p *Provider) learn(ctx context.Context, m *Metadata, a *Answer, claims claim.Set) error {
	silent := false
	if !p.Claims.complete(claims) && m.UserInfoEndpoint != "" {
		info, body, err := p.userInfo(ctx, m, a)
		switch {
		case err == nil:
			claims = append(claims, info)
			a.Draft.UserInfo = body
		case !refusedUserInfo(err) || !p.Claims.named(claims):
			return userInfoError(err)
		default:
			silent = true
			p.warn(warnUserInfoRefused)
		}
	}
	p.warnUnclear(p.Claims.describe(&a.Draft, claims))
	if _, stated := p.Claims.sayGroups(claims).Get(p.Claims.groupsPath()); silent && !stated {
		a.Draft.GroupsComplete = false // userinfo might state groups but could not be called: they are unknown, not empty (A6)
	}
	a.Draft.GroupsAsOf = p.Now().UTC()
	p.completeGroups(ctx, a)
	a.Signals = p.Claims.Signals(claims)
	p.bound(a)
	return nil
}

// Revokes reports whether the provider revokes refresh tokens.
func (p *Provider) Revokes() bool {
	m := p.Known()
	return m != nil && m.RevocationEndpoint != ""
}

// Revoke makes the provider revoke a refresh token (RFC 7009).
func (p *Provider) Revoke(ctx context.Context, refresh string) error {
	m := p.Known()
	if m == nil {
		return errNotAsked
	}
	ctx, cancel := context.WithTimeout(ctx, idpTimeout)
	defer cancel()
	conf, err := p.oauth(m, "")
	if err != nil {
		return err
	}
	form := url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}}
	if conf.Endpoint.AuthStyle == oauth2.AuthStyleInParams || conf.ClientSecret == "" {
		form.Set("client_id", conf.ClientID)
		if conf.ClientSecret != "" {
			form.Set("client_secret", conf.ClientSecret)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if form.Get("client_id") == "" {
		// RFC 6749, section 2.3.1: both are form-encoded first.
		req.SetBasicAuth(url.QueryEscape(conf.ClientID), url.QueryEscape(conf.ClientSecret))
	}
	resp, err := p.authenticated(m).Do(req)
	if err != nil {
		return transportError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
