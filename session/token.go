package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"

	"github.com/latchkey-gateway/latchkey/session/internal/lengthprefix"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// ID is the random ID of a session, 128 bits. It leaves the process only in a sealed cookie.
type ID [16]byte

// Secret is the random secret of a session, 128 bits. It exists only in the browser's cookie. Without it the provider's
// tokens in the record cannot be opened, even with the store and the key ring.
type Secret [16]byte

// Token is what a browser has of its session.
type Token struct {
	ID     ID
	Secret Secret
	// Bound: the browser got the token when its session was bound to a device. It has another cookie value than before,
	// so that copies of the earlier value become useless.
	Bound bool
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

// tokenSize and boundTokenSize are the sizes of a token before it is sealed. One more byte says that it is bound.
const (
	tokenSize      = len(ID{}) + len(Secret{})
	boundTokenSize = tokenSize + 1
)

// SealToken returns the cookie value of a token, sealed for the host and the cookie's name: 84 characters of base64url,
// or 86 of a bound one.
func SealToken(keys *keyring.Ring, t Token, host, cookie string) string {
	plain := make([]byte, 0, boundTokenSize)
	plain = append(append(plain, t.ID[:]...), t.Secret[:]...)
	if t.Bound {
		plain = append(plain, 1)
	}
	return base64.RawURLEncoding.EncodeToString(keys.Seal(keyring.PurposeCookie, plain, host, cookie))
}

// OpenToken is the reverse of SealToken. It returns keyring.ErrUnsealable for every value that the ring did not seal
// for this host and name.
func OpenToken(keys *keyring.Ring, value, host, cookie string) (Token, error) {
	var t Token
	size := keyring.SealOverhead + tokenSize
	// The lengths are exact, because the decoder skips line breaks even in strict mode: a token has only one spelling.
	switch len(value) {
	case base64.RawURLEncoding.EncodedLen(size):
	case base64.RawURLEncoding.EncodedLen(size + 1):
		size++
	default:
		return t, keyring.ErrUnsealable
	}
	m := tokenMemory.Get().(*tokenScratch)
	defer tokenMemory.Put(m)
	n, err := strictBase64.Decode(m.sealed[:], append(m.text[:0], value...))
	if err != nil || n != size {
		return t, keyring.ErrUnsealable
	}
	defer clear(m.opened[:])
	plain, err := keys.OpenInto(m.opened[:], keyring.PurposeCookie, m.sealed[:n], host, cookie)
	if err != nil {
		return t, err
	}
	if len(plain) == boundTokenSize && plain[tokenSize] != 1 {
		return t, keyring.ErrUnsealable
	}
	copy(t.ID[:], plain)
	copy(t.Secret[:], plain[len(t.ID):])
	t.Bound = len(plain) == boundTokenSize
	return t, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// tokenScratch is memory for decoding a token, which happens at every request: data for cipher.AEAD escapes to the
// heap. Between two requests it contains what a client sent, never the opened token.
type tokenScratch struct {
	text   [128]byte
	sealed [96]byte
	opened [boundTokenSize]byte
}

var tokenMemory = sync.Pool{New: func() any { return new(tokenScratch) }}

// Key returns the key under which a store keeps the session: a hash, so that keys from a store cannot be turned into
// cookies.
func (id ID) Key() Key { return HashKey("s", string(id[:])) }

// Short returns a short hash that identifies the session in logs and pages, and gives no access. It is derived from the
// key, so that a session can be found by it among keys.
func (id ID) Short() string { return shortOf(id.Key()) }

// ShortOf returns Short for the key of an entry.
func ShortOf(key Key) string { return shortOf(key) }

func shortOf(key Key) string { return string(HashKey("log", string(key))[len("log:"):][:shortSize]) }

// shortSize is 60 bits: among a million sessions the probability that two share a short hash is one in two million.
const shortSize = 10

// HashKey builds a store key from a kind and the parts that identify the object: a truncated SHA-256 of the
// length-prefixed parts. Its length and alphabet do not depend on the parts (A32).
func HashKey(kind string, parts ...string) Key {
	h := hash(kind, parts...)
	return Key(kind + ":" + base64.RawURLEncoding.EncodeToString(h[:]))
}

// digest is the hash in a session's key.
type digest [16]byte

// digest returns the digest that Key contains, without allocating.
func (id ID) digest() digest {
	const head = "\x08latchkey\x01s\x10"
	var buf [len(head) + len(id)]byte
	copy(buf[:], head)
	copy(buf[len(head):], id[:])
	h := sha256.Sum256(buf[:])
	return digest(h[:len(digest{})])
}

// usualHash is the size of most of what is hashed: an issuer and a subject.
const usualHash = 192

// hash returns the digest in the key that HashKey builds.
func hash(kind string, parts ...string) digest {
	var room [usualHash]byte
	h := sha256.Sum256(lengthprefix.Append(lengthprefix.Append(room[:0], "latchkey", kind), parts...))
	return digest(h[:len(digest{})])
}

// key returns the key of the session with the digest.
func (d digest) key() Key {
	key := [24]byte{'s', ':'}
	base64.RawURLEncoding.Encode(key[2:], d[:])
	return Key(key[:])
}

// digestOf extracts the digest from a session's key.
func digestOf(key Key) (d digest, ok bool) {
	if len(key) != 24 || key[:2] != "s:" {
		return d, false
	}
	n, err := base64.RawURLEncoding.Decode(d[:], []byte(key[2:]))
	return d, err == nil && n == len(d)
}

// ForTokens is Record.KindReason of a session that no browser has. Its refresh token renews what is known of a user for the
// tokens that Latchkey has issued to the user's programs (package apitoken).
const ForTokens = "tokens"
