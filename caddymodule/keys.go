package caddymodule

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// keysStorageKey is where Caddy's storage holds the key ring; keysLock guards its making, over a whole cluster.
	keysStorageKey = "latchkey/keys.json"
	keysLock       = "latchkey_keys"
	// keysTimeout bounds the wait for Caddy's storage at start.
	keysTimeout = 30 * time.Second
)

// storedKeys is the key ring as it is stored, newest first.
type storedKeys struct {
	Keys []storedKey `json:"keys"`
}

type storedKey struct {
	Secret  []byte    `json:"secret"`
	Created time.Time `json:"created"`
}

// storageRing returns the key ring in Caddy's storage, and makes it if there is none: the members of a cluster share
// the storage, and with it the ring.
func storageRing(ctx context.Context, storage certmagic.Storage) (*session.KeyRing, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	ring, err := loadRing(ctx, storage)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if err := storage.Lock(ctx, keysLock); err != nil {
		return nil, fmt.Errorf("locking key ring: %w", err)
	}
	defer func() { _ = storage.Unlock(context.WithoutCancel(ctx), keysLock) }()
	// Somebody else may have made it while this one waited.
	if ring, err := loadRing(ctx, storage); !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	secret := make([]byte, session.MinSecret)
	_, _ = rand.Read(secret) // never fails
	data, err := json.Marshal(storedKeys{Keys: []storedKey{{Secret: secret, Created: time.Now().UTC()}}})
	if err != nil {
		return nil, err
	}
	if err := storage.Store(ctx, keysStorageKey, data); err != nil {
		return nil, fmt.Errorf("writing key ring: %w", err)
	}
	return session.NewKeyRing(secret)
}

// loadRing reads the ring. fs.ErrNotExist if there is none; a ring that cannot be read is an error and is never
// replaced: every session would end.
func loadRing(ctx context.Context, storage certmagic.Storage) (*session.KeyRing, error) {
	data, err := storage.Load(ctx, keysStorageKey)
	if err != nil {
		return nil, fmt.Errorf("reading key ring: %w", err)
	}
	var stored storedKeys
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("key ring %s in Caddy's storage cannot be read", keysStorageKey)
	}
	secrets := make([][]byte, 0, len(stored.Keys))
	for _, k := range stored.Keys {
		secrets = append(secrets, k.Secret)
	}
	return session.NewKeyRing(secrets...)
}
