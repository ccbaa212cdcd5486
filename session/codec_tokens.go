package session

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// The fields of Tokens. A refresh token is one or more parts between dots, each as it is or, where it is base64url
// anyway, the bytes that it says: a quarter less.
const (
	tokenIDHeader = iota + 2
	tokenIDSignature
	tokenPart
	tokenPartBytes
)

// maxParts is up to how many parts are looked at one by one: a JWE has five.
const maxParts = 8

func (t Tokens) encode() []byte {
	var w fieldWriter
	if t.Refresh != "" {
		for _, part := range strings.SplitN(t.Refresh, ".", maxParts) {
			if b, err := base64.RawURLEncoding.Strict().DecodeString(part); err == nil && base64.RawURLEncoding.EncodeToString(b) == part {
				w.put(tokenPartBytes, b)
			} else {
				w.put(tokenPart, []byte(part))
			}
		}
	}
	w.bytes(tokenIDHeader, t.IDHeader)
	w.bytes(tokenIDSignature, t.IDSignature)
	return w.out
}

func decodeTokens(data []byte) (Tokens, error) {
	var t Tokens
	var parts []string
	r := fieldReader{data: data}
	for r.next() {
		switch r.tag {
		case tokenPart:
			parts = append(parts, string(r.value))
		case tokenPartBytes:
			parts = append(parts, base64.RawURLEncoding.EncodeToString(r.value))
		case tokenIDHeader:
			t.IDHeader = bytes.Clone(r.value)
		case tokenIDSignature:
			t.IDSignature = bytes.Clone(r.value)
		}
	}
	if len(parts) > 0 {
		t.Refresh = strings.Join(parts, ".")
	}
	return t, r.err
}
