package storetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Memory is a session.Store in memory. It keeps the contract. It never sweeps, so it is only for tests.
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[session.Key]session.Entry
	indexes map[session.Key]map[session.Key]time.Time
	failure error
	closed  bool
}

var _ session.Store = (*Memory)(nil)

// NewMemory returns an empty store with the clock now; nil means time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	return &Memory{
		now:     now,
		entries: map[session.Key]session.Entry{},
		indexes: map[session.Key]map[session.Key]time.Time{},
	}
}

// Fail makes every later call return session.ErrUnavailable with the given reason, as in an outage; nil ends it.
func (m *Memory) Fail(reason error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = reason
}

// Len counts the entries that have not expired.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for key := range m.entries {
		if _, ok := m.alive(key); ok {
			n++
		}
	}
	return n
}

// Keys lists the keys of the entries that have not expired, in no order.
func (m *Memory) Keys() []session.Key {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []session.Key
	for key := range m.entries {
		if _, ok := m.alive(key); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// begin takes the lock if the store is available; the caller releases it.
func (m *Memory) begin(ctx context.Context) error {
	m.mu.Lock()
	err := ctx.Err()
	switch {
	case m.closed:
		err = session.ErrClosed
	case err != nil:
		err = fmt.Errorf("%w: %w", session.ErrUnavailable, err)
	case m.failure != nil:
		err = fmt.Errorf("%w: %w", session.ErrUnavailable, m.failure)
	}
	if err != nil {
		m.mu.Unlock()
	}
	return err
}

func (m *Memory) alive(key session.Key) (session.Entry, bool) {
	e, ok := m.entries[key]
	return e, ok && e.Expires.After(m.now())
}

func (m *Memory) put(e session.Entry) {
	e.Value = bytes.Clone(e.Value)
	e.Expires = e.Expires.Truncate(time.Millisecond)
	m.entries[e.Key] = e
}

func (m *Memory) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := session.CheckEntry(e, m.now()); err != nil {
		return err
	}
	if err := session.CheckListings(in, m.now()); err != nil {
		return err
	}
	if _, ok := m.alive(e.Key); ok {
		return session.ErrConflict
	}
	e.Version = 1
	m.put(e)
	for _, l := range in {
		m.list(l)
	}
	return nil
}

// Apply executes the parts of a step one after the other.
func (m *Memory) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	if err := m.Ping(ctx); err != nil {
		return session.Outcome{}, err
	}
	if err := session.CheckStep(st, m.now()); err != nil {
		return session.Outcome{}, err
	}
	return session.InTurn(ctx, m, st)
}

func (m *Memory) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	return m.take(ctx, key, false)
}

func (m *Memory) GetAll(ctx context.Context, keys ...session.Key) ([]session.Entry, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var found []session.Entry
	for _, key := range keys {
		if err := session.CheckKey(key); err != nil {
			return nil, err
		}
		if e, ok := m.alive(key); ok {
			e.Value = bytes.Clone(e.Value)
			found = append(found, e)
		}
	}
	return found, nil
}

func (m *Memory) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	return m.take(ctx, key, true, from...)
}

func (m *Memory) take(ctx context.Context, key session.Key, remove bool, from ...session.Listing) (session.Entry, error) {
	if err := m.begin(ctx); err != nil {
		return session.Entry{}, err
	}
	defer m.mu.Unlock()
	if err := session.CheckKey(key); err != nil {
		return session.Entry{}, err
	}
	for _, l := range from {
		delete(m.indexes[l.Index], l.Member)
	}
	e, ok := m.alive(key)
	if !ok {
		return session.Entry{}, session.ErrNotFound
	}
	if remove {
		delete(m.entries, key)
	}
	e.Value = bytes.Clone(e.Value)
	return e, nil
}

func (m *Memory) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	if err := m.begin(ctx); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if err := session.CheckEntry(e, m.now()); err != nil {
		return 0, err
	}
	old, ok := m.alive(e.Key)
	if !ok {
		return 0, session.ErrNotFound
	}
	if old.Version != e.Version {
		return 0, session.ErrConflict
	}
	e.Version++
	m.put(e)
	return e.Version, nil
}

func (m *Memory) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	l := session.Listing{Index: index, Member: member, Until: until}
	if err := session.CheckListings([]session.Listing{l}, m.now()); err != nil {
		return err
	}
	m.list(l)
	return nil
}

func (m *Memory) list(l session.Listing) {
	if m.indexes[l.Index] == nil {
		m.indexes[l.Index] = map[session.Key]time.Time{}
	}
	m.indexes[l.Index][l.Member] = l.Until.Truncate(time.Millisecond)
}

func (m *Memory) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if err := session.CheckKey(index); err != nil {
		return nil, err
	}
	now, times := m.now(), m.indexes[index]
	var keys []session.Key
	for member, until := range times {
		if until.After(now) && (before.IsZero() || until.Before(before)) {
			keys = append(keys, member)
		}
	}
	slices.SortFunc(keys, func(a, b session.Key) int { return cmp.Or(times[a].Compare(times[b]), cmp.Compare(a, b)) })
	return keys[:max(0, min(limit, len(keys)))], nil
}

func (m *Memory) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for _, key := range append([]session.Key{index}, members...) {
		if err := session.CheckKey(key); err != nil {
			return err
		}
	}
	for _, member := range members {
		delete(m.indexes[index], member)
	}
	return nil
}

func (m *Memory) Ping(ctx context.Context) error {
	err := m.begin(ctx)
	if err == nil {
		m.mu.Unlock()
	}
	return err
}

func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}
