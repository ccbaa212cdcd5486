package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// What is wrong with a proof. Each is worth another try with a new challenge.
var (
	// ErrNone: the request has no proof. A browser without a challenge sends none.
	ErrNone = errors.New("no proof")
	// ErrMalformed: this is no proof, or not one for this purpose.
	ErrMalformed = errors.New("proof is malformed")
	// ErrKey: the key is of a kind or a size that is not taken.
	ErrKey = errors.New("device key is not acceptable")
	// ErrSignature: the proof is not signed with the key.
	ErrSignature = errors.New("proof is not signed with the key")
)

// The bounds of a proof, in bytes. With an RSA key of 4096 bits a proof has about 2,600.
const (
	maxProof = 4 << 10
	maxClaim = 1 << 10
)

// typ is the type of the JWT.
const typ = "dbsc+jwt"

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256}

// Proof is what a browser signed.
type Proof struct {
	// Challenge is the challenge that the proof answers. The caller checks that it is one of its own.
	Challenge string
	// Authorization is the value that came with the offer to register, empty at a refresh and where the offer had none.
	Authorization string
	// Key is the key that signed.
	Key Key
}

// Register reads the proof that registers a key. headers are the values of Secure-Session-Response, origin is that of the
// site. The key is the one in the proof: the caller decides whether it may be bound.
func Register(headers []string, origin string) (Proof, error) {
	jws, err := parse(headers)
	if err != nil {
		return Proof{}, err
	}
	jwk := jws.Signatures[0].Protected.JSONWebKey
	if jwk == nil {
		return Proof{}, fmt.Errorf("%w: no jwk", ErrMalformed)
	}
	key, err := newKey(jwk.Key)
	if err != nil {
		return Proof{}, err
	}
	return verified(jws, key, origin)
}

// Refresh reads a later proof, which must be signed with key.
func Refresh(headers []string, key Key, origin string) (Proof, error) {
	jws, err := parse(headers)
	if err != nil {
		return Proof{}, err
	}
	if jws.Signatures[0].Protected.JSONWebKey != nil {
		return Proof{}, fmt.Errorf("%w: a jwk after the registration", ErrMalformed)
	}
	return verified(jws, key, origin)
}

// parse reads the header. The specification says that it is a string of structured fields (RFC 9651, section 3.3.3), in
// quotes; Chromium 156 sends the token without them. Both are taken: a JWT holds no character that a string escapes.
func parse(headers []string) (*jose.JSONWebSignature, error) {
	switch {
	case len(headers) == 0 || len(headers) == 1 && headers[0] == "":
		return nil, ErrNone
	case len(headers) > 1:
		return nil, fmt.Errorf("%w: it comes twice", ErrMalformed)
	case len(headers[0]) > maxProof:
		return nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(headers[0]))
	}
	raw := strings.Trim(headers[0], " \t")
	if len(raw) > 1 && raw[0] == '"' && raw[len(raw)-1] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if t, _ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); !strings.EqualFold(t, typ) {
		return nil, fmt.Errorf("%w: typ is not %s", ErrMalformed, typ)
	}
	return jws, nil
}

// verified checks the signature and reads what was signed. Claims that are not known are passed over: browsers have sent
// others, and may again.
func verified(jws *jose.JSONWebSignature, key Key, origin string) (Proof, error) {
	if key.public == nil || jws.Signatures[0].Protected.Algorithm != string(key.algorithm) {
		return Proof{}, ErrSignature
	}
	payload, err := jws.Verify(key.public)
	if err != nil {
		return Proof{}, ErrSignature
	}
	claims, err := claim.Parse(payload)
	if err != nil {
		return Proof{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p := Proof{Key: key}
	if err := text(claims, "jti", &p.Challenge); err != nil {
		return Proof{}, err
	}
	if p.Challenge == "" {
		return Proof{}, fmt.Errorf("%w: no jti", ErrMalformed)
	}
	if err := text(claims, "authorization", &p.Authorization); err != nil {
		return Proof{}, err
	}
	if aud, ok := claims["aud"]; ok && !isFor(aud, origin) {
		return Proof{}, fmt.Errorf("%w: aud is another site", ErrMalformed)
	}
	return p, nil
}

// text reads a claim that is a text. A claim that is not there leaves to as it is.
func text(claims map[string]json.RawMessage, name string, to *string) error {
	raw, ok := claims[name]
	if !ok {
		return nil
	}
	if len(raw) > maxClaim || len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, to) != nil {
		return fmt.Errorf("%w: %s is no text, or too long", ErrMalformed, name)
	}
	return nil
}

// isFor reports whether an audience, a text or a list, has an address of the origin. Proofs had an audience once, and
// Chromium 156 can send one again; the specification has none.
func isFor(aud json.RawMessage, origin string) bool {
	var list []string
	if json.Unmarshal(aud, &list) != nil {
		var one string
		if json.Unmarshal(aud, &one) != nil {
			return false
		}
		list = []string{one}
	}
	for _, address := range list {
		if u, err := url.Parse(address); err == nil && u.Scheme+"://"+u.Host == origin {
			return true
		}
	}
	return false
}
