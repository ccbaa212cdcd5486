package session

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// watchTick is how often sessions with open streams are looked at, beside what the feed tells: how late a limit that
// has passed is noticed.
const watchTick = 500 * time.Millisecond

// watches are the streams that are open, by session.
type watches struct {
	mu     sync.Mutex
	open   map[digest]map[*watch]struct{}
	nudged map[digest]struct{} // something was said about it
	all    bool                // something was said about all of them
	wake   chan struct{}
}

type watch struct {
	id     ID
	terms  Terms
	cancel func(error)
	seen   atomic.Int64 // when it was last known to be good, in nanoseconds since 1970: two managers may look at a time
}

// Terms are what something that stays open for longer than a request is held to, beside all that ends its session
// wherever it is used. They must be safe for concurrent use, and not block.
type Terms interface {
	// App is the app that the session has to be good for.
	App() string
	// IdleLimit is after how long without use the app ends a session; 0 if it does not. See Manager.EndIdle.
	IdleLimit(l *Session) time.Duration
	// EndedIdle is told of a session that was ended so, by whichever of the things open for it was looked at: once.
	EndedIdle(s *Record, limit time.Duration)
}

// streams looks after what is open for sessions, for longer than a request.
type streams struct {
	*loader
	watches    *watches
	uses       *lastUses
	idling     sync.Map // digest -> struct{}: whether it is to end for want of use is being asked
	background sync.WaitGroup
}

// Watch calls cancel, once, when the session is over or no longer good on the terms: for whoever holds something open
// for it, longer than a request. It goes on when the manager is closed, if another has its cache. stop ends the watch.
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
	all.nudge(d) // it may have ended between the look-up and here
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

// nudge has a session looked at soon, if anything is open for it. The lock is held.
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

func (all *watches) changed(d digest) {
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

// run looks after open streams until ctx ends.
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

// look holds what is open for one session against what is known of it now, as for a request.
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

// lookIdle ends a session that nobody has used for as long as the terms allow. What is open for it is closed as it is when
// anybody ends it. That is done beside, because the store is asked, and whoever looks after all streams cannot wait for it.
func (st *streams) lookIdle(ctx context.Context, d digest, s *Session, terms Terms) {
	if limit := terms.IdleLimit(s); limit <= 0 || st.now().Before(s.LastUsed().Add(limit)) {
		return
	}
	if k := st.entries.get(d); k != nil && st.lately(k, st.now()) {
		return // it cannot be asked, and was a moment ago
	}
	if _, busy := st.idling.LoadOrStore(d, struct{}{}); busy {
		return
	}
	st.background.Go(func() {
		defer st.idling.Delete(d)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		_ = st.holdIdle(ctx, s, terms) // if it may still live, the next look tries again
	})
}

// holdIdle holds a session to the idle limit of the terms, and tells them if it has ended it.
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

// Still reports what Load would say of a session now, and whether it is still good on the terms: ErrNotFound or ErrExpired
// if not.
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
