package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

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
