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

// Key is a key in stored form.
type Key struct {
	Secret []byte
	// Created is the zero time if it is not known.
	Created time.Time
	// Seals is from when the key seals. Before that it only opens, so that every replica knows it before a value is sealed
	// under it. The zero time: it seals at once.
	Seals time.Time
}

// ID returns the key's ID, which is the same in every ring.
func (k Key) ID() (ID, error) {
	id, err := derive(k.Secret, "id", sha256.Size)
	if err != nil {
		return ID{}, err
	}
	return ID(id[:keyIDSize]), nil
}

// Info is the public data about a key of a ring.
type Info struct {
	ID      ID
	Created time.Time // zero if it is unknown
	// Seals: the ring seals with this key. The keys after it only open, those before it wait for their time.
	Seals bool
	// From is from when the key seals, zero if it is unknown. Until is from when a newer one does, zero if there is none.
	From, Until time.Time
}

// Describe lists keys as a ring lists them that has them at now. The newest comes first.
func Describe(keys []Key, now time.Time) ([]Info, error) {
	list := make([]Info, 0, len(keys))
	var until time.Time
	for _, k := range keys {
		id, err := k.ID()
		if err != nil {
			return nil, err
		}
		list = append(list, Info{ID: id, Created: k.Created, From: k.Seals, Until: until})
		if until.IsZero() || k.Seals.Before(until) {
			until = k.Seals
		}
	}
	return choose(list, now), nil
}

// Sealing returns the place in the list of the key that seals at now: the newest whose time has come. If the time of none
// has come, a clock is wrong; then it is the oldest, which most replicas know.
func Sealing(list []Info, now time.Time) int {
	if i := slices.IndexFunc(list, func(k Info) bool { return !k.From.After(now) }); i >= 0 {
		return i
	}
	return len(list) - 1
}

// choose returns a copy of a list, because callers of the ring may be reading the list.
func choose(list []Info, now time.Time) []Info {
	list = slices.Clone(list)
	sealing := Sealing(list, now)
	for i := range list {
		list[i].Seals = i == sealing
	}
	return list
}

// Replace replaces the keys of the ring, the newest first, and chooses the one that seals at now. On an error the ring
// keeps its old keys.
func (r *Ring) Replace(keys []Key, now time.Time) error {
	if len(keys) == 0 {
		return errors.New("key ring: no key")
	}
	list, err := Describe(keys, now)
	if err != nil {
		return fmt.Errorf("key ring: %w", err)
	}
	next := make([]derived, 0, len(keys))
	seen := map[[sha256.Size]byte]bool{}
	for i, key := range keys {
		if len(key.Secret) < MinSecret {
			return fmt.Errorf("key ring: key %d has %d bytes, at least %d are needed", i+1, len(key.Secret), MinSecret)
		}
		k, err := deriveKeys(list[i].ID, key.Secret)
		if err != nil {
			return fmt.Errorf("key ring: key %d: %w", i+1, err)
		}
		if seen[k.whole] {
			return fmt.Errorf("key ring: key %d is listed twice", i+1)
		}
		seen[k.whole] = true
		next = append(next, k)
	}
	r.held.Store(&held{next, list, Sealing(list, now)})
	return nil
}

// SealAt chooses the key that seals at now among those that the ring has.
func (r *Ring) SealAt(now time.Time) {
	have := r.held.Load()
	list := choose(have.list, now)
	r.held.CompareAndSwap(have, &held{have.keys, list, Sealing(list, now)}) // fails after a Replace, which has chosen
}

// OnUnknown sets a function that is called when a value names a key that the ring does not have. It returns nil if the
// keys have just been read; a key that is then still missing is lost, retired or another installation's. If they cannot
// be read, or are not read yet, it returns an error, which callers of the ring get. The error must say that the
// keys cannot be read, and must not be ErrUnsealable. The function itself must limit how often it reads, because any
// client can send such a value. It is not called for the sums of Verify, which name no key.
func (r *Ring) OnUnknown(reread func(ID) error) { r.unknown.Store(&reread) }

func (r *Ring) ask(id ID) error {
	reread := r.unknown.Load()
	if reread == nil {
		return ErrUnknownKey
	}
	return (*reread)(id)
}

// Keys lists the current keys, newest first.
func (r *Ring) Keys() []Info { return slices.Clone(r.held.Load().list) }

// Equal reports whether both rings currently have the same keys in the same order.
func (r *Ring) Equal(other *Ring) bool {
	return slices.EqualFunc(r.held.Load().keys, other.held.Load().keys, func(a, b derived) bool { return a.whole == b.whole })
}
