package oidc

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

const (
	// clockSkew is how far a provider's clock may be ahead of ours.
	clockSkew = time.Minute
	// notBeforeSkew is the same for nbf, which some providers set a few minutes too late.
	notBeforeSkew = 5 * time.Minute
)

// verifiedToken is an ID token that has passed every check, split into the parts that a session keeps.
type verifiedToken struct {
	subject                    string
	authTime                   time.Time
	header, payload, signature []byte
	claims                     map[string]json.RawMessage
}

// verifyIDToken checks an ID token as OpenID Connect Core section 3.1.3.7 requires: signature, algorithm, type, crit, iss,
// sub, a single audience, azp, exp, nbf, iat, nonce, at_hash, and that it is not another kind of token. nonce is nil only
// for a refreshed token, which need not have one (section 12.2).
//
// It decodes the token once. go-oidc decodes header and payload three times for the same checks; a test compares the two.
func (c *Config) verifyIDToken(ctx context.Context, m *Metadata, raw string, nonce *string, accessToken string) (*verifiedToken, error) {
	t, err := splitToken(raw)
	if err != nil {
		return nil, err
	}
	alg, err := checkHeader(t.header)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.algorithms(), alg) {
		return nil, errors.New("id_token is signed by an algorithm that was not agreed (alg)")
	}
	payload, err := jwks.Patient{Set: m.keys}.VerifySignature(ctx, raw)
	if err != nil {
		// Not wrapped: that keys cannot be fetched is reported as an unusable answer.
		return nil, Truncated(errors.New("verifying the signature: " + err.Error()))
	}
	if !bytes.Equal(payload, t.payload) {
		return nil, errors.New("id_token has another payload than was signed")
	}
	if t.claims, err = claim.Parse(t.payload); err != nil || t.claims == nil {
		return nil, errors.New("id_token has unreadable claims")
	}
	stated, err := readIDClaims(t.claims)
	if err != nil {
		return nil, err
	}
	if err := c.checkClaims(stated, t.claims, nonce); err != nil {
		return nil, err
	}
	if err := stated.checkAccessToken(alg, accessToken); err != nil {
		return nil, err
	}
	t.subject = stated.subject
	if at, ok := claim.Time(t.claims["auth_time"]); ok {
		if t.authTime = at; at.After(c.Now().Add(clockSkew)) {
			return nil, errors.New("auth_time is in the future")
		}
	}
	return t, nil
}

func (c *Config) checkClaims(stated *idClaims, claims map[string]json.RawMessage, nonce *string) error {
	switch {
	case stated.issuer != c.Issuer && (c.Issuer != google || stated.issuer != googleWithoutScheme):
		return errors.New("id_token is of another issuer (iss)")
	case stated.subject == "" || len(stated.subject) > maxSubject:
		return errors.New("id_token has no usable sub")
	case strings.IndexFunc(stated.subject, claim.IsControl) >= 0:
		return errors.New("id_token has a control character in sub")
	case !c.accepts(stated.audience):
		return errors.New("id_token is not for us alone (aud)")
	case len(slices.Compact(slices.Sorted(slices.Values(stated.audience)))) > 1 && claims["azp"] == nil:
		return errors.New("id_token is for several audiences and does not say who asked for it (azp)")
	case claims["azp"] != nil && claim.Scalar(claims["azp"]) != c.ClientID:
		return errors.New("id_token was issued to another party (azp)")
	case stated.expires.IsZero():
		return errors.New("id_token has no exp")
	case stated.expires.Before(c.Now()):
		return errors.New("id_token has expired (exp)")
	case c.Now().Add(notBeforeSkew).Before(stated.notBefore):
		return errors.New("id_token is not valid yet (nbf)")
	case stated.issued.IsZero() || stated.issued.Unix() <= 0:
		return errors.New("id_token has no iat")
	case stated.issued.After(c.Now().Add(clockSkew)):
		return errors.New("id_token was issued in the future")
	case claims["events"] != nil:
		return errors.New("id_token has events: it is another kind of token")
	case nonce != nil && stated.nonce == "":
		return errors.New("id_token has no nonce")
	case nonce != nil && subtle.ConstantTimeCompare([]byte(stated.nonce), []byte(*nonce)) != 1:
		return ErrOtherNonce
	}
	return nil
}

