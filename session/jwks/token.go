package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// parsed is a compact JWS that is to be verified.
type parsed struct {
	header
	head string // as it is written
	jws  *jose.JSONWebSignature
	// Of a token with a known header there is no jws, but these.
	signed             string
	payload, signature []byte
}

// header is what counts of a header.
type header struct{ keyID, algorithm string }

const (
	// maxKnown is how many headers are known at most. A provider has one for each key and kind of token.
	maxKnown = 16
	// coordinate is the size of each of the two numbers of an ES256 signature.
	coordinate = 32
)

// read reads a token. A provider writes the same header into most of its tokens. Of one that go-jose has read and accepted
// before (learn), character for character the same, it is known what it says. All others are for go-jose.
func (k *Set) read(raw string) (parsed, error) {
	head, rest, _ := strings.Cut(raw, ".")
	k.mu.Lock()
	known, ok := k.known[head]
	k.mu.Unlock()
	if ok {
		body, _, _ := strings.Cut(rest, ".")
		if _, payload, signature, err := Split(raw); err == nil && len(signature) == 2*coordinate {
			return parsed{header: known, head: head, signed: raw[:len(head)+1+len(body)], payload: payload, signature: signature}, nil
		}
	}
	jws, err := jose.ParseSignedCompact(raw, Algorithms)
	if err != nil {
		return parsed{}, fmt.Errorf("parsing token: %w", err)
	}
	if len(jws.Signatures) != 1 {
		return parsed{}, errors.New("token does not have exactly one signature")
	}
	said := jws.Signatures[0].Header
	return parsed{header: header{said.KeyID, said.Algorithm}, head: head, jws: jws}, nil
}

// learn remembers the header of a token that go-jose has accepted with a key, if it is one that verify can do without
// go-jose. Only a holder of a key gets here, so strangers cannot fill the memory.
func (k *Set) learn(t parsed, with any) {
	if key, ok := with.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() || t.algorithm != string(jose.ES256) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[string]header{}
	}
	if len(k.known) < maxKnown {
		k.known[t.head] = t.header
	}
}

// verify returns the payload if the token is signed by a key.
func (k *Set) verify(t parsed, with any) ([]byte, bool) {
	if t.jws != nil {
		payload, err := t.jws.Verify(with)
		if err != nil {
			return nil, false
		}
		k.learn(t, with)
		return payload, true
	}
	key, ok := with.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, false
	}
	sum := sha256.Sum256([]byte(t.signed))
	r, s := new(big.Int).SetBytes(t.signature[:coordinate]), new(big.Int).SetBytes(t.signature[coordinate:])
	return t.payload, ecdsa.Verify(key, sum[:], r, s)
}

// verifyAny returns the payload if one of the keys has signed the token.
func (k *Set) verifyAny(t parsed, keys []jose.JSONWebKey) ([]byte, bool) {
	for i := range keys {
		key := &keys[i]
		if t.keyID != "" && key.KeyID != "" && key.KeyID != t.keyID {
			continue
		}
		if key.Algorithm != "" && key.Algorithm != t.algorithm {
			continue
		}
		if payload, ok := k.verify(t, key.Key); ok {
			return payload, true
		}
	}
	return nil, false
}
