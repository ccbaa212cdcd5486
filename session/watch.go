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
	shards [watchShards]watchShard
	all    atomic.Bool // all sessions may have changed
	wake   chan struct{}
	tell   atomic.Pointer[func(Key)] // see OnChange
}

const watchShards = 16

// watchShard is a part of the list.
type watchShard struct {
	mu     sync.Mutex
	open   map[digest]*Watch   // one of those of the session
	nudged map[digest]struct{} // sessions that may have changed
}

// Watch is the entry of one open stream in the list of all of them. It is part of its holder, so that a stream takes
// little memory. It must not be copied.
type Watch struct {
	holder        Holder // nil if it is not in the list
	before, after *Watch
	seen          atomic.Int64 // when it was last known to be valid, in nanoseconds since 1970: two managers may check at the same time
}

// Holder has something open for a session.
type Holder interface {
	Terms
	// Session is the session, which does not change.
	Session() ID
	// Over is called once when the session has ended or is no longer valid on the terms, unless Unwatch is called before.
	// From then on nothing more is written. What takes longer is left to rest, which is called soon, first where the client is not
	// cut off yet: of many whose sessions end at once, none waits until all is tidied up for others. Neither may block.
	Over(cause error) (cut bool, rest func())
}

// endings are what is left to do for streams that have ended.
type endings struct{ open, cut []func() }

func (e *endings) add(cut bool, rest func()) {
	if cut {
		e.cut = append(e.cut, rest)
		return
	}
	e.open = append(e.open, rest)
}

// finish does it.
func (e *endings) finish() {
	for _, rest := range append(e.open, e.cut...) {
		rest()
	}
	*e = endings{}
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
	asking     askedSessions
	idling     sync.Map // digest -> struct{}: a check of its idle time is in progress
	background sync.WaitGroup
}

func (all *watches) init() {
	all.wake = make(chan struct{}, 1)
	for i := range all.shards {
		all.shards[i].open, all.shards[i].nudged = map[digest]*Watch{}, map[digest]struct{}{}
	}
}

func (all *watches) shard(d digest) *watchShard { return &all.shards[d[0]%watchShards] }

// Watch tells the holder when a session has ended, for callers that keep something open longer than a request. It
// continues after the manager is closed if another manager has its cache. Unwatch ends the watch.
func (st *streams) Watch(w *Watch, holder Holder) {
	w.seen.Store(st.now().UnixNano())
	d := holder.Session().digest()
	s := st.watches.shard(d)
	s.mu.Lock()
	w.holder = holder
	if w.after = s.open[d]; w.after != nil {
		w.after.before = w
	}
	s.open[d] = w
	s.nudged[d] = struct{}{} // it may have ended between the look-up and this call
	s.mu.Unlock()
	st.watches.rouse()
}

// Unwatch ends the watch of a holder. It may still be told of an end that was noticed before.
func (st *streams) Unwatch(w *Watch, holder Holder) {
	d := holder.Session().digest()
	s := st.watches.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(d, w)
}

// remove reports whether the watch was in the list. The lock is held.
func (s *watchShard) remove(d digest, w *Watch) bool {
	if w.holder == nil {
		return false
	}
	if w.after != nil {
		w.after.before = w.before
	}
	switch {
	case w.before != nil:
		w.before.after = w.after
	case w.after != nil:
		s.open[d] = w.after
	default:
		delete(s.open, d)
	}
	w.before, w.after, w.holder = nil, nil, nil
	return true
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

// changed makes a session be checked soon if it has open streams.
func (all *watches) changed(d digest) {
	if tell := all.tell.Load(); tell != nil {
		(*tell)(d.key())
	}
	s := all.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.open[d]; open {
		s.nudged[d] = struct{}{}
		all.rouse()
	}
}

func (all *watches) doubted() {
	all.all.Store(true)
	all.rouse()
}

// run watches open streams until ctx ends.
func (st *streams) run(ctx context.Context) {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	var due []watched
	var ended endings
	for {
		everything := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			everything = true
		case <-st.watches.wake:
		}
		everything = st.watches.all.Swap(false) || everything
		for i := range st.watches.shards {
			due = st.watches.shards[i].due(due[:0], everything)
			if len(due) > 0 && !st.revocations.settled(st.revocations.list.view(), st.now()) {
				ended.finish()                           // which does not wait for the store
				_ = st.revocations.settle(ctx, st.now()) // else each session would find that they are not
			}
			for _, w := range due {
				st.look(ctx, w, &ended)
			}
		}
		ended.finish()
	}
}

