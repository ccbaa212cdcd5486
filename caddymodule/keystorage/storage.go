package keystorage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	// keysStorageKey is where Caddy's storage holds the key ring; keysLock guards its making, over a whole cluster.
	keysStorageKey = "latchkey/keys.json"
	keysLock       = "latchkey_keys"
	// keysTimeout bounds the wait for Caddy's storage at start and for a change of the ring.
	keysTimeout = 30 * time.Second
	// maxRingKeys bounds a ring. It is more than the shortest keys_rotate and the longest session make.
	maxRingKeys = 64
)

// storedKeys is the key ring as it is stored, newest first.
type storedKeys struct {
	Keys []storedKey `json:"keys"`
}

type storedKey struct {
	Secret  []byte    `json:"secret"`
	Created time.Time `json:"created"`
}

// errNoRing: there is no key ring in Caddy's storage.
var ErrNoRing = fmt.Errorf("no key ring in Caddy's storage: %w", fs.ErrNotExist)

// Load reads the ring. errNoRing if there is none; a ring that cannot be read is another error and is never replaced:
// every session would end.
func Load(ctx context.Context, storage certmagic.Storage) ([]keyring.Key, error) {
	data, err := storage.Load(ctx, keysStorageKey)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoRing
	}
	if err != nil {
		return nil, fmt.Errorf("reading key ring: %w", err)
	}
	var stored storedKeys
	if err := json.Unmarshal(data, &stored); err != nil || len(stored.Keys) == 0 {
		return nil, fmt.Errorf("key ring %s in Caddy's storage cannot be read", keysStorageKey)
	}
	keys := make([]keyring.Key, 0, len(stored.Keys))
	for _, k := range stored.Keys {
		keys = append(keys, keyring.Key(k))
	}
	return keys, nil
}

// changeKeys changes the ring in the storage, one at a time in the whole cluster, and returns what it is then. change
// gets nil if there is none; what it returns is written unless it is what it got.
func changeKeys(ctx context.Context, storage certmagic.Storage, change func([]keyring.Key) ([]keyring.Key, error)) ([]keyring.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	if err := storage.Lock(ctx, keysLock); err != nil {
		return nil, fmt.Errorf("locking key ring: %w", err)
	}
	defer func() { _ = storage.Unlock(context.WithoutCancel(ctx), keysLock) }()
	keys, err := Load(ctx, storage)
	if err != nil && !errors.Is(err, ErrNoRing) {
		return nil, err
	}
	next, err := change(slices.Clone(keys))
	if err != nil || slices.EqualFunc(keys, next, func(a, b keyring.Key) bool { return string(a.Secret) == string(b.Secret) }) {
		return next, err
	}
	var stored storedKeys
	for _, k := range next {
		stored.Keys = append(stored.Keys, storedKey(k))
	}
	data, err := json.Marshal(stored)
	if err != nil {
		return nil, err
	}
	if err := storage.Store(ctx, keysStorageKey, data); err != nil {
		return nil, fmt.Errorf("writing key ring: %w", err)
	}
	return next, nil
}

// newKey makes a key whose id none of the others has: an id that two keys share would make a key that is missing look
// like a value that was forged.
func newKey(others []keyring.Key, now time.Time) (keyring.Key, error) {
	taken := make(map[keyring.ID]bool, len(others))
	for _, k := range others {
		id, err := k.ID()
		if err != nil {
			return k, err
		}
		taken[id] = true
	}
	for {
		k := keyring.Key{Secret: make([]byte, keyring.MinSecret), Created: now.UTC().Truncate(time.Millisecond)}
		_, _ = rand.Read(k.Secret) // never fails
		if id, err := k.ID(); err != nil || !taken[id] {
			return k, err
		}
	}
}

// LoadOrMake returns the keys in Caddy's storage, and makes the first if there is none: the members of a cluster share
// the storage, and with it the ring.
func LoadOrMake(ctx context.Context, storage certmagic.Storage, now time.Time) (keys []keyring.Key, made bool, err error) {
	look, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	if keys, err = Load(look, storage); !errors.Is(err, ErrNoRing) {
		return keys, false, err
	}
	keys, err = changeKeys(ctx, storage, func(keys []keyring.Key) ([]keyring.Key, error) {
		if len(keys) > 0 { // somebody else made it while this one waited
			return keys, nil
		}
		made = true
		k, err := newKey(nil, now)
		return []keyring.Key{k}, err
	})
	return keys, made, err
}
