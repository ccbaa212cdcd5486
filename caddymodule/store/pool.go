package store

import (
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Module is a guest module in the namespace latchkey.stores, which stores sessions.
type Module interface {
	// Identity returns a string that identifies what Open opens: the path of a file, or the address, database and
	// prefix of a server with a hash of the credentials. It does not depend on lifetimes. Modules with the same
	// identity share one open store over reloads.
	Identity() string
	// Open opens the store. It is called when the configuration starts, never by `validate`.
	Open(logger *zap.Logger) (session.Store, error)
}

// stores keeps open stores over reloads, by their identity.
var stores = caddy.NewUsagePool()

// Shared is a store that several configurations of one process share. The first one that starts opens it; it is closed
// when the last one is gone. A request that outlives them gets session.ErrClosed.
type Shared struct {
	identity string

	mu     sync.Mutex
	store  session.Store
	closed bool
	// cache contains the store's known sessions, opened with ring. It survives reloads, also while the store is
	// unavailable.
	cache *session.Cache
	ring  *keyring.Ring
}

// Acquire returns the shared store of a module, without opening it. Every successful call needs one call of Release.
func Acquire(m Module) (*Shared, error) {
	identity := m.Identity()
	shared, _, err := stores.LoadOrNew(identity, func() (caddy.Destructor, error) {
		return &Shared{identity: identity}, nil
	})
	if err != nil {
		return nil, err
	}
	return shared.(*Shared), nil
}

// Open opens the store if it is not open; after a failure it can be called again. If the configuration is already
// cleaned up it returns session.ErrClosed, because nothing would close the store.
func (s *Shared) Open(m Module, logger *zap.Logger) (session.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, session.ErrClosed
	case s.store != nil:
		return s.store, nil
	}
	store, err := m.Open(logger)
	if err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	s.store = store
	return store, nil
}

// current returns the store if it is open, or nil.
func (s *Shared) current() session.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store
}

// Cache returns the cache for a configuration that opens sessions with ring. Another ring gets another cache, because
// other keys may open other sessions.
func (s *Shared) Cache(ring *keyring.Ring) *session.Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil || !s.ring.Equal(ring) {
		s.cache = session.NewCache(session.CacheConfig{})
	}
	s.ring = ring // the new ring follows the storage; the old one stops with its configuration
	return s.cache
}

// Release releases the store that Acquire returned. The store stays open while another configuration uses it.
func (s *Shared) Release() error {
	_, err := stores.Delete(s.identity)
	return err
}

// Destruct closes the store. Caddy calls it after the last release.
func (s *Shared) Destruct() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}
