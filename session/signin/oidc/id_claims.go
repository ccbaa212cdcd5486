package oidc

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// idClaims are the claims about an ID token itself. A text is empty and a time zero if the claim is absent.
type idClaims struct {
	issuer, subject, nonce, accessTokenHash string
	audience                                []string
	expires, issued, notBefore              time.Time
}

// readIDClaims reads them. A claim of another type is an error, and so is one under another spelling: a program that
// compares names without regard to case would read it in place of ours.
func readIDClaims(claims map[string]json.RawMessage) (*idClaims, error) {
	out := &idClaims{}
	texts := [...]struct {
		name string
		to   *string
	}{{"iss", &out.issuer}, {"sub", &out.subject}, {"nonce", &out.nonce}, {"at_hash", &out.accessTokenHash}}
	times := [...]struct {
		name string
		to   *time.Time
	}{{"exp", &out.expires}, {"iat", &out.issued}, {"nbf", &out.notBefore}}
	for name := range claims {
		misspelt := strings.EqualFold(name, "aud") && name != "aud"
		for _, c := range texts {
			misspelt = misspelt || strings.EqualFold(name, c.name) && name != c.name
		}
		for _, c := range times {
			misspelt = misspelt || strings.EqualFold(name, c.name) && name != c.name
		}
		if misspelt {
			return nil, fmt.Errorf("id_token has the claim %.20q, which is another one in another spelling", name)
		}
	}
	for _, c := range texts {
		if raw := claims[c.name]; raw != nil && string(raw) != "null" {
			text, ok := claim.ParseString(raw)
			if !ok {
				return nil, fmt.Errorf("id_token has an unusable %s", c.name)
			}
			*c.to = text
		}
	}
	for _, c := range times {
		if raw := claims[c.name]; raw != nil && (c.name != "nbf" || string(raw) != "null") {
			at, ok := numericDate(raw)
			if !ok {
				return nil, fmt.Errorf("id_token has an unusable %s", c.name)
			}
			*c.to = at
		}
	}
	if one, ok := claim.ParseString(claims["aud"]); ok {
		out.audience = []string{one}
	} else if raw := claims["aud"]; raw != nil && json.Unmarshal(raw, &out.audience) != nil {
		return nil, errors.New("id_token has an unusable aud")
	}
	return out, checkSources(claims)
}

// numericDate reads a number of seconds since 1970, which may be written as a string.
func numericDate(raw json.RawMessage) (time.Time, bool) {
	const furthest = 1 << 53
	text := claim.Scalar(raw)
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return time.Time{}, false
	}
	at, err := strconv.ParseFloat(text, 64)
	if err != nil || !(at > -furthest && at < furthest) {
		return time.Time{}, false
	}
	return time.Unix(int64(at), 0), true
}

// checkSources refuses a token that says that a claim is elsewhere, and not where (OpenID Connect Core, section 5.6.2).
func checkSources(claims map[string]json.RawMessage) error {
	if claims["_claim_names"] == nil && claims["_claim_sources"] == nil {
		return nil
	}
	var names map[string]string
	var sources map[string]struct {
		Endpoint    string `json:"endpoint"`
		AccessToken string `json:"access_token"`
	}
	for name, to := range map[string]any{"_claim_names": &names, "_claim_sources": &sources} {
		if raw := claims[name]; raw != nil && json.Unmarshal(raw, to) != nil {
			return fmt.Errorf("id_token has an unusable %s", name)
		}
	}
	for _, source := range names {
		if _, stated := sources[source]; source == "" || !stated {
			return errors.New("id_token has _claim_names without their _claim_sources")
		}
	}
	return nil
}

// checkAccessToken compares at_hash with the access token that came along (OpenID Connect Core, section 3.1.3.6).
func (c *idClaims) checkAccessToken(alg, accessToken string) error {
	if c.accessTokenHash == "" {
		return nil
	}
	if accessToken == "" {
		return errors.New("id_token has at_hash, but there is no access token")
	}
	var sum []byte
	switch jose.SignatureAlgorithm(alg) {
	case jose.RS256, jose.ES256, jose.PS256:
		all := sha256.Sum256([]byte(accessToken))
		sum = all[:]
	case jose.RS384, jose.ES384, jose.PS384:
		all := sha512.Sum384([]byte(accessToken))
		sum = all[:]
	case jose.RS512, jose.ES512, jose.PS512, jose.EdDSA:
		all := sha512.Sum512([]byte(accessToken))
		sum = all[:]
	default:
		return fmt.Errorf("id_token has at_hash, and its algorithm %.20q has no hash", alg)
	}
	want := base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	if subtle.ConstantTimeCompare([]byte(c.accessTokenHash), []byte(want)) != 1 {
		return errors.New("at_hash does not match the access token")
	}
	return nil
}
