package oidc

import (
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

// clockSkew is how far a provider's clock may be ahead of ours.
const clockSkew = time.Minute

// verifiedToken is an ID token that has passed every check, split into the parts that a session keeps.
type verifiedToken struct {
	subject                    string
	authTime                   time.Time
	header, payload, signature []byte
	claims                     map[string]json.RawMessage
}

// verifyIDToken checks an ID token as OpenID Connect Core section 3.1.3.7 requires, including what go-oidc leaves to
// its caller: nonce, a single audience, azp, iat, sub, at_hash, crit, the type of the token, and that it is not a
// logout token (which go-oidc would accept as an ID token). nonce is nil only for a refreshed token, which need not
// have one (section 12.2).
func (c *Config) verifyIDToken(ctx context.Context, m *Metadata, raw string, nonce *string, accessToken string) (*verifiedToken, error) {
	t, err := splitToken(raw)
	if err != nil {
		return nil, err
	}
	if err := checkHeader(t.header); err != nil {
		return nil, err
	}
	verifier := gooidc.NewVerifier(c.Issuer, jwks.Patient{Set: m.keys}, &gooidc.Config{
		ClientID:             c.ClientID,
		SupportedSigningAlgs: m.algorithms(),
		Now:                  c.Now,
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, Truncated(err)
	}
	if t.claims, err = claim.Parse(t.payload); err != nil {
		return nil, fmt.Errorf("reading claims: %w", err)
	}
	if err := c.checkClaims(token, t.claims, nonce); err != nil {
		return nil, err
	}
	if token.AccessTokenHash != "" {
		if accessToken == "" {
			return nil, errors.New("id_token has at_hash, but there is no access token")
		}
		if err := token.VerifyAccessToken(accessToken); err != nil {
			return nil, errors.New("at_hash does not match the access token")
		}
	}
	t.subject = token.Subject
	if at, ok := claim.Time(t.claims["auth_time"]); ok {
		if t.authTime = at; at.After(c.Now().Add(clockSkew)) {
			return nil, errors.New("auth_time is in the future")
		}
	}
	return t, nil
}

func (c *Config) checkClaims(token *gooidc.IDToken, claims map[string]json.RawMessage, nonce *string) error {
	claimed := claim.Set{claims}
	switch {
	case token.Subject == "" || len(token.Subject) > maxSubject || claimed.String("sub") != token.Subject:
		return errors.New("id_token has no usable sub")
	case strings.IndexFunc(token.Subject, claim.IsControl) >= 0:
		return errors.New("id_token has a control character in sub")
	case claimed.String("iss") != token.Issuer:
		return errors.New("id_token has more than one iss")
	case !c.accepts(token.Audience):
		return errors.New("id_token is for another audience as well")
	case len(slices.Compact(slices.Sorted(slices.Values(token.Audience)))) > 1 && claims["azp"] == nil:
		return errors.New("id_token is for several audiences and does not say who asked for it (azp)")
	case claims["azp"] != nil && claimed.String("azp") != c.ClientID:
		return errors.New("id_token was issued to another party (azp)")
	case claims["exp"] == nil || token.Expiry.IsZero():
		return errors.New("id_token has no exp")
	case claims["iat"] == nil || token.IssuedAt.IsZero() || token.IssuedAt.Unix() <= 0:
		return errors.New("id_token has no iat")
	case token.IssuedAt.After(c.Now().Add(clockSkew)):
		return errors.New("id_token was issued in the future")
	case claims["events"] != nil:
		return errors.New("id_token has events: it is another kind of token")
	case nonce != nil && subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(*nonce)) != 1:
		return errors.New("id_token has another nonce")
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

// checkHeader checks what go-jose does not: critical extensions, and the type.
func checkHeader(raw []byte) error {
	header, err := claim.Parse(raw)
	if err != nil || header == nil {
		return errors.New("id_token has an unreadable header")
	}
	if header["crit"] != nil {
		return errors.New("id_token demands an extension (crit) that is not understood")
	}
	if header["typ"] != nil {
		if typ := claim.Scalar(header["typ"]); !strings.EqualFold(typ, "JWT") {
			return errors.New("id_token is of another type (typ)")
		}
	}
	return nil
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
