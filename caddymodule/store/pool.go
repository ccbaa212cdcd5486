package store

import (
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Module is a guest module in the namespace latchkey.stores: a place where sessions live.
type Module interface {
	// Identity names what is opened: the path of a file; address, database and prefix of a server, with a hash of the
	// credentials. It never depends on lifetimes. Equal identities share one open store over reloads.
	Identity() string
	// Open opens it. It is called when the configuration starts, never while it is validated: `validate` opens nothing.
	Open(logger *zap.Logger) (session.Store, error)
}

// stores keeps open stores over configuration reloads, by their identity.
var stores = caddy.NewUsagePool()

// Shared is a store that the configurations of one process share. It is opened by the first that starts and
// closed when the last that uses it is gone. A request that outlives both gets session.ErrClosed.
type Shared struct {
	identity string

	mu     sync.Mutex
	store  session.Store
	closed bool
	// cache is what is known of the store's sessions, opened with ring: who is known stays known over a reload, also
	// while the store is away.
	cache *session.Cache
	ring  *keyring.Ring
}

// Acquire makes or finds the shared store of a module, without opening it. Every successful call needs one release.
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

// Open opens the store if it is not open yet; a failed try does not stand in the way of the next. It answers session.ErrClosed
// to a configuration that has been cleaned up already: what it opened, nobody would close.
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

// Cache returns the cache for the configuration that opens sessions with ring. Other keys may open other sessions.
func (s *Shared) Cache(ring *keyring.Ring) *session.Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil || !s.ring.Equal(ring) {
		s.cache = session.NewCache(session.CacheConfig{})
	}
	s.ring = ring // which goes on following the storage when the one before does not
	return s.cache
}

// Release gives up what Acquire gave. The store stays open while another configuration uses it.
func (s *Shared) Release() error {
	_, err := stores.Delete(s.identity)
	return err
}

// Destruct closes the store when nobody uses it any more.
func (s *Shared) Destruct() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}
