package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/latchkey-gateway/latchkey/session/internal/lengthprefix"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// ID is the random id of a session, 128 bits. It leaves the process only inside a sealed cookie.
type ID [16]byte

// Secret is the random secret of a session, 128 bits. It is in the browser's cookie and nowhere else: without it the
// provider's tokens in the record stay closed, whoever has the store and the key ring.
type Secret [16]byte

// Token is what a browser holds of its session.
type Token struct {
	ID     ID
	Secret Secret
}

// NewToken returns a random token.
func NewToken() Token {
	var t Token
	_, _ = rand.Read(t.ID[:])
	_, _ = rand.Read(t.Secret[:])
	return t
}

// NewRandom returns n random bytes as base64url without padding: for states, nonces, verifiers and ids.
func NewRandom(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// SealToken returns the cookie value of a token, bound to the host and the cookie's name: 84 characters of base64url.
func SealToken(keys *keyring.Ring, t Token, host, cookie string) string {
	plain := make([]byte, 0, len(t.ID)+len(t.Secret))
	plain = append(append(plain, t.ID[:]...), t.Secret[:]...)
	return base64.RawURLEncoding.EncodeToString(keys.Seal(keyring.PurposeCookie, plain, host, cookie))
}

// OpenToken is the reverse of SealToken. It returns keyring.ErrUnsealable for anything that the ring did not seal for this
// host and name.
func OpenToken(keys *keyring.Ring, value, host, cookie string) (Token, error) {
	var t Token
	const sealedSize = keyring.SealOverhead + len(t.ID) + len(t.Secret)
	// Both lengths are exact, because the decoder passes over line breaks even when it is strict: a token has one
	// spelling only.
	if len(value) != base64.RawURLEncoding.EncodedLen(sealedSize) {
		return t, keyring.ErrUnsealable
	}
	m := tokenMemory.Get().(*tokenScratch)
	defer tokenMemory.Put(m)
	n, err := strictBase64.Decode(m.sealed[:], append(m.text[:0], value...))
	if err != nil || n != sealedSize {
		return t, keyring.ErrUnsealable
	}
	plain, err := keys.Open(keyring.PurposeCookie, m.sealed[:n], host, cookie)
	if err != nil {
		return t, err
	}
	copy(t.ID[:], plain)
	copy(t.Secret[:], plain[len(t.ID):])
	return t, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// tokenScratch is memory for decoding a token, which happens at every request: what goes through cipher.AEAD is on the
// heap. It holds what the client sent, never what that opens to.
type tokenScratch struct {
	text   [128]byte
	sealed [96]byte
}

var tokenMemory = sync.Pool{New: func() any { return new(tokenScratch) }}

// Key returns the key under which a store keeps the session: a hash, so that nobody who reads a store's keys can make
// a cookie of one.
func (id ID) Key() Key { return HashKey("s", string(id[:])) }

// Short returns a short hash that names the session in logs and pages, and opens nothing. It is one of the key, so that
// whoever has keys can find the session that somebody names.
func (id ID) Short() string { return shortOf(id.Key()) }

func shortOf(key Key) string { return string(HashKey("log", string(key))[len("log:"):][:shortSize]) }

// shortSize is 60 bits: two of a million sessions share a short hash once in two million installations.
const shortSize = 10

// HashKey builds a store key of a kind and the parts that identify the thing: a truncated SHA-256 over the
// length-prefixed parts, always of the same length and alphabet, whatever the parts hold (A32).
func HashKey(kind string, parts ...string) Key {
	h := hash(kind, parts...)
	return Key(kind + ":" + base64.RawURLEncoding.EncodeToString(h[:]))
}

// digest is the hash in a session's key.
type digest [16]byte

// digest is the same as that in Key, without its garbage.
func (id ID) digest() digest {
	const head = "\x08latchkey\x01s\x10"
	var buf [len(head) + len(id)]byte
	copy(buf[:], head)
	copy(buf[len(head):], id[:])
	h := sha256.Sum256(buf[:])
	return digest(h[:len(digest{})])
}

// hash is the digest in the key that HashKey makes of the same.
func hash(kind string, parts ...string) digest {
	h := sha256.Sum256(lengthprefix.Append(lengthprefix.Append(nil, "latchkey", kind), parts...))
	return digest(h[:len(digest{})])
}

// digestOf reads the digest out of a session's key.
func digestOf(key Key) (d digest, ok bool) {
	if len(key) != 24 || key[:2] != "s:" {
		return d, false
	}
	n, err := base64.RawURLEncoding.Decode(d[:], []byte(key[2:]))
	return d, err == nil && n == len(d)
}
