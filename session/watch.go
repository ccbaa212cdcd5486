package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// watchTick is how often sessions with open streams are checked, in addition to messages of the feed: it is the delay
// with which a passed limit is noticed.
const watchTick = 500 * time.Millisecond

// watches are the open streams, by session.
type watches struct {
	mu     sync.Mutex
	open   map[digest]map[*watch]struct{}
	nudged map[digest]struct{} // sessions that may have changed
	all    bool                // all sessions may have changed
	wake   chan struct{}
	tell   atomic.Pointer[func(Key)] // see OnChange
}

type watch struct {
	id     ID
	terms  Terms
	cancel func(error)
	seen   atomic.Int64 // when it was last known to be valid, in nanoseconds since 1970: two managers may check at the same time
}

// Terms are the conditions for a stream that stays open longer than a request, besides everything that ends its
// session. Implementations must be safe for concurrent use, and must not block.
type Terms interface {
	// App is the app for which the session must be valid.
	App() string
	// IdleLimit is the idle time after which the app ends a session; 0 if it does not. See Manager.EndIdle.
	IdleLimit(l *Session) time.Duration
	// EndedIdle is called once for a session that was ended in this way, on the terms of one of its streams.
	EndedIdle(s *Record, limit time.Duration)
}

// streams watches the open streams of sessions.
type streams struct {
	*loader
	watches    *watches
	uses       *lastUses
	idling     sync.Map // digest -> struct{}: a check of its idle time is in progress
	background sync.WaitGroup
}

// Watch calls cancel once when the session has ended or is no longer valid on the terms, for callers that keep
// something open longer than a request. It continues after the manager is closed if another manager has its cache. stop
// ends the watch.
func (st *streams) Watch(id ID, terms Terms, cancel func(error)) (stop func()) {
	d, w := id.digest(), &watch{id: id, terms: terms, cancel: cancel}
	w.seen.Store(st.now().UnixNano())
	all := st.watches
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.open[d] == nil {
		all.open[d] = map[*watch]struct{}{}
	}
	all.open[d][w] = struct{}{}
	all.nudge(d) // it may have ended between the look-up and this call
	return func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.remove(d, w)
	}
}

func (all *watches) remove(d digest, w *watch) {
	delete(all.open[d], w)
	if len(all.open[d]) == 0 {
		delete(all.open, d)
	}
}

// nudge makes a session be checked soon if it has open streams. The lock is held.
func (all *watches) nudge(d digest) {
	if _, ok := all.open[d]; !ok {
		return
	}
	all.nudged[d] = struct{}{}
	all.rouse()
}

func (all *watches) rouse() {
	select {
	case all.wake <- struct{}{}:
	default:
	}
}

// OnChange makes tell be called with the key of each session that has ended or that another replica has changed, as far as
// this process learns of it. The last call of all managers with this cache counts. tell must not block, and must not call
// the manager.
func (st *streams) OnChange(tell func(Key)) { st.watches.tell.Store(&tell) }

func (all *watches) changed(d digest) {
	if tell := all.tell.Load(); tell != nil {
		(*tell)(d.key())
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.nudge(d)
}

func (all *watches) doubted() {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.all = len(all.open) > 0; all.all {
		all.rouse()
	}
}

// run watches open streams until ctx ends.
func (st *streams) run(ctx context.Context) {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		everything := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			everything = true
		case <-st.watches.wake:
		}
		for d, list := range st.watches.due(everything) {
			st.look(ctx, d, list)
		}
	}
}

func (all *watches) due(everything bool) map[digest][]*watch {
	all.mu.Lock()
	defer all.mu.Unlock()
	if len(all.open) == 0 {
		return nil
	}
	due := map[digest][]*watch{}
	for d, open := range all.open {
		if _, nudged := all.nudged[d]; !nudged && !all.all && !everything {
			continue
		}
		for w := range open {
			due[d] = append(due[d], w)
		}
	}
	clear(all.nudged)
	all.all = false
	return due
}

// look checks the streams of one session, as for a request.
func (st *streams) look(ctx context.Context, d digest, list []*watch) {
	now := st.now()
	s, err := st.byID(ctx, list[0].id)
	for _, w := range list {
		over := err
		switch {
		case err == nil && !st.revocations.Admits(s, w.terms.App()):
			over = ErrNotFound
		case err == nil:
			w.seen.Store(now.UnixNano())
			st.lookIdle(ctx, d, s, w.terms)
			continue
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrExpired):
		case now.UnixNano()-w.seen.Load() < int64(max(st.grace, st.recheck, askTimeout)):
			continue // not an answer
		}
		all := st.watches
		all.mu.Lock()
		_, open := all.open[d][w]
		all.remove(d, w)
		all.mu.Unlock()
		if open {
			w.cancel(over)
		}
	}
}

// lookIdle ends a session that was idle for longer than the terms allow. Its streams are then closed as for any other
// end. It runs in its own goroutine, because it reads from the store and the loop over all streams cannot wait.
func (st *streams) lookIdle(ctx context.Context, d digest, s *Session, terms Terms) {
	if limit := terms.IdleLimit(s); limit <= 0 || st.now().Before(s.LastUsed().Add(limit)) {
		return
	}
	if k := st.entries.get(d); k != nil && st.lately(k, st.now()) {
		return // the store cannot be read and has just been tried
	}
	if _, busy := st.idling.LoadOrStore(d, struct{}{}); busy {
		return
	}
	st.background.Go(func() {
		defer st.idling.Delete(d)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		_ = st.holdIdle(ctx, s, terms) // if the session may still live, the next check tries again
	})
}

// holdIdle checks a session against the idle limit of the terms, and notifies them if it has ended the session.
func (st *streams) holdIdle(ctx context.Context, s *Session, terms Terms) error {
	limit := terms.IdleLimit(s)
	if limit <= 0 || st.now().Before(s.LastUsed().Add(limit)) {
		return nil
	}
	_, err := st.uses.EndIdle(ctx, s.ID, limit)
	if errors.Is(err, ErrEndedIdle) {
		if r, unread := s.Record(); unread == nil {
			terms.EndedIdle(r, limit)
		}
	}
	return err
}

// Still returns what Load would return for a session now, and also checks the terms. It returns ErrNotFound or
// ErrExpired if the session is not valid.
func (st *streams) Still(ctx context.Context, id ID, terms Terms) error {
	now, err := st.byID(ctx, id)
	switch {
	case err != nil:
		return err
	case !st.revocations.Admits(now, terms.App()):
		return ErrNotFound
	}
	return st.holdIdle(ctx, now, terms)
}

func (all *watches) count() int {
	all.mu.Lock()
	defer all.mu.Unlock()
	return len(all.open)
}
