package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// End ends a session: the record dies in the store, and with it every copy of the cookie (K4, A22). Ending one that is
// gone already is no error; ErrUnavailable means that it may still live.
func (m *Manager) End(ctx context.Context, s *Record) error {
	err := m.end(ctx, s)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// end is End where it matters who ended it: ErrNotFound if somebody else has.
func (m *Manager) end(ctx context.Context, s *Record) error {
	_, err := m.vault.Store.Remove(ctx, s.ID.Key(), s.listings(time.Time{})...)
	m.changed(ctx, s.ID.Key()) // whatever the answer: the record may be gone
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending session: %w", err)
	}
	m.cache.recents.add(recent{key: s.ID.Key(), at: m.now()})
	return err
}

// EndID ends the session of an id, as End does, without having loaded it.
func (m *Manager) EndID(ctx context.Context, id ID) error {
	s, err := m.load(ctx, id.Key())
	switch {
	case err == nil:
		return m.End(ctx, s)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	// If it is there but cannot be read, its listings are unknown; they point at nothing from here on.
	_, err = m.endUnread(ctx, id.Key())
	return err
}

// EndAll ends every session of a person, whatever browser holds it, and returns how many were live; a sign-in that is
// under way makes none (ErrRevoked). It ends those as well that cannot be read here, for instance because another replica
// has sealed them under a newer key. Of many sessions a mark is written first: from there on none of them is admitted
// anywhere, also if the time of the caller ends before their records are removed.
func (m *Manager) EndAll(ctx context.Context, who Identity) (int, error) {
	if keys, err := personBucket(who).sessions(ctx, m.vault.Store); err == nil && len(keys) >= manySessions {
		return m.endMany(ctx, who, len(keys))
	}
	return m.endEach(ctx, who)
}

// endMany ends the sessions of a person who has n of them.
func (m *Manager) endMany(ctx context.Context, who Identity, n int) (int, error) {
	marked := m.RevokeBefore(ctx, Scope{Person: who}, time.Time{})
	ended, err := m.endEach(ctx, who)
	if marked == nil && err != nil && ctx.Err() != nil {
		return n, nil // the mark has ended those as well whose records are still there
	}
	return ended, err
}

func (m *Manager) endEach(ctx context.Context, who Identity) (int, error) {
	ended, err := m.endListed(ctx, personBucket(who), func(s *Record) verdict {
		if s.Identity != who {
			return foreign
		}
		return ends
	})
	return len(ended), err
}

// Find returns the live session that Short names, for an administrator. ErrNotFound if there is none, or more than one.
func (m *Manager) Find(ctx context.Context, short string) (*Record, error) {
	if len(short) != shortSize {
		return nil, ErrNotFound
	}
	if err := m.settle(ctx, m.now()); err != nil {
		return nil, err
	}
	index, ok := allIndex(short)
	if !ok {
		return nil, ErrNotFound
	}
	keys, err := m.vault.Store.Members(ctx, index, time.Time{}, math.MaxInt32)
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	var found []Key
	for _, key := range keys {
		if shortOf(key) == short {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		return nil, ErrNotFound
	}
	s, err := m.load(ctx, found[0])
	if err == nil {
		err = m.check(s, m.now())
	}
	if errors.Is(err, ErrExpired) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	return s, nil
}

// verdict is what becomes of a session that is listed for an owner.
type verdict uint8

const (
	ends    verdict = iota
	stays           // it is the owner's, and goes on
	foreign         // a listing that we have not written; the session is somebody else's
)

// endListed ends the sessions that are listed for an owner, as far as judge says so, and returns the short hashes of those
// that may have been live.
func (m *Manager) endListed(ctx context.Context, list bucket, judge func(*Record) verdict) ([]string, error) {
	if err := m.noteEnd(ctx, list); err != nil {
		return nil, fmt.Errorf("ending sessions: %w", err)
	}
	return m.endFound(ctx, list, judge)
}

// endFound is endListed without the note that holds off what is under way.
func (m *Manager) endFound(ctx context.Context, list bucket, judge func(*Record) verdict) ([]string, error) {
	keys, err := list.sessions(ctx, m.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var ended []string
	done := make([]Key, 0, min(len(keys), endChunk))
	for _, key := range keys {
		live, over, err := m.endOne(ctx, key, judge)
		if err != nil {
			return ended, errors.Join(err, list.delist(context.WithoutCancel(ctx), m.vault.Store, done))
		}
		if live {
			ended = append(ended, shortOf(key))
		}
		if over {
			done = append(done, key)
		}
		if len(done) == endChunk {
			if err := list.delist(ctx, m.vault.Store, done); err != nil {
				return ended, fmt.Errorf("ending sessions: %w", err)
			}
			done = done[:0]
		}
	}
	if err := list.delist(ctx, m.vault.Store, done); err != nil {
		return ended, fmt.Errorf("ending sessions: %w", err)
	}
	return ended, nil
}

// endOne ends a session that an index names. It reports whether it may have been live, and whether the index need not
// name it any more.
func (m *Manager) endOne(ctx context.Context, key Key, judge func(*Record) verdict) (live, over bool, err error) {
	s, err := m.load(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, true, nil
	}
	if err != nil {
		live, err = m.endUnread(ctx, key)
		return live, true, err
	}
	switch judge(s) {
	case foreign:
		return false, true, nil
	case stays:
		return false, false, nil
	}
	return s.Check(m.now(), m.limits) == nil, true, m.End(ctx, s)
}

// endUnread removes a record that could not be read. If the store is why, it says so again now.
func (m *Manager) endUnread(ctx context.Context, key Key) (was bool, err error) {
	_, err = m.vault.Store.Remove(ctx, key)
	m.changed(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ending session: %w", err)
	}
	m.cache.recents.add(recent{key: key, at: m.now()})
	return true, nil
}

func (m *Manager) delist(ctx context.Context, index Key, members []Key) error {
	if len(members) == 0 {
		return nil
	}
	return m.vault.Store.Delist(ctx, index, members...)
}
