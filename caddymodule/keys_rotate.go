package caddymodule

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
	errTooManyKeys = fmt.Errorf("the key ring has %d keys already; retire some first", maxRingKeys)
	errNoSuchKey   = errors.New("the key ring has no such key")
	errNewestKey   = errors.New("the newest key seals and cannot be retired; rotate first")
)

// rotateNow makes a key that seals from here on, on this replica at once and on others as soon as they hear of it. Those
// before it go on opening what they have sealed.
func (k *ringKeeper) rotateNow(ctx context.Context) (keyring.Info, error) {
	return k.rotateIf(ctx, func([]keyring.Key) bool { return true })
}

func (k *ringKeeper) rotateIf(ctx context.Context, due func([]keyring.Key) bool) (keyring.Info, error) {
	err := k.change(ctx, func(keys []keyring.Key) ([]keyring.Key, error) {
		if !due(keys) {
			return keys, nil
		}
		if len(keys) >= maxRingKeys {
			return nil, errTooManyKeys
		}
		fresh, err := newKey(keys, k.now())
		return slices.Insert(keys, 0, fresh), err
	})
	return k.ring.Keys()[0], err
}

// retire takes a key out of the ring: what it has sealed opens no more.
func (k *ringKeeper) retire(ctx context.Context, id keyring.ID) error {
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
		return i, errNoSuchKey
	case 0:
		return i, errNewestKey
	}
	return i, nil
}

// change changes the ring in the storage and here, and tells the other replicas.
func (k *ringKeeper) change(ctx context.Context, change func([]keyring.Key) ([]keyring.Key, error)) error {
	err := k.changeHere(ctx, change)
	if err == nil {
		k.tell(ctx)
	}
	return err
}

func (k *ringKeeper) changeHere(ctx context.Context, change func([]keyring.Key) ([]keyring.Key, error)) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	keys, err := changeKeys(ctx, k.storage, func(keys []keyring.Key) ([]keyring.Key, error) {
		if len(keys) == 0 {
			return nil, errNoRing // which a change of it must not make up for
		}
		return change(keys)
	})
	if err != nil {
		return err
	}
	return k.adopt(keys)
}

// tend supersedes the newest key when it is old enough, and retires those that nothing can need any more.
func (k *ringKeeper) tend(ctx context.Context) error {
	if infos := k.ring.Keys(); k.rotate > 0 && k.now().Sub(infos[0].Created) >= k.rotate {
		made, err := k.rotateIf(ctx, func(keys []keyring.Key) bool { return k.now().Sub(keys[0].Created) >= k.rotate })
		if err != nil {
			return err
		}
		k.logger.Info("the newest key was old enough and is superseded", zap.Stringer("key", made.ID), zap.Duration("age", k.rotate))
	}
	infos := k.ring.Keys()
	if over := retired(infos, k.now(), k.life); over == len(infos) {
		return nil
	}
	return k.change(ctx, func(keys []keyring.Key) ([]keyring.Key, error) {
		list := make([]keyring.Info, len(keys))
		for i, key := range keys {
			list[i].Created = key.Created
		}
		return keys[:retired(list, k.now(), k.life)], nil
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

// keyLife is how long a key has to open what it has sealed after another has superseded it: as long as the longest that
// it may have sealed lives.
func (a *App) keyLife() time.Duration {
	life := max(a.rt.limits.Browser.Max, a.rt.limits.Persistent.Max, a.rt.prompt.RememberAnswer, a.SignInLog.keep())
	return life + keysMargin
}
