package apitoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/latchkey-gateway/latchkey/session"
)

// Prefix begins every token, so that people and secret scanners recognise one.
const Prefix = "lk_"

const (
	// randomSize is the number of random bytes of a token.
	randomSize = 20
	// size is the length of a token.
	size = len(Prefix) + (randomSize+4)*8/5 + 1
)

// digits writes a token in lower-case letters and digits, so that a double click selects all of it and no program has to
// escape it.
var digits = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newText returns a new token: the prefix, 160 random bits and a checksum. A text with a typing error is so recognised
// without a look into the store.
func newText() string {
	raw := make([]byte, randomSize, randomSize+4)
	_, _ = rand.Read(raw) // never fails
	return Prefix + digits.EncodeToString(binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw)))
}

// IsOurs reports whether a credential claims to be a token of Latchkey. It says nothing about whether there is one.
func IsOurs(credential string) bool { return strings.HasPrefix(credential, Prefix) }

// ID returns the ID of a token: a hash of it, which names it in the store and in logs. ok is false for a text that cannot
// be a token.
func ID(text string) (id session.ID, ok bool) {
	if len(text) != size || !IsOurs(text) {
		return id, false
	}
	var raw [randomSize + 4]byte
	var again [size - len(Prefix)]byte // on the stack, as wrong tokens come in numbers
	n, err := digits.Decode(raw[:], []byte(text[len(Prefix):]))
	if err != nil || n != len(raw) {
		return id, false
	}
	if digits.Encode(again[:], raw[:]); string(again[:]) != text[len(Prefix):] {
		return id, false
	}
	if crc32.ChecksumIEEE(raw[:randomSize]) != binary.BigEndian.Uint32(raw[randomSize:]) {
		return id, false
	}
	sum := sha256.Sum256([]byte(text))
	return session.ID(sum[:len(id)]), true
}
