package session

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KeyID names a key of a ring: what it seals begins with it. It tells nothing about the key.
type KeyID [keyIDSize]byte

// String returns the id as commands and logs show it: four hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// sealedBy returns the id that a sealed value begins with. ok is false if it is none.
func sealedBy(sealed []byte) (id KeyID, ok bool) {
	if len(sealed) < SealOverhead {
		return id, false
	}
	return KeyID(sealed[1 : 1+keyIDSize]), true
}

// RingKey is a key as it is kept: its secret, and when it was made.
type RingKey struct {
	Secret []byte
	// Created is the zero time if nobody knows.
	Created time.Time
}

// ID returns the id that the key has in every ring.
func (k RingKey) ID() (KeyID, error) {
	id, err := derive(k.Secret, "id", sha256.Size)
	if err != nil {
		return KeyID{}, err
	}
	return KeyID(id[:keyIDSize]), nil
}

// Replace gives the ring other keys, the newest first, for whoever holds it. On an error it keeps those that it has.
func (r *KeyRing) Replace(keys []RingKey) error {
	if len(keys) == 0 {
		return errors.New("key ring: no key")
	}
	next := make([]ringKey, 0, len(keys))
	seen := map[[sha256.Size]byte]bool{}
	for i, key := range keys {
		if len(key.Secret) < MinSecret {
			return fmt.Errorf("key ring: key %d has %d bytes, at least %d are needed", i+1, len(key.Secret), MinSecret)
		}
		k, err := newRingKey(key)
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

// OnUnknown has reread called when a value names a key that the ring does not have. It returns nil once the ring holds
// what there is at the time of the call, so that a key it still lacks is not one of this installation; an error, which
// must be ErrUnavailable, if that cannot be found out. It bounds itself: anybody can present such a value.
func (r *KeyRing) OnUnknown(reread func(KeyID) error) { r.unknown.Store(&reread) }

func (r *KeyRing) ask(id KeyID) error {
	reread := r.unknown.Load()
	if reread == nil {
		return ErrUnknownKey
	}
	return (*reread)(id)
}

func (r *KeyRing) view() []ringKey { return *r.keys.Load() }

// KeyInfo is what may be told about a key.
type KeyInfo struct {
	ID      KeyID
	Created time.Time // zero if nobody knows
}

// Keys lists the keys of the moment, the newest first: the one that seals.
func (r *KeyRing) Keys() []KeyInfo {
	keys := r.view()
	list := make([]KeyInfo, 0, len(keys))
	for i := range keys {
		list = append(list, KeyInfo{keys[i].id, keys[i].Created})
	}
	return list
}

// Equal reports whether both hold the same keys in the same order now.
func (r *KeyRing) Equal(other *KeyRing) bool {
	return slices.EqualFunc(r.view(), other.view(), func(a, b ringKey) bool { return a.whole == b.whole })
}
