package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrUnsealable: a value was not sealed by a key of this ring for this purpose and place, or was changed since. For a
// cookie that means "not ours", never "signed out".
var ErrUnsealable = errors.New("cannot be opened with any key")

// ErrUnknownKey is the ErrUnsealable of a value that names a key which this ring does not have: the key was lost or
// retired, is another installation's, or, where rings do not follow each other (KeyRing.OnUnknown), on its way.
var ErrUnknownKey = fmt.Errorf("%w: sealed under another ring's key", ErrUnsealable)

// Purpose separates the uses of a key: what is sealed for one opens for no other.
type Purpose string

// The purposes there are. Each has a key of its own, derived from the ring's secrets.
const (
	purposeCookie Purpose = "cookie"
	purposeRecord Purpose = "record"
	purposeTokens Purpose = "tokens"
	// PurposeFlow seals the state of a sign-in under way.
	PurposeFlow Purpose = "flow"
	// PurposePending seals what a browser holds while the prompt waits for its answer.
	PurposePending Purpose = "pending"
	// PurposeAnswer seals the answer that a browser remembers.
	PurposeAnswer Purpose = "answer"
	// PurposeBrowser seals the random id of a browser.
	PurposeBrowser Purpose = "browser"
	// PurposeJournal seals the entries of the sign-in log.
	PurposeJournal Purpose = "journal"
	// PurposeCSRF keys the tokens of forms; it seals nothing.
	PurposeCSRF Purpose = "csrf"
)

var purposes = []Purpose{
	purposeCookie, purposeRecord, purposeTokens, PurposeFlow, PurposePending, PurposeAnswer, PurposeBrowser, PurposeJournal, PurposeCSRF,
}

// MinSecret is the shortest secret that a ring takes, in bytes.
const MinSecret = 32

const (
	sealVersion = 1
	keyIDSize   = 2
	nonceSize   = 12
	sealPrefix  = 1 + keyIDSize + nonceSize
	tagSize     = 16
)

// SealOverhead is by how many bytes a sealed value is longer than what it holds.
const SealOverhead = sealPrefix + tagSize

// KeyRing seals with its newest key and opens with any (key rotation without signing anybody out). It is safe for
// concurrent use. Its keys change by Replace alone; whoever holds the ring has the keys of the moment.
type KeyRing struct {
	keys    atomic.Pointer[[]ringKey]
	unknown atomic.Pointer[func(KeyID) error]
}

type ringKey struct {
	RingKey
	// id tells which keys of a ring are worth trying. It is short, so two keys may share one.
	id     KeyID
	whole  [sha256.Size]byte
	aeads  map[Purpose]cipher.AEAD
	tokens []byte
	csrf   []byte
	signer *Signer
}

// NewKeyRing builds a ring of secrets, the newest first. Each must hold at least MinSecret bytes; a secret must have
// the strength of a random key, nothing here stretches a password.
func NewKeyRing(secrets ...[]byte) (*KeyRing, error) {
	keys := make([]RingKey, 0, len(secrets))
	for _, secret := range secrets {
		keys = append(keys, RingKey{Secret: secret})
	}
	ring := new(KeyRing)
	if err := ring.Replace(keys); err != nil {
		return nil, err
	}
	return ring, nil
}

func newRingKey(from RingKey) (ringKey, error) {
	secret := from.Secret
	k := ringKey{RingKey: from, aeads: make(map[Purpose]cipher.AEAD, len(purposes))}
	id, err := derive(secret, "id", len(k.whole))
	if err != nil {
		return k, err
	}
	copy(k.whole[:], id)
	copy(k.id[:], id)
	for _, p := range purposes {
		key, err := derive(secret, string(p), 32)
		if err != nil {
			return k, err
		}
		switch p {
		case purposeTokens:
			k.tokens = key
		case PurposeCSRF:
			k.csrf = key
		default:
			if k.aeads[p], err = newAEAD(key); err != nil {
				return k, err
			}
		}
	}
	k.signer, err = newSigner(secret)
	return k, err
}

func derive(secret []byte, use string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "latchkey/v1/"+use, size)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal encrypts and authenticates plaintext for a purpose and a place. The place is any number of strings, for example
// host and cookie name; they are length-prefixed, so that no two places can be confused (A72). The sealed form begins
// with a version, the id of the key and a random nonce. PurposeCSRF has nothing to seal with; asking for it is a mistake
// of the caller, which panics.
func (r *KeyRing) Seal(p Purpose, plaintext []byte, place ...string) []byte {
	k := &r.view()[0]
	return seal(k.id, k.aeads[p], plaintext, aad(p, place))
}

