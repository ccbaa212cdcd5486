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
	ErrNewest    = errors.New("the newest key seals and cannot be retired; rotate first")
)

// RotateNow creates a key that seals from now on, on this replica at once and on others as soon as they notice. Earlier
// keys still open what they sealed.
func (k *Keeper) RotateNow(ctx context.Context) (keyring.Info, error) {
	return k.rotateIf(ctx, func([]keyring.Key) bool { return true })
}

func (k *Keeper) rotateIf(ctx context.Context, due func([]keyring.Key) bool) (keyring.Info, error) {
	err := k.change(ctx, func(keys []keyring.Key) ([]keyring.Key, error) {
		if !due(keys) {
			return keys, nil
		}
		if len(keys) >= maxRingKeys {
			return nil, ErrTooMany
		}
		fresh, err := newKey(keys, k.Now())
		return slices.Insert(keys, 0, fresh), err
	})
	return k.Ring.Keys()[0], err
}

// Retire removes a key from the ring: what it sealed cannot be opened any more.
func (k *Keeper) Retire(ctx context.Context, id keyring.ID) error {
	return k.change(ctx, func(keys []keyring.Key) ([]keyring.Key, error) {
		i, err := indexOf(keys, id)
		if err != nil {
			return nil, err
		}
		return slices.Delete(keys, i, i+1), nil
	})
}

func indexOf(keys []keyring.Key, id keyring.ID) (int, error) {
	i := slices.IndexFunc(keys, func(key keyring.Key) bool { its, err := key.ID(); return err == nil && its == id })
	switch i {
	case -1:
		return i, ErrNoSuchKey
	case 0:
		return i, ErrNewest
	}
	return i, nil
}

// change changes the ring in the storage and here, and notifies the other replicas.
func (k *Keeper) change(ctx context.Context, change func([]keyring.Key) ([]keyring.Key, error)) error {
	err := k.changeHere(ctx, change)
	if err == nil {
		k.Tell(ctx)
	}
	return err
}

func (k *Keeper) changeHere(ctx context.Context, change func([]keyring.Key) ([]keyring.Key, error)) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	keys, err := changeKeys(ctx, k.Storage, func(keys []keyring.Key) ([]keyring.Key, error) {
		if len(keys) == 0 {
			return nil, ErrNoRing // a change must not create a ring
		}
		return change(keys)
	})
	if err != nil {
		return err
	}
	return k.adopt(keys)
}

// tend replaces the newest key when it is old enough, and retires keys that are not needed any more.
func (k *Keeper) tend(ctx context.Context) error {
	if infos := k.Ring.Keys(); k.Rotate > 0 && k.Now().Sub(infos[0].Created) >= k.Rotate {
		made, err := k.rotateIf(ctx, func(keys []keyring.Key) bool { return k.Now().Sub(keys[0].Created) >= k.Rotate })
		if err != nil {
			return err
		}
		k.Logger.Info("the newest key was old enough and is superseded", zap.Stringer("key", made.ID), zap.Duration("age", k.Rotate))
	}
	infos := k.Ring.Keys()
	if over := retired(infos, k.Now(), k.Life); over == len(infos) {
		return nil
	}
	return k.change(ctx, func(keys []keyring.Key) ([]keyring.Key, error) {
		list := make([]keyring.Info, len(keys))
		for i, key := range keys {
			list[i].Created = key.Created
		}
		return keys[:retired(list, k.Now(), k.Life)], nil
	})
}

// retired returns how many keys of a ring are still needed: the first, and each whose successor is younger than life.
func retired(keys []keyring.Info, now time.Time, life time.Duration) int {
	for i := 1; i < len(keys); i++ {
		if now.Sub(keys[i-1].Created) >= life {
			return i
		}
	}
	return len(keys)
}
