package provider

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	hashAlg   = crypto.SHA256
	tokenLife = 5 * time.Minute

	typeID     = "JWT"
	typeAccess = "at+jwt" // RFC 9068, 2.1: an id_token is not an access token, nor the reverse
)

var errToken = errors.New("token is not one of ours")

// ours are the claims that this provider reads back from its own tokens.
type ours struct {
	jwt.Claims
	SID   string `json:"sid"`
	Scope string `json:"scope"`
}

func (p *Provider) accessToken(g grant, now time.Time) (string, error) {
	return p.sign(typeAccess, map[string]any{
		"iss": p.Issuer, "sub": g.Sub, "aud": p.Issuer, "client_id": p.ClientID, "jti": random(),
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "sid": g.SID, "scope": strings.Join(g.Scopes, " "),
	})
}

func (p *Provider) idToken(person Person, g grant, nonce, access string, now time.Time) (string, error) {
	c := person.claims(g.Scopes)
	c["iss"], c["aud"], c["sid"] = p.Issuer, p.ClientID, g.SID
	c["iat"], c["exp"], c["auth_time"] = now.Unix(), now.Add(tokenLife).Unix(), g.AuthTime.Unix()
	c["amr"] = []string{"pwd"}
	h := hash(access)
	c["at_hash"] = encode(h[:len(h)/2])
	if nonce != "" {
		c["nonce"] = nonce
	}
	return p.sign(typeID, c)
}

func (p *Provider) sign(typ string, claims map[string]any) (string, error) {
	s, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.State.key, KeyID: p.keyID},
	}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return jwt.Signed(s).Claims(claims).Serialize()
}

// read returns the claims of a token that this provider signed, with that type and audience. It does not check the
// expiry: an id_token_hint may have expired (OpenID Connect RP-Initiated Logout 1.0, 2).
func (p *Provider) read(token, typ, audience string) (ours, error) {
	t, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return ours{}, errToken
	}
	var c ours
	if err := t.Claims(p.State.key.Public(), &c); err != nil {
		return ours{}, errToken
	}
	if t.Headers[0].ExtraHeaders[jose.HeaderType] != typ || c.Issuer != p.Issuer || !slices.Contains(c.Audience, audience) {
		return ours{}, errToken
	}
	return c, nil
}

// userinfo is OpenID Connect Core 5.3. It accepts the token only in the Authorization header.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c, err := p.read(token, typeAccess, p.Issuer)
	person, known := personBy(c.Subject)
	if !strings.EqualFold(scheme, "Bearer") || err != nil || !known || !p.Now().Before(c.Expiry.Time()) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		fail(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	writeJSON(w, http.StatusOK, person.claims(strings.Fields(c.Scope)))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
