package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	// askTimeout bounds one question to the store.
	askTimeout = 3 * time.Second
	// After the store has failed to answer for a session that goes on in spite of it, nobody waits for another try:
	// retryAfter is when one is made beside a request, retryUntil until when it may be beside and not before.
	retryAfter = time.Second
	retryUntil = 3 * time.Second
)

// Load returns the session of a token. ErrNotFound: it does not exist, was ended or revoked. ErrExpired: a limit has
// passed; the error is an *Expired unless the store could not be asked. Any other error says nothing about the session: the
// store could not be asked, or the record was sealed under a key that this ring has not.
//
// The store is asked unless it was within ManagerConfig.Recheck; while it cannot be, what is known goes on for
// ManagerConfig.OutageGrace. What is asked does not end with ctx: a client that goes away spoils no answer that others
// wait for.
func (m *Manager) Load(ctx context.Context, token Token) (*Session, error) {
	return m.liveID(ctx, token.ID)
}

func (m *Manager) liveID(ctx context.Context, id ID) (*Session, error) {
	now, d := m.now(), id.digest()
	if err := m.settle(ctx, now); err != nil {
		return nil, err
	}
	k := m.cache.get(d)
	if k != nil && m.recheck > 0 && m.cache.fresh(k, now, m.recheck) && m.goesOn(&k.Session, now) {
		m.cache.shard(d).hits.Add(1)
		return &k.Session, nil
	}
	m.cache.shard(d).misses.Add(1)
	// What a copy says of an idle limit is not the last word either: the session may be in use elsewhere.
	l, err := m.ask(ctx, id, k, now)
	if err != nil {
		return m.spare(d, k, now, err)
	}
	if err := m.checkLive(l, now); err != nil {
		return nil, err
	}
	return l, nil
}

// Reload is Load by the store's word of now alone: for whoever is about to act on what another replica may just have
// written.
func (m *Manager) Reload(ctx context.Context, token Token) (*Session, error) {
	if err := m.settle(ctx, m.now()); err != nil {
		return nil, err
	}
	l, err := m.fetch(ctx, token.ID, m.cache.get(token.ID.digest()))
	if err != nil {
		return nil, err
	}
	if err := m.checkLive(l, m.now()); err != nil {
		return nil, err
	}
	return l, nil
}

// check holds a session against all that ends it without a write to its record.
func (m *Manager) check(s *Record, now time.Time) error {
	if m.revoked(s) {
		return ErrNotFound
	}
	if s.Check(now, m.limits) != nil {
		return s.expired(m.limits)
	}
	return nil
}

// checkLive is check for what is not yet read.
func (m *Manager) checkLive(l *Session, now time.Time) error {
	if m.goesOn(l, now) {
		return nil
	}
	s, err := l.Record()
	if err != nil {
		return err
	}
	return m.check(s, now)
}

// goesOn reports whether checkLive has nothing to say.
func (m *Manager) goesOn(l *Session, now time.Time) bool {
	p := l.span()
	return p.check(now, m.limits) == nil && !m.revokedLive(l)
}

// spare answers where the store did not: with what is known, if that is young enough and within its limits.
func (m *Manager) spare(d digest, k *known, now time.Time, err error) (*Session, error) {
	if !unanswered(err) || k == nil || !k.within(now, m.grace) {
		return nil, err
	}
	span := k.span()
	switch {
	case m.cache.get(d) != k:
		return nil, err // what was known is known to have changed
	case m.goesOn(&k.Session, now):
		return &k.Session, nil
	case m.revokedLive(&k.Session):
		return nil, ErrNotFound
	case !now.Before(span.maxEnd(m.limits)):
		return nil, ErrExpired
	}
	return nil, err // idle for all that is known here
}

// unanswered reports whether an error of a look-up says nothing about the session.
func unanswered(err error) bool {
	return err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, keyring.ErrUnsealable) && !errors.Is(err, pack.ErrMalformed)
}

