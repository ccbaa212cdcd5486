package jwks

import (
	"encoding/base64"
	"errors"
	"strings"
)

var errParts = errors.New("is not three parts")

// HasParts reports whether a text has the three parts of a compact JWS. It reads none of them.
func HasParts(raw string) bool { return strings.Count(raw, ".") == 2 }

// Split decodes the parts of a compact JWS (RFC 7515, section 7.1) strictly: each token has one spelling. It verifies
// nothing.
func Split(raw string) (header, payload, signature []byte, err error) {
	if !HasParts(raw) {
		return nil, nil, nil, errParts
	}
	var decoded [3][]byte
	for i := range decoded {
		var part string
		part, raw, _ = strings.Cut(raw, ".")
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, nil, nil, errors.New("is not base64url")
		}
	}
	return decoded[0], decoded[1], decoded[2], nil
}
