package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// writer changes and removes records. Each write goes by these steps, in this order: the store answers, what is known here is
// replaced or dropped, other replicas are told. What a failover may forget is remembered for replay.
type writer struct {
	*loader
	announcer *announcer
	writes    *recentWrites
}

// recentWrites are the writes of this process that a failover of the store may forget although it has acknowledged them: a
// session that was ended would live again, a refresh token that works once would be the old one again. After every gap
// of the feed, and a failover is one, they are looked for and written again.
//
// What has only begun is not among them: a record that is gone may have been ended by somebody else, and is never
// brought back. The zero value is ready.
type recentWrites struct {
	mu   sync.Mutex
	list []recentWrite
}

type recentWrite struct {
	key     Key
	at      time.Time
	renewed *Record // as it was written; nil if the session was ended
}

const (
	// recentLife is how long a write is remembered: longer than from the last write that a failover may forget to its end.
	recentLife = 2 * time.Minute
	// maxRecent bounds how many are.
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

// all are the writes that are remembered, the last first: that is what a failover forgets.
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

// rewrite is update for what the next request of any replica is to see.
func (w *writer) rewrite(ctx context.Context, id ID, change func(*Record) bool) (*Record, error) {
	s, err := w.update(ctx, id, change)
	if err == nil {
		w.announcer.tell(ctx, wordChanged, string(id.Key()))
	}
	return s, err
}

// updateTries bounds how often a write that met another version is tried again.
const updateTries = 4

// update changes a record by compare-and-set. change reports whether there is anything to write. ErrExpired, and nothing
// written, if the session would have ended already.
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

// changed forgets a record here and tells the others.
func (w *writer) changed(ctx context.Context, key Key) {
	if d, ok := digestOf(key); ok {
		w.entries.drop(d)
	}
	w.announcer.tell(ctx, wordChanged, string(key))
}

// End ends a session: the record dies in the store, and with it every copy of the cookie (K4, A22). Ending one that is
// gone already is no error; ErrUnavailable means that it may still live.
func (w *writer) End(ctx context.Context, s *Record) error {
	err := w.end(ctx, s)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// end is End where it matters who ended it: ErrNotFound if somebody else has.
func (w *writer) end(ctx context.Context, s *Record) error {
	_, err := w.vault.Store.Remove(ctx, s.ID.Key(), s.listings(time.Time{})...)
	w.changed(ctx, s.ID.Key()) // whatever the answer: the record may be gone
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending session: %w", err)
	}
	w.writes.add(recentWrite{key: s.ID.Key(), at: w.now()})
	return err
}

// EndID ends the session of an id, as End does, without having loaded it.
func (w *writer) EndID(ctx context.Context, id ID) error {
	s, err := w.load(ctx, id.Key())
	switch {
	case err == nil:
		return w.End(ctx, s)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	// If it is there but cannot be read, its listings are unknown; they point at nothing from here on.
	_, err = w.endUnread(ctx, id.Key())
	return err
}

// endUnread removes a record that could not be read. If the store is why, it says so again now.
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

// EndExpired removes the record of a session that its limits have ended, and reports whether this call did it: of several,
// whatever replica they are made on, exactly one does.
func (w *writer) EndExpired(ctx context.Context, e *Expired) (first bool, err error) {
	err = w.end(ctx, e.Record)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
