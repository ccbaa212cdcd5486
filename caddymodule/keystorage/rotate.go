package keystorage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

var (
	ErrTooMany   = fmt.Errorf("the key ring has %d keys already; retire some first", maxRingKeys)
	ErrNoSuchKey = errors.New("the key ring has no such key")
	ErrSeals     = errors.New("the key that seals and the newest one cannot be retired; rotate first, with --now if a key must stop to seal at once")
)

// RotateIn creates a key that opens from now on, and seals after a delay. With SealDelay every replica knows it before it
// seals. With no delay other replicas read it as soon as they are told of it or meet it. Earlier keys still open what they
// sealed.
func (k *Keeper) RotateIn(ctx context.Context, delay time.Duration) (keyring.Info, error) {
	return k.rotateIf(ctx, delay, func([]keyring.Info) bool { return true })
}

func (k *Keeper) rotateIf(ctx context.Context, delay time.Duration, due func([]keyring.Info) bool) (keyring.Info, error) {
	err := k.change(ctx, func(keys []keyring.Key, list []keyring.Info) ([]keyring.Key, error) {
		if !due(list) {
			return keys, nil
		}
		if len(keys) >= maxRingKeys {
			return nil, ErrTooMany
		}
		fresh, err := newKey(keys, k.Now(), delay)
		return slices.Insert(keys, 0, fresh), err
	})
	return k.Ring.Keys()[0], err
}

// Retire removes a key from the ring: what it sealed cannot be opened any more.
func (k *Keeper) Retire(ctx context.Context, id keyring.ID) error {
	return k.change(ctx, func(keys []keyring.Key, list []keyring.Info) ([]keyring.Key, error) {
		i, err := Retirable(list, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(keys, i, i+1), nil
	})
}

// Retirable returns the place of a key in the list. It returns ErrNoSuchKey or ErrSeals if the key cannot be removed. The
// newest one cannot even if it waits: a replica whose clock is ahead may seal with it already.
func Retirable(list []keyring.Info, id keyring.ID) (int, error) {
	i := slices.IndexFunc(list, func(k keyring.Info) bool { return k.ID == id })
	switch {
	case i < 0:
		return i, ErrNoSuchKey
	case i == 0, list[i].Seals:
		return i, ErrSeals
	}
	return i, nil
}

// changeRing returns the keys of a changed ring. list describes keys.
type changeRing func(keys []keyring.Key, list []keyring.Info) ([]keyring.Key, error)

// change changes the ring in the storage and here, and notifies the other replicas.
func (k *Keeper) change(ctx context.Context, change changeRing) error {
	err := k.changeHere(ctx, change)
	if err == nil {
		k.Tell(ctx)
	}
	return err
}

func (k *Keeper) changeHere(ctx context.Context, change changeRing) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	keys, err := changeKeys(ctx, k.Storage, func(keys []keyring.Key) ([]keyring.Key, error) {
		if len(keys) == 0 {
			return nil, ErrNoRing // a change must not create a ring
		}
		list, err := keyring.Describe(keys, k.Now())
		if err != nil {
			return nil, err
		}
		return change(keys, list)
	})
	if err != nil {
		return err
	}
	return k.adopt(keys)
}

// tend replaces the newest key when it is old enough, and retires keys that are not needed any more.
func (k *Keeper) tend(ctx context.Context) error {
	if k.due(k.Ring.Keys()) {
		made, err := k.rotateIf(ctx, SealDelay, k.due)
		if err != nil {
			return err
		}
		k.Logger.Info("the newest key was old enough and is superseded",
			zap.Stringer("key", made.ID), zap.Duration("age", k.Rotate), zap.Time("seals", made.From))
	}
	if list := k.Ring.Keys(); k.needed(list) == len(list) {
		return nil
	}
	return k.change(ctx, func(keys []keyring.Key, list []keyring.Info) ([]keyring.Key, error) {
		return keys[:k.needed(list)], nil
	})
}

// due reports whether a new key is due. A key that does not seal within Margin does not count as new: the clock that
// created it was wrong.
func (k *Keeper) due(list []keyring.Info) bool {
	now := k.Now()
	return k.Rotate > 0 && now.Sub(list[keyring.Sealing(list, now.Add(Margin))].Created) >= k.Rotate
}

// Due returns when the newest key is to be replaced; zero if keys are not replaced by their age.
func (k *Keeper) Due() time.Time {
	if k.Rotate <= 0 {
		return time.Time{}
	}
	list := k.Ring.Keys()
	return list[keyring.Sealing(list, k.Now().Add(Margin))].Created.Add(k.Rotate)
}

// LastRead returns when the ring was last read from the storage.
func (k *Keeper) LastRead() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.readAt
}

// needed returns how many keys of a ring are still needed: each that seals, waits, or has not stopped sealing for Life.
func (k *Keeper) needed(list []keyring.Info) int {
	over := slices.IndexFunc(list, func(key keyring.Info) bool { return !key.Until.IsZero() && k.Now().Sub(key.Until) >= k.Life })
	if over < 0 {
		return len(list)
	}
	return over
}
