package keyring

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ID identifies a key of a ring: each value that the key seals begins with it. It reveals nothing about the secret.
type ID [keyIDSize]byte

// String returns the ID as commands and logs show it: four hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// SealedBy returns the ID of the key that a sealed value names. ok is false if the value is too short.
func SealedBy(sealed []byte) (id ID, ok bool) {
	if len(sealed) < SealOverhead {
		return id, false
	}
	return ID(sealed[1 : 1+keyIDSize]), true
}

// Key is a key in stored form: its secret, and when it was created.
type Key struct {
	Secret []byte
	// Created is the zero time if it is not known.
	Created time.Time
}

// ID returns the key's ID, which is the same in every ring.
func (k Key) ID() (ID, error) {
	id, err := derive(k.Secret, "id", sha256.Size)
	if err != nil {
		return ID{}, err
	}
	return ID(id[:keyIDSize]), nil
}

// Replace replaces the keys of the ring; the newest comes first. On an error the ring keeps its old keys.
func (r *Ring) Replace(keys []Key) error {
	if len(keys) == 0 {
		return errors.New("key ring: no key")
	}
	next := make([]derived, 0, len(keys))
	seen := map[[sha256.Size]byte]bool{}
	for i, key := range keys {
		if len(key.Secret) < MinSecret {
			return fmt.Errorf("key ring: key %d has %d bytes, at least %d are needed", i+1, len(key.Secret), MinSecret)
		}
		k, err := deriveKeys(key)
		if err != nil {
			return fmt.Errorf("key ring: key %d: %w", i+1, err)
		}
		if seen[k.whole] {
			return fmt.Errorf("key ring: key %d is listed twice", i+1)
		}
		seen[k.whole] = true
		next = append(next, k)
	}
	r.keys.Store(&next)
	return nil
}

// OnUnknown sets a function that is called when a value names a key that the ring does not have. It returns nil after
// the ring has all keys that exist at the time of the call; a key that is then still missing belongs to another
// installation. If that is not possible it returns an error, which callers of the ring get. The error must say that the
// keys cannot be read, and must not be ErrUnsealable. The function itself must limit how often it reads, because any
// client can send such a value.
func (r *Ring) OnUnknown(reread func(ID) error) { r.unknown.Store(&reread) }

func (r *Ring) ask(id ID) error {
	reread := r.unknown.Load()
	if reread == nil {
		return ErrUnknownKey
	}
	return (*reread)(id)
}

func (r *Ring) view() []derived { return *r.keys.Load() }

// Info is the public data about a key.
type Info struct {
	ID      ID
	Created time.Time // zero if it is unknown
}

// Keys lists the current keys, newest first. The first one seals.
func (r *Ring) Keys() []Info {
	keys := r.view()
	list := make([]Info, 0, len(keys))
	for i := range keys {
		list = append(list, Info{keys[i].id, keys[i].Created})
	}
	return list
}

// Equal reports whether both rings currently have the same keys in the same order.
func (r *Ring) Equal(other *Ring) bool {
	return slices.EqualFunc(r.view(), other.view(), func(a, b derived) bool { return a.whole == b.whole })
}