// accepts reports whether the audiences are us and otherwise only those that the configuration trusts. A repeated
// audience counts once (RFC 7519, section 4.1.3).
func (c *Config) accepts(audience []string) bool {
	return slices.Contains(audience, c.ClientID) && !slices.ContainsFunc(audience, func(a string) bool {
		return a != c.ClientID && !slices.Contains(c.TrustAudience, a)
	})
}

// checkHeader checks critical extensions and the type, and returns the algorithm.
func checkHeader(raw []byte) (alg string, err error) {
	header, err := claim.Parse(raw)
	if err != nil || header == nil {
		return "", errors.New("id_token has an unreadable header")
	}
	if header["crit"] != nil {
		return "", errors.New("id_token demands an extension (crit) that is not understood")
	}
	if header["typ"] != nil {
		if typ := claim.Scalar(header["typ"]); !strings.EqualFold(typ, "JWT") {
			return "", errors.New("id_token is of another type (typ)")
		}
	}
	return claim.Scalar(header["alg"]), nil
}

// splitToken is jwks.Split of an ID token. It is strict, so that JoinIDToken can restore the token.
func splitToken(raw string) (*verifiedToken, error) {
	header, payload, signature, err := jwks.Split(raw)
	if err != nil {
		return nil, fmt.Errorf("id_token %w", err)
	}
	return &verifiedToken{header: header, payload: payload, signature: signature}, nil
}

// keepToken stores in an answer what is needed of its ID token later. If the provider can use the token as a hint (for
// sign-out, or a silent request), this is everything that JoinIDToken needs, two hundred bytes per session. Otherwise
// it is only the claims about the user.
func (c *Config) keepToken(m *Metadata, a *Answer, t *verifiedToken) error {
	a.Draft.Claims, a.Tokens.IDHeader, a.Tokens.IDSignature = t.payload, nil, nil
	if c.showsIDToken(m) {
		a.Tokens.IDHeader, a.Tokens.IDSignature = t.header, t.signature
		return nil
	}
	said := maps.Clone(t.claims)
	maps.DeleteFunc(said, func(claim string, _ json.RawMessage) bool { return AboutToken(claim) })
	var err error
	if a.Draft.Claims, err = json.Marshal(said); err != nil {
		return fmt.Errorf("keeping the claims of the id_token: %w", err)
	}
	return nil
}

// AboutToken reports whether a claim describes its token and not the user: its creation, its validity, and what it
// belongs to (RFC 7519, section 4.1; OpenID Connect Core, sections 2 and 3.3.2.11). A session need not contain such a
// claim.
func AboutToken(claim string) bool {
	switch claim {
	case "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash":
		return true
	}
	return false
}

// JoinIDToken restores the ID token of a session, for id_token_hint; empty if the session does not keep it.
func JoinIDToken(claims []byte, t session.Tokens) string {
	if len(t.IDHeader) == 0 || len(t.IDSignature) == 0 {
		return ""
	}
	b64 := base64.RawURLEncoding
	return b64.EncodeToString(t.IDHeader) + "." + b64.EncodeToString(claims) + "." + b64.EncodeToString(t.IDSignature)
}

// algorithms returns the provider's signing algorithms that we accept; RS256 if it lists none of them (OpenID Connect
// Core, section 2).
func (m *Metadata) algorithms() []string {
	algs := accepted(m.SigningAlgorithms)
	if len(algs) == 0 {
		algs = []string{gooidc.RS256}
	}
	return algs
}

// accepted returns those of the algorithms that we accept.
func accepted(offered []string) (algs []string) {
	for _, alg := range jwks.Algorithms {
		if slices.Contains(offered, string(alg)) {
			algs = append(algs, string(alg))
		}
	}
	return algs
}
