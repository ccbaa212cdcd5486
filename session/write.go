package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// writer changes and removes records. Each write has these steps, in this order: the store answers, the cached copy is
// replaced or dropped, other replicas are notified. Writes that a failover may lose are remembered for replay.
type writer struct {
	*loader
	announcer *announcer
	writes    *recentWrites
}

// recentWrites are the acknowledged writes of this process that a failover of the store may lose: an ended session
// would live again, a used single-use refresh token would come back, or a bound
// session would lose its key. After every gap of the feed (a failover causes
// one) they are checked and repeated.
//
// Creations are not included: a missing record may have been ended by another replica, and is never restored. The zero
// value is ready to use.
type recentWrites struct {
	mu   sync.Mutex
	list []recentWrite
}

type recentWrite struct {
	key     Key
	at      time.Time
	renewed *Record // as it was written, by a renewal or a binding; nil if the session was ended
	note    bool    // what was written is the time from which the tokens of a user count again
}

const (
	// recentLife is how long a write is remembered: longer than a failover takes, from the last write that it may lose
	// to its end.
	recentLife = 2 * time.Minute
	// maxRecent is the largest number of remembered writes.
	maxRecent = 8192
)

func (r *recentWrites) add(w recentWrite) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := 0
	for old < len(r.list) && (w.at.Sub(r.list[old].at) > recentLife || len(r.list)-old >= maxRecent) {
		old++
	}
	r.list = append(r.list[old:], w)
}

// all returns the remembered writes, the last first, because a failover loses the last ones.
func (r *recentWrites) all(now time.Time) []recentWrite {
	r.mu.Lock()
	defer r.mu.Unlock()
	var young []recentWrite
	for _, w := range slices.Backward(r.list) {
		if now.Sub(w.at) <= recentLife {
			young = append(young, w)
		}
	}
	return young
}

// rewrite is update for changes that the next request of any replica must see.
func (w *writer) rewrite(ctx context.Context, id ID, change func(*Record) bool) (*Record, error) {
	s, err := w.update(ctx, id, change)
	if err == nil {
		w.announcer.tell(ctx, wordChanged, string(id.Key()))
	}
	return s, err
}

// updateTries is how often a write that conflicts with another version is tried.
const updateTries = 4

// update changes a record by compare-and-set. change reports whether there is something to write. It returns
// ErrExpired, and writes nothing, if the session has ended.
func (w *writer) update(ctx context.Context, id ID, change func(*Record) bool) (*Record, error) {
	d, key := id.digest(), id.Key()
	for try := 1; ; try++ {
		asked := w.entries.generation(d, w.now())
		s, err := w.load(ctx, key)
		if err != nil {
			return nil, err
		}
		if !change(s) {
			return s, nil
		}
		if err := s.Check(w.now(), w.limits); err != nil {
			return nil, err
		}
		var written sealedRecord
		plain, tail := s.encode()
		s.Version, written, err = w.vault.replace(ctx, key, plain, tail, s.Version, s.forgotten(w.limits))
		switch {
		case err == nil:
			w.entries.wrote(s.asEntry(written), asked)
			return s, nil
		case !errors.Is(err, ErrConflict) || try == updateTries:
			return nil, fmt.Errorf("writing session: %w", err)
		}
	}
}

// changed drops the cached copy of a record and notifies other replicas.
func (w *writer) changed(ctx context.Context, key Key) {
	d, ok := digestOf(key)
	if !ok { // not of a session
		w.announcer.TellTokens(ctx)
		return
	}
	w.entries.drop(d)
	w.announcer.tell(ctx, wordChanged, string(key))
}

// End ends a session: the record is deleted in the store, so every copy of the cookie becomes useless (K4, A22). A
// session that has already ended is not an error. ErrUnavailable means that it may still live.
func (w *writer) End(ctx context.Context, s *Record) error {
	err := w.end(ctx, s)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// end is End for callers that need to know who ended it: it returns ErrNotFound if another caller has.
func (w *writer) end(ctx context.Context, s *Record) error {
	_, err := w.vault.Store.Remove(ctx, s.ID.Key(), s.listings(time.Time{}, time.Time{})...)
	w.changed(ctx, s.ID.Key()) // for any result: the record may be gone
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending session: %w", err)
	}
	w.writes.add(recentWrite{key: s.ID.Key(), at: w.now()})
	return err
}

// EndID ends the session with an ID, as End does, without loading it first.
func (w *writer) EndID(ctx context.Context, id ID) error {
	s, err := w.load(ctx, id.Key())
	switch {
	case err == nil:
		return w.End(ctx, s)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	// If the record exists but cannot be read, its listings are unknown; they now refer to nothing.
	_, err = w.endUnread(ctx, id.Key())
	return err
}

// endUnread removes a record that could not be read. If the store was the reason, it now returns the same error.
func (w *writer) endUnread(ctx context.Context, key Key) (was bool, err error) {
	_, err = w.vault.Store.Remove(ctx, key)
	w.changed(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ending session: %w", err)
	}
	w.writes.add(recentWrite{key: key, at: w.now()})
	return true, nil
}

// EndExpired removes the record of a session that a limit has ended. first is true for exactly one of several calls, on
// any replica.
func (w *writer) EndExpired(ctx context.Context, e *Expired) (first bool, err error) {
	err = w.end(ctx, e.Record)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// RevokeToken removes the entry of a token that Latchkey has issued, and its listings. It returns ErrNotFound if another
// caller did so before.
func (w *writer) RevokeToken(ctx context.Context, key Key, from ...Listing) error {
	_, err := w.vault.Store.Remove(ctx, key, from...)
	w.announcer.TellTokens(ctx) // for any result: the entry may be gone
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("revoking token: %w", err)
	}
	w.writes.add(recentWrite{key: key, at: w.now()})
	return err
}
