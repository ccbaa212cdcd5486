package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// errOtherSub: userinfo answers the access token with another user.
var errOtherSub = errors.New("answer is about another sub")

// userInfo requests the claims that the ID token lacks. Its sub must equal that of the ID token (OpenID Connect Core,
// section 5.3.2); otherwise one user could get another user's groups.
func (c *Config) userInfo(ctx context.Context, m *Metadata, a *Answer) (map[string]json.RawMessage, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfoEndpoint, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwt")
	req.Header.Set("Authorization", a.access.authorization())
	resp, err := a.access.client.Do(req)
	if err != nil {
		return nil, nil, transportError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, statusError(resp.StatusCode)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/jwt" {
		return nil, nil, errors.New("answer is neither application/json nor application/jwt")
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if media == "application/jwt" {
		if body, err = c.signedUserInfo(ctx, m, string(bytes.TrimSpace(body))); err != nil {
			return nil, nil, err
		}
	}
	claims, err := claim.Parse(body)
	if err != nil {
		return nil, nil, errors.New("answer is not a JSON object")
	}
	if (claim.Set{claims}).String("sub") != a.Draft.Identity.Subject {
		return nil, nil, errOtherSub
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return nil, nil, errors.New("answer is not JSON")
	}
	return claims, compact.Bytes(), nil
}

// signedUserInfo verifies an answer that is a signed token (OpenID Connect Core, section 5.3.2), and returns its claims
// about the user. It must come from this issuer, be for us, be of no other kind of token, and be signed by a key of the
// provider with an algorithm from its metadata. The caller compares sub.
func (c *Config) signedUserInfo(ctx context.Context, m *Metadata, raw string) ([]byte, error) {
	t, err := splitToken(raw)
	if err != nil {
		return nil, errors.New("answer is no signed token; an encrypted one cannot be read")
	}
	alg, err := checkHeader(t.header)
	if err != nil {
		return nil, fmt.Errorf("answer is no token of userinfo: %w", err)
	}
	if !slices.Contains(m.userInfoAlgorithms(), alg) {
		return nil, errors.New("answer is signed by an algorithm that was not agreed (alg)")
	}
	payload, err := jwks.Patient{Set: m.keys}.VerifySignature(ctx, raw)
	if err != nil {
		return nil, Truncated(err)
	}
	claims, err := claim.Parse(payload)
	if err != nil || !bytes.Equal(payload, t.payload) {
		return nil, errors.New("answer is not a JSON object")
	}
	if err := c.checkUserInfoToken(claims); err != nil {
		return nil, err
	}
	maps.DeleteFunc(claims, func(claim string, _ json.RawMessage) bool {
		return AboutToken(claim) || claim == "iss" || claim == "aud"
	})
	return json.Marshal(claims)
}

func (c *Config) checkUserInfoToken(claims map[string]json.RawMessage) error {
	iss, _ := claim.ParseString(claims["iss"])
	if iss != c.Issuer {
		return errors.New("answer is of another issuer (iss)")
	}
	var audience []string
	if one, ok := claim.ParseString(claims["aud"]); ok {
		audience = []string{one}
	} else if json.Unmarshal(claims["aud"], &audience) != nil {
		audience = nil
	}
	if !slices.Contains(audience, c.ClientID) {
		return errors.New("answer is for another audience (aud)")
	}
	now := c.Now()
	if raw, has := claims["exp"]; has {
		if expires, ok := claim.Time(raw); !ok || !expires.Add(clockSkew).After(now) {
			return errors.New("answer has expired (exp)")
		}
	}
	if raw, has := claims["iat"]; has {
		if issued, ok := claim.Time(raw); !ok || issued.After(now.Add(clockSkew)) {
			return errors.New("answer was issued in the future (iat)")
		}
	}
	// An ID token has a nonce and a logout token has events; neither is an answer of userinfo.
	if claims["nonce"] != nil || claims["events"] != nil {
		return errors.New("answer is another kind of token")
	}
	return nil
}

// userInfoAlgorithms returns the algorithms for signed answers: those of the metadata, else those for ID tokens.
func (m *Metadata) userInfoAlgorithms() []string {
	if len(m.UserInfoAlgorithms) == 0 {
		return m.algorithms()
	}
	algs := accepted(m.UserInfoAlgorithms)
	if len(algs) == 0 {
		algs = []string{gooidc.RS256}
	}
	return algs
}
