package session

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
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
	var w pack.FieldWriter
	if t.Refresh != "" {
		for _, part := range strings.SplitN(t.Refresh, ".", maxParts) {
			if b, err := base64.RawURLEncoding.Strict().DecodeString(part); err == nil && base64.RawURLEncoding.EncodeToString(b) == part {
				w.Put(tokenPartBytes, b)
			} else {
				w.Put(tokenPart, []byte(part))
			}
		}
	}
	w.Bytes(tokenIDHeader, t.IDHeader)
	w.Bytes(tokenIDSignature, t.IDSignature)
	return w.Out
}

func decodeTokens(data []byte) (Tokens, error) {
	var t Tokens
	var parts []string
	r := pack.FieldReader{Data: data}
	for r.Next() {
		switch r.Tag {
		case tokenPart:
			parts = append(parts, string(r.Value))
		case tokenPartBytes:
			parts = append(parts, base64.RawURLEncoding.EncodeToString(r.Value))
		case tokenIDHeader:
			t.IDHeader = bytes.Clone(r.Value)
		case tokenIDSignature:
			t.IDSignature = bytes.Clone(r.Value)
		}
	}
	if len(parts) > 0 {
		t.Refresh = strings.Join(parts, ".")
	}
	return t, r.Err
}
