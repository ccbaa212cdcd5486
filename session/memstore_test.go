package session_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

var (
	ada   = session.Identity{Issuer: "https://login.example.com", Subject: "248289761001"}
	grace = session.Identity{Issuer: "https://login.example.com", Subject: "24400320"}

	errDown = errors.Join(session.ErrUnavailable, errors.New("connection refused"))
)

// memStore is a store in memory that a test can interrupt: before, if set, is asked before each call and may fail it,
// or do something in between.
type memStore struct {
	session.Store
	mu     sync.Mutex
	before func(ctx context.Context, op string, key session.Key) error
	values map[session.Key][]byte // as written, never removed: what a thief may have
	writes int
}

func newMemStore(now func() time.Time) *memStore {
	return &memStore{Store: storetest.NewMemory(now), values: map[session.Key][]byte{}}
}

func (s *memStore) ask(ctx context.Context, op string, key session.Key) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, op, key)
}

// interrupt sets before; nil ends it.
func (s *memStore) interrupt(before func(ctx context.Context, op string, key session.Key) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *memStore) wrote(e session.Entry, err error) {
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.values[e.Key] = bytes.Clone(e.Value)
		s.writes++
	}
}

// dump is every value that was ever written, the last of each key.
func (s *memStore) dump() map[session.Key][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.values)
}

func (s *memStore) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Create can be interrupted between the entry and each listing, as it can be in a real store.
func (s *memStore) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	if err := s.ask(ctx, "create", e.Key); err != nil {
		return err
	}
	err := s.Store.Create(ctx, e)
	s.wrote(e, err)
	for _, l := range in {
		if err == nil {
			err = s.Enlist(ctx, l.Index, l.Member, l.Until)
		}
	}
	return err
}

func (s *memStore) GetAll(ctx context.Context, keys ...session.Key) ([]session.Entry, error) {
	for _, key := range keys {
		if err := s.ask(ctx, "get", key); err != nil {
			return nil, err
		}
	}
	return s.Store.GetAll(ctx, keys...)
}

func (s *memStore) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	if err := s.ask(ctx, "get", key); err != nil {
		return session.Entry{}, err
	}
	return s.Store.Get(ctx, key)
}

func (s *memStore) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	if err := s.ask(ctx, "replace", e.Key); err != nil {
		return 0, err
	}
	version, err := s.Store.Replace(ctx, e)
	s.wrote(e, err)
	return version, err
}

func (s *memStore) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	if err := s.ask(ctx, "remove", key); err != nil {
		return session.Entry{}, err
	}
	e, err := s.Store.Remove(ctx, key)
	for _, l := range from {
		_ = s.Delist(ctx, l.Index, l.Member)
	}
	return e, err
}

func (s *memStore) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	if err := s.ask(ctx, "enlist", member); err != nil {
		return err
	}
	return s.Store.Enlist(ctx, index, member, until)
}

func (s *memStore) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	if err := s.ask(ctx, "members", index); err != nil {
		return nil, err
	}
	return s.Store.Members(ctx, index, before, limit)
}

func (s *memStore) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	if err := s.ask(ctx, "delist", index); err != nil {
		return err
	}
	return s.Store.Delist(ctx, index, members...)
}

func (s *memStore) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	return session.InTurn(ctx, s, st)
}

// failOn fails one kind of call.
func failOn(ops ...string) func(context.Context, string, session.Key) error {
	return func(_ context.Context, op string, _ session.Key) error {
		for _, o := range ops {
			if o == op {
				return errDown
			}
		}
		return nil
	}
}

// world is a store, a clock and a manager over both.
type world struct {
	*session.Manager
	clock *storetest.Clock
	store *memStore
	keys  *keyring.Ring
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: storetest.NewClock(), keys: keyringtest.Ring(t, 'k')}
	w.store = newMemStore(w.clock.Now)
	w.Manager = w.replica(t, session.ManagerConfig{})
	return w
}

// replica is another manager over the same store; what the configuration leaves out is as in the first. Its cache keeps
// nothing unless it is given one, so that every record comes out of the store.
func (w *world) replica(t testing.TB, c session.ManagerConfig) *session.Manager {
	t.Helper()
	c.Store, c.Now = w.store, w.clock.Now
	if c.Keys == nil {
		c.Keys = w.keys
	}
	if c.Cache == nil {
		c.Cache = session.NewCache(session.CacheConfig{Bytes: 1})
	}
	m := session.NewManager(c)
	t.Cleanup(m.Close)
	return m
}

// create makes a session or ends the test.
func (w *world) create(t testing.TB, draft session.Record, tokens session.Tokens) (*session.Record, session.Token) {
	t.Helper()
	s, token, err := w.Create(t.Context(), draft, tokens)
	if err != nil {
		t.Fatalf("creating session: %v", err)
	}
	return s, token
}

// want holds an error against the one it should be; nil means none.
func want(t testing.TB, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) || (wanted == nil && got != nil) {
		t.Errorf("%s: %v, want %v", what, got, wanted)
	}
}
