package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/lengthprefix"
)

// ErrUnsealable: the value was not sealed by a key of this ring for this purpose and place, or was changed. For a
// cookie it means "not sealed here", never "signed out".
var ErrUnsealable = errors.New("cannot be opened with any key")

// ErrUnknownKey is the ErrUnsealable for a value that names a key which this ring does not have: the key was lost or
// retired, belongs to another installation, or has not arrived yet (see Ring.OnUnknown).
var ErrUnknownKey = fmt.Errorf("%w: sealed under another ring's key", ErrUnsealable)

// Purpose separates the uses of a key: a value sealed for one purpose opens for no other.
type Purpose string

// The purposes. Each has its own key, derived from the ring's secrets.
const (
	// purposeTokens is the purpose of SealWithSecret.
	purposeTokens Purpose = "tokens"
	// PurposeCookie seals the token that a browser has of a session.
	PurposeCookie Purpose = "cookie"
	// PurposeRecord seals the values of a store.
	PurposeRecord Purpose = "record"
	// PurposeFlow seals the state of a sign-in in progress.
	PurposeFlow Purpose = "flow"
	// PurposeBound seals what a browser has of the binding of its session: the short cookie, offers and challenges.
	PurposeBound Purpose = "bound"
	// PurposePending seals the browser's token while the prompt waits for its answer.
	PurposePending Purpose = "pending"
	// PurposeAnswer seals the answer that a browser remembers.
	PurposeAnswer Purpose = "answer"
	// PurposeBrowser seals the random ID of a browser.
	PurposeBrowser Purpose = "browser"
	// PurposeJournal seals the entries of the sign-in log.
	PurposeJournal Purpose = "journal"
	// PurposeCSRF is for the keyed hashes in forms; it seals nothing.
	PurposeCSRF Purpose = "csrf"
)

var purposes = []Purpose{
	purposeTokens, PurposeCookie, PurposeRecord, PurposeFlow, PurposeBound, PurposePending, PurposeAnswer, PurposeBrowser, PurposeJournal, PurposeCSRF,
}

// MinSecret is the shortest secret that a ring accepts, in bytes.
const MinSecret = 32

const (
	sealVersion = 1
	keyIDSize   = 2
	nonceSize   = 12
	sealPrefix  = 1 + keyIDSize + nonceSize
)

// HeadSize is the size of what a sealed value begins with, in bytes: version, ID of the key, nonce. It differs each time a
// value is sealed.
const HeadSize = sealPrefix

const tagSize = 16

// SealOverhead is the difference in bytes between a sealed value and its content.
const SealOverhead = sealPrefix + tagSize

// Ring seals with one of its keys and opens with any of them. It is safe for concurrent use. Replace changes its keys for
// all users of the ring, SealAt the one that seals; nothing else does.
type Ring struct {
	held    atomic.Pointer[held]
	unknown atomic.Pointer[func(ID) error]
}

// held is what a ring has at one time.
type held struct {
	keys  []derived // newest first
	list  []Info    // of the same keys
	seals int       // the place of the key that seals
}

// derived are the keys derived from a secret.
type derived struct {
	// id shows which keys of a ring are worth trying. It is short, so two keys may have the same one.
	id     ID
	whole  [sha256.Size]byte
	aeads  map[Purpose]cipher.AEAD
	tokens []byte
	csrf   []byte
	signer *Signer
}

// New builds a ring from secrets, the newest first. Each must have at least MinSecret bytes and the strength of a
// random key; passwords are not stretched.
func New(secrets ...[]byte) (*Ring, error) {
	keys := make([]Key, 0, len(secrets))
	for _, secret := range secrets {
		keys = append(keys, Key{Secret: secret})
	}
	ring := new(Ring)
	if err := ring.Replace(keys, time.Time{}); err != nil {
		return nil, err
	}
	return ring, nil
}

