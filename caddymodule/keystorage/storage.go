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
	// keysStorageKey is the key of the ring in Caddy's storage. keysLock serialises its changes over a whole cluster.
	keysStorageKey = "latchkey/keys.json"
	keysLock       = "latchkey_keys"
	// keysTimeout is how long to wait for Caddy's storage at start and for a change of the ring.
	keysTimeout = 30 * time.Second
	// maxRingKeys is the largest number of keys in a ring. The shortest keys_rotate and the longest session need fewer.
	maxRingKeys = 64
)

// storedKeys is the stored form of the key ring, newest first.
type storedKeys struct {
	Keys []storedKey `json:"keys"`
}

type storedKey struct {
	Secret  []byte    `json:"secret"`
	Created time.Time `json:"created"`
	// Seals is from when the key seals. Rings of before have none: their keys seal since they were created.
	Seals time.Time `json:"seals,omitzero"`
}

// ErrNoRing: there is no key ring in Caddy's storage.
var ErrNoRing = fmt.Errorf("no key ring in Caddy's storage: %w", fs.ErrNotExist)

// Load reads the ring. It returns ErrNoRing if there is none. A ring that cannot be read is another error and is never
// replaced, because that would end every session.
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
		if k.Seals.IsZero() {
			k.Seals = k.Created
		}
		keys = append(keys, keyring.Key(k))
	}
	return keys, nil
}

// changeKeys changes the ring in the storage, one change at a time in the whole cluster, and returns the result. change
// gets nil if there is no ring; its result is written unless it is unchanged.
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

// newKey creates a key that seals after a delay. None of the others has its ID: if two keys had the same ID, a missing
// key would look like a forged value.
func newKey(others []keyring.Key, now time.Time, delay time.Duration) (keyring.Key, error) {
	now = now.UTC().Truncate(time.Millisecond)
	taken := make(map[keyring.ID]bool, len(others))
	for _, k := range others {
		id, err := k.ID()
		if err != nil {
			return k, err
		}
		taken[id] = true
	}
	for {
		k := keyring.Key{Secret: make([]byte, keyring.MinSecret), Created: now, Seals: now.Add(delay)}
		_, _ = rand.Read(k.Secret) // never fails
		if id, err := k.ID(); err != nil || !taken[id] {
			return k, err
		}
	}
}

// LoadOrMake returns the keys in Caddy's storage, and creates the first, which seals at once, if there is none. The members of a cluster
// share the storage, and so the ring.
func LoadOrMake(ctx context.Context, storage certmagic.Storage, now time.Time) (keys []keyring.Key, made bool, err error) {
	look, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	if keys, err = Load(look, storage); !errors.Is(err, ErrNoRing) {
		return keys, false, err
	}
	keys, err = changeKeys(ctx, storage, func(keys []keyring.Key) ([]keyring.Key, error) {
		if len(keys) > 0 { // another replica created it while this one waited
			return keys, nil
		}
		made = true
		k, err := newKey(nil, now, 0)
		return []keyring.Key{k}, err
	})
	return keys, made, err
}