// ask returns the session as the store has it, or why it could not be asked. Several requests share one question,
// except where each is to ask.
func (m *Manager) ask(ctx context.Context, id ID, k *known, now time.Time) (*Session, error) {
	d := id.digest()
	if k != nil && m.lately(k, now) {
		if now.UnixNano()-k.failed.Load() >= int64(retryAfter) {
			if f, opened := m.cache.join(d); opened {
				go func() { _, _ = m.fly(context.WithoutCancel(ctx), id, k, f) }()
			}
		}
		return nil, ErrUnavailable
	}
	if m.recheck <= 0 {
		return m.fetch(ctx, id, k)
	}
	f, opened := m.cache.join(d)
	if opened {
		// Another question may have been answered since this request has looked.
		if at, k := m.now(), m.cache.get(d); k != nil && m.cache.fresh(k, at, m.recheck) && m.goesOn(&k.Session, at) {
			f.live, f.err = &k.Session, nil
			m.cache.land(d, f)
			return &k.Session, nil
		}
		return m.fly(ctx, id, k, f)
	}
	select {
	case <-f.done:
		return f.live, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// lately reports whether the store has failed for a session so lately that to ask again would only hold people up.
func (m *Manager) lately(k *known, now time.Time) bool {
	age := now.UnixNano() - k.failed.Load()
	return k.failed.Load() != 0 && age >= 0 && age < int64(retryUntil) && k.within(now, m.grace) &&
		uint64(k.failedDoubts.Load()) == m.cache.doubts.Load() //nolint:gosec // a count
}

func (m *Manager) fly(ctx context.Context, id ID, k *known, f *flight) (*Session, error) {
	defer m.cache.land(id.digest(), f)
	f.live, f.err = m.fetch(ctx, id, k)
	return f.live, f.err
}

// fetch asks the store and takes up what it says. What is known already is not opened again.
func (m *Manager) fetch(ctx context.Context, id ID, k *known) (*Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	d, key := id.digest(), id.Key()
	q := m.cache.question(d, m.now())
	e, err := m.vault.Store.Get(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		m.health.answered(m.now(), m.onOutage)
		m.cache.drop(d)
		return nil, err
	case err != nil:
		if k != nil {
			k.failedDoubts.Store(int64(q.doubts)) //nolint:gosec // a count
			k.failed.Store(m.now().UnixNano())
		}
		m.health.failed(m.now(), err, m.onOutage)
		return nil, err
	}
	m.health.answered(m.now(), m.onOutage)
	if k != nil && k.version == e.Version && k.seal == sealOf(e.Value) {
		k.confirm(q)
		return &k.Session, nil
	}
	_, fresh, err := m.open(e)
	if err != nil {
		m.cache.drop(d)
		return nil, err
	}
	m.cache.keep(fresh, q)
	return &fresh.Session, nil
}

// load reads a record from the store, past the cache.
func (m *Manager) load(ctx context.Context, key Key) (*Record, error) {
	e, err := m.vault.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	s, _, err := m.open(e)
	return s, err
}

func (m *Manager) open(e Entry) (*Record, *known, error) {
	packed, err := m.vault.openPacked(e.Key, e.Value)
	if err != nil {
		return nil, nil, err
	}
	s, err := readSession(packed)
	if err != nil {
		return nil, nil, err
	}
	if s.ID.Key() != e.Key {
		return nil, nil, fmt.Errorf("%w: another session's", pack.ErrMalformed)
	}
	s.Version = e.Version
	return s, s.knownAs(record{sealed: e.Value, packed: packed}), nil
}

// Known counts what a manager's cache holds.
type Known struct {
	// Sessions are in the cache; Watched have something open that Watch looks after.
	Sessions, Watched int
	// Bytes is what the sessions take, by estimate. Hits counts look-ups that were answered without asking the store,
	// Misses those that were not, Evictions sessions that made room for others.
	Bytes                   int64
	Hits, Misses, Evictions uint64
	// Pending is how many sign-ins wait for their answer, as last counted.
	Pending int
}

// Known tells how much is known here without asking the store.
func (m *Manager) Known() Known {
	all := &m.cache.watches
	all.mu.Lock()
	defer all.mu.Unlock()
	known := Known{Watched: len(all.open), Pending: int(max(0, m.pending.Load()))}
	for i := range m.cache.shards {
		s := &m.cache.shards[i]
		s.mu.RLock()
		known.Sessions += len(s.ring)
		known.Bytes += s.size
		s.mu.RUnlock()
		known.Hits += s.hits.Load()
		known.Misses += s.misses.Load()
		known.Evictions += s.evictions.Load()
	}
	return known
}
