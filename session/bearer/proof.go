package bearer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/jwks"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

const (
	// proofHeader is the header of a proof (RFC 9449, section 4.1).
	proofHeader = "Dpop"
	// maxProof is the longest proof that is read, maxProofID the longest jti. A proof with an RSA key of 4096 bits has about
	// 2,000 bytes.
	maxProof   = 4 << 10
	maxProofID = 256
	// proofSkew is how far the clock of a client may be behind or ahead (section 11.1), proofWindow the whole time for which
	// a proof is accepted.
	proofSkew   = time.Minute
	proofWindow = 2 * proofSkew
	// thumbprintSize is the length of a SHA-256 in base64url (RFC 7638).
	thumbprintSize = 43
)

// errManyProofs: so many proofs were used lately that it is not known whether one is new.
var errManyProofs = errors.New("too many proofs were used lately")

// Prove checks that a request shows the key of its token (RFC 9449, section 7). A token that is bound to a key is refused
// without a proof, and one that is not bound is refused with the scheme of bound tokens. origin and path are the address that
// the client requested, before anything rewrote it. A refusal is a *Refused.
//
// Used proofs are remembered in the store, for all replicas. While it does not answer, no proof is known to be new, which is
// an error.
func (v *Verifier) Prove(r *http.Request, p Presented, t *Token, origin string, path *url.URL) error {
	switch {
	case t.thumbprint == "" && p.Scheme != schemeDPoP:
		return nil
	case t.thumbprint == "":
		return badToken(ReasonBound, "the token is not bound to a key: present it as Bearer")
	case p.Scheme == schemeBearer:
		return badToken(ReasonBound, "the token is bound to a key: present it as DPoP, with a proof")
	}
	now := v.Now()
	id, refused := checkProof(r.Header[proofHeader], t.thumbprint, p.Token, r.Method, origin, path, now)
	if refused != nil {
		return refused
	}
	switch fresh, full := v.replays.use(t.thumbprint, id, now); {
	case full:
		return errManyProofs
	case !fresh:
		return badProof("the proof was used before (jti)")
	}
	return v.useForAll(r.Context(), t.thumbprint, id, now)
}

// useForAll takes a proof that this process has not seen.
func (v *Verifier) useForAll(ctx context.Context, thumbprint, id string, now time.Time) error {
	if v.Use == nil {
		return nil
	}
	err := v.Use(ctx, session.HashKey("dp", thumbprint, id), now.Add(proofWindow))
	if errors.Is(err, session.ErrConflict) {
		return badProof("the proof was used before (jti)")
	}
	if err != nil {
		return fmt.Errorf("keeping a used proof: %w", err)
	}
	return nil
}

// checkProof checks a proof (RFC 9449, section 4.3) and returns its ID.
func checkProof(headers []string, thumbprint, token, method, origin string, path *url.URL, now time.Time) (id string, _ *Refused) {
	switch {
	case len(headers) == 0:
		return "", badProof("the request has no proof (header DPoP)")
	case len(headers) > 1:
		return "", badProof("the request has more than one proof")
	case len(headers[0]) > maxProof:
		return "", badProof("the proof is too long")
	}
	payload, refused := signedProof(headers[0], thumbprint)
	if refused != nil {
		return "", refused
	}
	claims, err := claim.Parse(payload)
	if err != nil || claims == nil {
		return "", badProof("the proof has unreadable claims")
	}
	if htm, ok := claim.ParseString(claims["htm"]); !ok || htm != method {
		return "", badProof("the proof is for another method (htm)")
	}
	if htu, ok := claim.ParseString(claims["htu"]); !ok || !sameAddress(htu, origin, path) {
		return "", badProof("the proof is for another address (htu)")
	}
	sum := digestOf(token)
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	if ath, ok := claim.ParseString(claims["ath"]); !ok || subtle.ConstantTimeCompare([]byte(ath), []byte(want)) != 1 {
		return "", badProof("the proof is for another token (ath)")
	}
	issued, ok := claim.Time(claims["iat"])
	if age := now.Sub(issued); !ok || age > proofSkew || age < -proofSkew {
		return "", badProof("the proof is too old, or from the future (iat): compare the clocks")
	}
	if id, ok = claim.ParseString(claims["jti"]); !ok || id == "" || len(id) > maxProofID {
		return "", badProof("the proof has no usable jti")
	}
	return id, nil
}

// signedProof returns the payload of a proof that is signed with the key of the token.
func signedProof(raw, thumbprint string) ([]byte, *Refused) {
	header, _, _, err := jwks.Split(raw)
	if err != nil {
		return nil, badProof("the proof is no signed token")
	}
	fields, err := claim.Parse(header)
	if err != nil || fields == nil || fields["crit"] != nil {
		return nil, badProof("the proof has a header that is not understood")
	}
	if typ, _ := claim.ParseString(fields["typ"]); typ != "dpop+jwt" {
		return nil, badProof("the proof is another kind of token (typ)")
	}
	jws, err := jose.ParseSignedCompact(raw, jwks.Algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, badProof("the proof is no signed token, or its algorithm is not accepted")
	}
	key := jws.Signatures[0].Protected.JSONWebKey
	if key == nil || !key.Valid() || !key.IsPublic() || !acceptable(key.Key) {
		return nil, badProof("the proof has no usable key (jwk)")
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil || subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum)), []byte(thumbprint)) != 1 {
		return nil, badProof("the proof is of another key than the token (cnf)")
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, badProof("the proof is not signed with its key")
	}
	return payload, nil
}

func acceptable(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= 2048 && k.N.BitLen() <= 8192
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// sameAddress compares the address of a proof with the one that was requested, without query and fragment, by the rules for
// addresses that mean the same (RFC 9449, section 4.3; RFC 3986, sections 6.2.2 and 6.2.3).
func sameAddress(htu, origin string, path *url.URL) bool {
	u, err := url.Parse(htu)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	o, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Scheme, o.Scheme) && strings.EqualFold(u.Hostname(), o.Hostname()) && port(u) == port(o) &&
		escaped(u) == escaped(path)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
}

// escaped returns a path in one spelling of its escapes. An escaped slash is no slash.
func escaped(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = url.PathEscape(plain)
		}
	}
	if path := strings.Join(segments, "/"); path != "" {
		return path
	}
	return "/"
}

// ProofAlgorithms returns the algorithms of proofs, for the metadata and for challenges.
func ProofAlgorithms() []string {
	algs := make([]string, len(jwks.Algorithms))
	for i, alg := range jwks.Algorithms {
		algs[i] = string(alg)
	}
	return algs
}

// marshal is json.Marshal of what always marshals.
func marshal(value any) []byte {
	out, _ := json.Marshal(value)
	return out
}
