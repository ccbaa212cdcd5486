package jwks

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Split decodes the parts of a compact JWS (RFC 7515, section 7.1) strictly: each token has one spelling. It verifies
// nothing.
func Split(raw string) (header, payload, signature []byte, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, nil, errors.New("is not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, nil, nil, errors.New("is not base64url")
		}
	}
	return decoded[0], decoded[1], decoded[2], nil
}
