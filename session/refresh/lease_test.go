package refresh_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/refresh"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// An expired lease that another replica now has is not taken from it.
func TestLeaseIsGivenBackByItsOwner(t *testing.T) {
	w := newWorld(t)
	s, _ := w.create(t, session.Tokens{})
	done, err := w.Lease(t.Context(), s.ID)
	want(t, "lease", err, nil)
	// The store has lost it, as a failover may, and another replica has taken it.
	key := session.HashKey("l", string(s.ID[:]))
	if _, err := w.store.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	other := w.replica(t)
	_, err = other.Lease(t.Context(), s.ID)
	want(t, "the other's lease", err, nil)
	done(t.Context())
	_, err = w.Lease(t.Context(), s.ID)
	want(t, "while the other holds it", err, session.ErrConflict)
}

// How long a lease of renewal holds others up: as long as its owner renews it, however long the provider takes, and a
// quarter of a minute if it cannot be released.
func TestLeaseLastsAsLongAsItsOwner(t *testing.T) {
	const longest = 15 * time.Second
	for name, c := range map[string]struct {
		// goes is what becomes of the owner after a second.
		goes func(w *leased)
		// held and free are after how long another still may not, and then may.
		held, free time.Duration
	}{
		"gives it back":       {func(w *leased) { w.done(w.t.Context()) }, 0, time.Second},
		"is at it for long":   {func(*leased) {}, 2 * time.Minute, 0},
		"dies":                {func(w *leased) { w.die() }, longest - 1, longest},
		"dies after a while":  {func(w *leased) { <-time.After(21 * time.Second); w.die() }, 34 * time.Second, 36 * time.Second},
		"cannot at once":      {func(w *leased) { w.giveBackIn(2500 * time.Millisecond) }, 3500 * time.Millisecond, 6 * time.Second},
		"cannot give it back": {func(w *leased) { w.giveBackIn(13 * time.Second) }, longest - 1, longest},
		"misses a word":       {func(w *leased) { w.outage(6 * time.Second) }, time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				w := newLeased(t)
				<-time.After(time.Second)
				c.goes(w)
				w.store.Interrupt(nil)
				if c.held > 0 {
					<-time.After(time.Until(began.Add(c.held)))
					w.take(session.ErrConflict)
				}
				if c.free > 0 {
					<-time.After(time.Until(began.Add(c.free)))
					w.take(nil)
				}
			})
		})
	}
}

// An owner that was suspended until its lease went to another replica neither extends nor releases that one: the store
// restarts the versions, so that the lease looks like its own.
func TestLeaseOfWhoWasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLeased(t)
		w.stopped.Store(true)
		<-time.After(4 * time.Second)
		w.lose()
		<-time.After(2 * time.Second) // by then the owner has had a word to say
		w.done(t.Context())
		w.take(session.ErrConflict)
	})
}

// An expired lease is not released at all: between the check and the removal another replica may get it.
func TestLeaseThatHasPassedIsNotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLeased(t)
		w.stopped.Store(true)
		w.store.Interrupt(func(_ context.Context, op string, _ session.Key) error {
			if op == "remove" {
				w.store.Interrupt(nil)
				w.lose()
			}
			return nil
		})
		w.done(t.Context())
		w.store.Interrupt(nil)
		w.take(session.ErrConflict)
	})
}

// A store that hung without an answer may execute the command when it continues: a lease that its owner does not know
// about is released too.
func TestLeaseThatIsTakenTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLeased(t)
		w.done(t.Context())
		w.late.Store(true)
		w.take(session.ErrUnavailable)
		w.take(session.ErrConflict)
		<-time.After(2 * time.Second)
		w.take(nil)
	})
}

// leased is a session that one replica has leased for renewal, and another one may want to.
type leased struct {
	t       *testing.T
	store   *storetest.Interrupted
	id      session.ID
	other   *refresh.Coordinator
	done    func(context.Context)
	die     context.CancelFunc
	stopped atomic.Bool // the owner's process was, for a minute
	late    atomic.Bool // the next that is created is not heard of
}

// lateStore carries out what it has not answered.
type lateStore struct {
	*storetest.Interrupted
	late *atomic.Bool
}

func (s lateStore) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	err := s.Interrupted.Create(ctx, e, in...)
	if s.late.CompareAndSwap(true, false) {
		return session.ErrUnavailable
	}
	return err
}

func newLeased(t *testing.T) *leased {
	w := &leased{t: t, store: &storetest.Interrupted{Store: storetest.NewMemory(time.Now)}, id: session.NewToken().ID}
	replica := func(now func() time.Time) *refresh.Coordinator {
		r := refresh.New(lateStore{w.store, &w.late}, now)
		t.Cleanup(r.Close)
		return r
	}
	owner := replica(func() time.Time {
		if w.stopped.Load() {
			return time.Now().Add(time.Minute)
		}
		return time.Now()
	})
	w.other = replica(time.Now)
	var err error
	var ctx context.Context
	ctx, w.die = context.WithCancel(t.Context())
	w.done, err = owner.Lease(ctx, w.id)
	want(t, "lease", err, nil)
	return w
}

// take is the other replica's try.
func (w *leased) take(wanted error) {
	w.t.Helper()
	_, err := w.other.Lease(w.t.Context(), w.id)
	want(w.t, "another's lease", err, wanted)
}

// lose lets the lease pass in the store, and become the other replica's.
func (w *leased) lose() {
	w.t.Helper()
	if _, err := w.store.Remove(w.t.Context(), session.HashKey("l", string(w.id[:]))); err != nil {
		w.t.Fatal(err)
	}
	w.take(nil)
}

// giveBackIn lets the owner be done while the store is out, for so long.
func (w *leased) giveBackIn(d time.Duration) {
	w.store.Interrupt(failOn("get"))
	w.done(w.t.Context())
	<-time.After(d)
}

func (w *leased) outage(d time.Duration) {
	w.store.Interrupt(failOn("replace"))
	<-time.After(d)
}