func deriveKeys(id ID, secret []byte) (derived, error) {
	k := derived{id: id, aeads: make(map[Purpose]cipher.AEAD, len(purposes))}
	whole, err := derive(secret, "id", len(k.whole))
	if err != nil {
		return k, err
	}
	copy(k.whole[:], whole)
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

// sealing returns the key that seals.
func (r *Ring) sealing() *derived {
	h := r.held.Load()
	return &h.keys[h.seals]
}

// Seal encrypts and authenticates plaintext for a purpose and a place. The place is any number of strings, for example
// host and cookie name; they are length-prefixed, so that no two places can be confused (A72). The sealed form begins
// with a version, the ID of the key and a random nonce. Seal panics for PurposeCSRF, which has no sealing key.
func (r *Ring) Seal(p Purpose, plaintext []byte, place ...string) []byte {
	k := r.sealing()
	return seal(k.id, k.aeads[p], plaintext, appendPlace(make([]byte, 0, 96), p, place))
}

// Open is the reverse of Seal. It returns ErrUnsealable for every value that Seal did not make for this purpose and
// place.
func (r *Ring) Open(p Purpose, sealed []byte, place ...string) ([]byte, error) {
	return r.OpenInto(nil, p, sealed, place...)
}

// OpenInto is Open that writes into the memory of a caller, which must not overlap sealed. It allocates only if that is too
// small. A caller that lends the memory to others clears it afterwards.
func (r *Ring) OpenInto(memory []byte, p Purpose, sealed []byte, place ...string) ([]byte, error) {
	return r.open(memory, p, sealed, place, func(k *derived) (cipher.AEAD, error) {
		if aead := k.aeads[p]; aead != nil {
			return aead, nil
		}
		return nil, ErrUnsealable
	})
}

// SealWithSecret seals with the ring and a secret together: both are needed to open the value. The secret must be kept
// apart from the ring and the sealed value, such as the one in the cookie of a session.
func (r *Ring) SealWithSecret(secret, plaintext []byte, place ...string) ([]byte, error) {
	k := r.sealing()
	aead, err := k.withSecret(secret)
	if err != nil {
		return nil, err
	}
	return seal(k.id, aead, plaintext, appendPlace(make([]byte, 0, 96), purposeTokens, place)), nil
}

// OpenWithSecret is the reverse of SealWithSecret. For a wrong secret it also returns ErrUnsealable.
func (r *Ring) OpenWithSecret(secret, sealed []byte, place ...string) ([]byte, error) {
	return r.open(nil, purposeTokens, sealed, place, func(k *derived) (cipher.AEAD, error) {
		return k.withSecret(secret)
	})
}

func (k *derived) withSecret(secret []byte) (cipher.AEAD, error) {
	key := expand(k.tokens, secret, "latchkey/v1/session tokens")
	return newAEAD(key[:])
}

// Sum returns a keyed hash of the parts with the key that seals; Verify accepts one of any key of the ring.
func (r *Ring) Sum(parts ...string) []byte { return sum(r.sealing().csrf, parts) }

// Verify reports whether mac is a Sum of the parts, in constant time.
func (r *Ring) Verify(mac []byte, parts ...string) bool {
	ok := false
	for _, k := range r.held.Load().keys {
		ok = hmac.Equal(mac, sum(k.csrf, parts)) || ok
	}
	return ok
}

// placeMemory contains buffers for places. A cookie is opened at every request, and data for cipher.AEAD escapes to the
// heap.
var placeMemory = sync.Pool{New: func() any { b := make([]byte, 0, 320); return &b }}

// open tries the keys whose id the sealed value names: nearly always one. If there is none, the ring may be old.
func (r *Ring) open(memory []byte, p Purpose, sealed []byte, place []string, of func(*derived) (cipher.AEAD, error)) ([]byte, error) {
	if len(sealed) < SealOverhead || sealed[0] != sealVersion {
		return nil, ErrUnsealable
	}
	aad := placeMemory.Get().(*[]byte)
	defer placeMemory.Put(aad)
	*aad = appendPlace((*aad)[:0], p, place)
	id := ID(sealed[1 : 1+keyIDSize])
	plain, err := r.tryOpen(memory, id, sealed, *aad, of)
	if err != ErrUnknownKey { //nolint:errorlint // as returned, and this is on every request's path
		return plain, err
	}
	if err := r.ask(id); err != nil {
		return nil, err
	}
	return r.tryOpen(memory, id, sealed, *aad, of)
}

func (r *Ring) tryOpen(memory []byte, id ID, sealed, aad []byte, of func(*derived) (cipher.AEAD, error)) ([]byte, error) {
	keys, result := r.held.Load().keys, ErrUnknownKey
	for i := range keys {
		k := &keys[i]
		if k.id != id {
			continue
		}
		aead, err := of(k)
		if err != nil {
			return nil, err
		}
		plain, err := aead.Open(memory[:0], sealed[1+keyIDSize:sealPrefix], sealed[sealPrefix:], aad)
		if err == nil {
			return plain, nil
		}
		result = ErrUnsealable
	}
	return nil, result
}

func seal(id ID, aead cipher.AEAD, plaintext, aad []byte) []byte {
	out := make([]byte, sealPrefix, SealOverhead+len(plaintext))
	out[0] = sealVersion
	copy(out[1:], id[:])
	_, _ = rand.Read(out[1+keyIDSize : sealPrefix]) // it never fails: without randomness the process ends
	return aead.Seal(out, out[1+keyIDSize:sealPrefix], plaintext, aad)
}

func appendPlace(to []byte, p Purpose, place []string) []byte {
	return lengthprefix.Append(lengthprefix.Append(to, string(p)), place...)
}

func sum(key []byte, parts []string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(lengthprefix.Append(nil, parts...))
	return mac.Sum(nil)
}