// watched is a session with open streams.
type watched struct {
	digest digest
	id     ID
}

// due appends the sessions that are to be checked.
func (s *watchShard) due(list []watched, everything bool) []watched {
	s.mu.Lock()
	defer s.mu.Unlock()
	if everything {
		for d, w := range s.open {
			list = append(list, watched{d, w.holder.Session()})
		}
	} else {
		for d := range s.nudged {
			if w := s.open[d]; w != nil {
				list = append(list, watched{d, w.holder.Session()})
			}
		}
	}
	clear(s.nudged)
	return list
}

// look checks the streams of one session, as for a request. What the cache cannot answer is asked of the store beside the
// loop, so that one session does not wait for the other.
func (st *streams) look(ctx context.Context, w watched, ended *endings) {
	now := st.now()
	if known := st.entries.get(w.digest); known != nil && st.revocations.settled(st.revocations.list.view(), now) {
		switch {
		case st.revoked(&known.Session): // no later version of a session began later
			st.judge(ctx, w.digest, now, nil, ErrNotFound, ended)
			return
		case st.recheck > 0 && st.entries.fresh(known, now, st.recheck) && st.goesOn(&known.Session, now):
			st.judge(ctx, w.digest, now, &known.Session, nil, ended)
			return
		}
	}
	st.asking.add(w, func(work func()) { st.background.Go(work) }, func(w watched) {
		if ctx.Err() == nil {
			now := st.now()
			s, err := st.byID(ctx, w.id)
			var ended endings
			st.judge(ctx, w.digest, now, s, err, &ended)
			ended.finish()
		}
	})
}

// judge ends the streams of a session that do not go on, after a look-up that began at a time.
func (st *streams) judge(ctx context.Context, d digest, now time.Time, s *Session, err error, ended *endings) {
	type open struct {
		*Watch
		holder Holder
	}
	var few [4]open
	all := st.watches.shard(d)
	all.mu.Lock()
	list := few[:0]
	for w := all.open[d]; w != nil; w = w.after {
		list = append(list, open{w, w.holder})
	}
	all.mu.Unlock()
	for _, w := range list {
		over := err
		switch {
		case err == nil && !st.revocations.Admits(s, w.holder.App()):
			over = ErrNotFound
		case err == nil:
			w.seen.Store(now.UnixNano())
			st.lookIdle(ctx, d, s, w.holder)
			continue
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrExpired):
		case now.UnixNano()-w.seen.Load() < int64(max(st.grace, st.recheck, askTimeout)):
			continue // not an answer
		}
		all.mu.Lock()
		listed := all.remove(d, w.Watch)
		all.mu.Unlock()
		if listed {
			ended.add(w.holder.Over(over))
		}
	}
}

// maxAsking is how many sessions with open streams are looked up in the store at the same time.
const maxAsking = 16

// askedSessions are those sessions with open streams that the store is asked for, or will be.
type askedSessions struct {
	mu      sync.Mutex
	waiting []watched
	again   map[digest]bool // those waiting or under way; true if there was a reason to ask again since the question began
	workers int
}

// add makes ask be called with a session, in one of a few goroutines, which start begins.
func (q *askedSessions) add(w watched, start func(func()), ask func(watched)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, known := q.again[w.digest]; known {
		q.again[w.digest] = true
		return
	}
	if q.again == nil {
		q.again = map[digest]bool{}
	}
	q.again[w.digest] = false
	q.waiting = append(q.waiting, w)
	if q.workers < maxAsking {
		q.workers++
		start(func() { q.work(ask) })
	}
}

func (q *askedSessions) work(ask func(watched)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 {
		w := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.again[w.digest] = false
		q.mu.Unlock()
		ask(w)
		q.mu.Lock()
		if q.again[w.digest] {
			q.waiting = append(q.waiting, w)
		} else {
			delete(q.again, w.digest)
		}
	}
	if q.workers--; q.workers == 0 {
		q.waiting, q.again = nil, nil
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

// count returns how many sessions have open streams.
func (all *watches) count() (n int) {
	for i := range all.shards {
		all.shards[i].mu.Lock()
		n += len(all.shards[i].open)
		all.shards[i].mu.Unlock()
	}
	return n
}