// Open is the reverse of Seal. ErrUnsealable for anything that Seal did not make for this purpose and place.
func (r *KeyRing) Open(p Purpose, sealed []byte, place ...string) ([]byte, error) {
	return r.open(sealed, aad(p, place), func(k *ringKey) (cipher.AEAD, error) {
		if aead := k.aeads[p]; aead != nil {
			return aead, nil
		}
		return nil, ErrUnsealable
	})
}

// Sum returns a keyed hash of the parts under the newest key; Verify accepts one of any key of the ring.
func (r *KeyRing) Sum(parts ...string) []byte { return sum(r.view()[0].csrf, parts) }

// Verify reports whether mac is a Sum of the parts, in constant time.
func (r *KeyRing) Verify(mac []byte, parts ...string) bool {
	// A sum does not name its key, so one that fails may be of a key that is on its way.
	return r.verify(mac, parts) || len(mac) == sha256.Size && r.ask(KeyID{}) == nil && r.verify(mac, parts)
}

func (r *KeyRing) verify(mac []byte, parts []string) bool {
	ok := false
	for _, k := range r.view() {
		ok = hmac.Equal(mac, sum(k.csrf, parts)) || ok
	}
	return ok
}

// sealTokens seals under the ring and the secret of one session at once: both are needed to open.
func (r *KeyRing) sealTokens(secret Secret, plaintext []byte, place ...string) ([]byte, error) {
	k := &r.view()[0]
	aead, err := tokensAEAD(k, secret)
	if err != nil {
		return nil, err
	}
	return seal(k.id, aead, plaintext, aad(purposeTokens, place)), nil
}

func (r *KeyRing) openTokens(secret Secret, sealed []byte, place ...string) ([]byte, error) {
	return r.open(sealed, aad(purposeTokens, place), func(k *ringKey) (cipher.AEAD, error) {
		return tokensAEAD(k, secret)
	})
}

func tokensAEAD(k *ringKey, secret Secret) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.tokens, secret[:], "latchkey/v1/session tokens", 32)
	if err != nil {
		return nil, err
	}
	return newAEAD(key)
}

// open tries the keys whose id the sealed value names: nearly always one. If there is none, the ring may be old.
func (r *KeyRing) open(sealed, aad []byte, of func(*ringKey) (cipher.AEAD, error)) ([]byte, error) {
	if len(sealed) < SealOverhead || sealed[0] != sealVersion {
		return nil, ErrUnsealable
	}
	id := KeyID(sealed[1 : 1+keyIDSize])
	plain, err := r.tryOpen(id, sealed, aad, of)
	if err != ErrUnknownKey { //nolint:errorlint // as returned, and this is on every request's path
		return plain, err
	}
	if err := r.ask(id); err != nil {
		return nil, err
	}
	return r.tryOpen(id, sealed, aad, of)
}

func (r *KeyRing) tryOpen(id KeyID, sealed, aad []byte, of func(*ringKey) (cipher.AEAD, error)) ([]byte, error) {
	keys, result := r.view(), ErrUnknownKey
	for i := range keys {
		k := &keys[i]
		if k.id != id {
			continue
		}
		aead, err := of(k)
		if err != nil {
			return nil, err
		}
		plain, err := aead.Open(nil, sealed[1+keyIDSize:sealPrefix], sealed[sealPrefix:], aad)
		if err == nil {
			return plain, nil
		}
		result = ErrUnsealable
	}
	return nil, result
}

func seal(id KeyID, aead cipher.AEAD, plaintext, aad []byte) []byte {
	out := make([]byte, sealPrefix, SealOverhead+len(plaintext))
	out[0] = sealVersion
	copy(out[1:], id[:])
	fillRandom(out[1+keyIDSize : sealPrefix])
	return aead.Seal(out, out[1+keyIDSize:sealPrefix], plaintext, aad)
}

func aad(p Purpose, place []string) []byte {
	return lengthPrefixed(make([]byte, 0, 96), append([]string{string(p)}, place...))
}

func sum(key []byte, parts []string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(lengthPrefixed(nil, parts))
	return mac.Sum(nil)
}

func lengthPrefixed(out []byte, parts []string) []byte {
	for _, s := range parts {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}

// fillRandom never fails: crypto/rand.Read ends the process where the system gives no randomness.
func fillRandom(b []byte) { _, _ = rand.Read(b) }
