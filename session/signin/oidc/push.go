package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/dpop"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
)

// Values of Config.Push.
const (
	// PushRequire pushes every authorization request. Without an endpoint for that no user can sign in.
	PushRequire = "require"
	// PushOff pushes none, whatever the provider requires.
	PushOff = "off"
)

// Values of Config.Sign.
const (
	// SignRequire signs every authorization request.
	SignRequire = "require"
	// SignOff signs none, whatever the provider requires.
	SignOff = "off"
)

// errNoPushing: the configuration requires pushed requests, and the metadata has no endpoint for them.
var errNoPushing = errors.New("par require: metadata has no pushed_authorization_request_endpoint")

// Pushes reports whether authorization requests are pushed (RFC 9126): if the configuration or the metadata requires it
// (section 5). A provider that only offers it would make every sign-in wait for one more request.
func (c *Config) Pushes(m *Metadata) bool {
	return c.Push == PushRequire || c.Push == "" && m.RequiresPush
}

// push sends the parameters of an authorization request to the provider, and returns those that remain for the browser
// (RFC 9126, sections 2.1 and 4). The request proves the key, if there is one.
func (p *Provider) push(ctx context.Context, m *Metadata, key *dpop.Key, params url.Values) (url.Values, error) {
	if m.PushEndpoint == "" {
		return nil, errNoPushing
	}
	ctx, cancel := context.WithTimeout(ctx, idpTimeout)
	defer cancel()
	uri, err := authenticate(ctx, p, m, key, m.PushEndpoint, params, grant.Push)
	if err != nil {
		return nil, err
	}
	return url.Values{"client_id": {p.ClientID}, "request_uri": {uri}}, nil
}

// signs reports whether authorization requests are signed (RFC 9101): if the configuration requires it, or if the metadata
// requires it (section 10.5) and there is a key for it.
func (c *Config) signs(m *Metadata) bool {
	return c.Sign == SignRequire || c.Sign == "" && m.RequiresSigned && c.ClientKey != nil
}

// sign returns the parameters that take the place of those of an authorization request: the signed request, and what OAuth
// and OpenID Connect demand outside of it if it is not pushed (RFC 9101, section 5; OpenID Connect Core, section 6.1).
func (c *Config) sign(m *Metadata, params url.Values, pushed bool) (url.Values, error) {
	key, err := c.ClientKey()
	if err != nil {
		return nil, fmt.Errorf("client key: %w", err)
	}
	signed, err := key.signRequest(params, c.Issuer, m.RequestAlgorithms, c.Now())
	if err != nil {
		return nil, fmt.Errorf("signing authorization request: %w", err)
	}
	out := url.Values{"request": {signed}}
	if !pushed {
		for _, outside := range []string{"client_id", "response_type", "scope"} {
			out.Set(outside, params.Get(outside))
		}
	}
	return out, nil
}

const (
	// requestObjectType is the type of a signed authorization request (RFC 9101, section 10.8): no other token of this key
	// can be used as one.
	requestObjectType = "oauth-authz-req+jwt"
	// requestObjectLife is how long a signed request can be sent to the provider. A browser sends it at once.
	requestObjectLife = 5 * time.Minute
)

// signRequest returns the parameters of an authorization request as one signed parameter (RFC 9101, section 4).
func (k *ClientKey) signRequest(params url.Values, issuer string, algorithms []string, now time.Time) (string, error) {
	claims, err := requestClaims(params)
	if err != nil {
		return "", err
	}
	// There is no sub: with the client as sub it could be used as an assertion of the client (section 10.8).
	claims["iss"], claims["aud"], claims["jti"] = params.Get("client_id"), issuer, session.NewRandom(assertionIDSize)
	claims["iat"], claims["nbf"], claims["exp"] = now.Unix(), now.Unix(), now.Add(requestObjectLife).Unix()
	return k.signJWT(requestObjectType, algorithms, claims)
}

// requestClaims returns parameters as claims: numbers as numbers (RFC 9101, section 4), and the parameter claims as an object
// (OpenID Connect Core, section 6.1).
func requestClaims(params url.Values) (map[string]any, error) {
	claims := map[string]any{}
	for name := range params {
		value := params.Get(name)
		switch name {
		case "max_age":
			seconds, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("parameter max_age: %w", err)
			}
			claims[name] = seconds
		case "claims":
			if !json.Valid([]byte(value)) {
				return nil, errors.New("parameter claims is no JSON")
			}
			claims[name] = json.RawMessage(value)
		default:
			claims[name] = value
		}
	}
	return claims, nil
}
