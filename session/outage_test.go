package session_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// No user is signed out because the store is unavailable: known sessions continue for a while, and others get an error
// that says nothing about a session.
func TestOutageGrace(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	stranger := w.replica(t, session.ManagerConfig{})
	_, unknown, err := stranger.Create(t.Context(), draft(grace, session.Browser), session.Tokens{})
	want(t, "create", err, nil)

	w.store.interrupt(failOn("get"))
	w.loads(t, "known, within the bound", token, nil)
	w.clock.Advance(outageGrace - 1)
	w.loads(t, "known, within the grace", token, nil)
	w.loads(t, "unknown", unknown, session.ErrUnavailable)
	w.clock.Advance(1)
	w.loads(t, "known, after the grace", token, session.ErrUnavailable)
	w.store.interrupt(nil)
	w.loads(t, "known, after the outage", token, nil)
	w.loads(t, "unknown, after the outage", unknown, nil)
}

func TestNoGrace(t *testing.T) {
	w := newCachedWorld(t, session.ManagerConfig{Recheck: recheck})
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.store.interrupt(failOn("get"))
	w.clock.Advance(recheck)
	w.loads(t, "known", token, session.ErrUnavailable)
}

// A store that answers "gone" is believed, whatever went before.
func TestGraceNeverRevives(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.store.interrupt(failOn("get", "remove"))
	w.clock.Advance(recheck)
	w.loads(t, "during the outage", token, nil)
	if err := w.End(t.Context(), s); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("ending during the outage: %v", err)
	}
	w.loads(t, "after an end that may have reached the store", token, session.ErrUnavailable)
	w.store.interrupt(nil)
	w.loads(t, "the end did not reach it", token, nil)
	want(t, "end", w.End(t.Context(), s), nil)
	w.store.interrupt(failOn("get"))
	w.loads(t, "ended, then an outage", token, session.ErrUnavailable)
}

// A77: a session that another replica ends while the store is asked about it does not go on, although the store then fails.
func TestGraceEndsWithWhatIsTold(t *testing.T) {
	w, _, other := newFedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.loads(t, "before", token, nil)
	w.clock.Advance(recheck)
	var asked atomic.Int64
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op == "get" && asked.Add(1) == 1 {
			return errDown
		}
		return nil
	})
	end := func() {
		w.asked.after.Store(nil)
		want(t, "end at the other replica", other.EndID(t.Context(), s.ID), nil)
	}
	w.asked.after.Store(&end)
	w.loads(t, "ended during the question", token, session.ErrUnavailable)
}

// While the store hangs nobody who is known waits for it, after one who found it out.
func TestOutageHoldsNobodyUp(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.store.interrupt(failOn("get"))
	w.clock.Advance(recheck)
	w.asks(t, "the first", 1, func() { w.loads(t, "load", token, nil) })
	hung, release := make(chan struct{}, 10), make(chan struct{})
	w.store.before = func(_ context.Context, op string, _ session.Key) error {
		if op != "get" {
			return nil
		}
		hung <- struct{}{}
		<-release
		return errDown
	}
	w.asks(t, "at once", 0, func() { w.loads(t, "load", token, nil) })
	w.clock.Advance(time.Second)
	for range 5 {
		w.loads(t, "while another question hangs", token, nil)
	}
	<-hung
	if n := len(hung); n > 0 {
		t.Errorf("%d more questions hang", n)
	}
	close(release)
}

// A process that has just started while the store hangs knows no revocations, so it accepts no session; but all
// requests wait for the same result, and not one after the other.
func TestOutageAtTheStartIsFoundOutOnce(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	m := w.replica(t, session.ManagerConfig{})
	var asked atomic.Int64
	release := make(chan struct{})
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op != "members" {
			return nil
		}
		asked.Add(1)
		<-release
		return errDown
	})
	const people = 10
	var all sync.WaitGroup
	for range people {
		all.Go(func() {
			_, err := m.LoadRecord(t.Context(), token)
			want(t, "load", err, session.ErrUnavailable)
		})
	}
	rest := func() (n int) { // of them, in line behind the one who asks
		stacks := make([]byte, 1<<20)
		for g := range bytes.SplitSeq(stacks[:runtime.Stack(stacks, true)], []byte("\n\n")) {
			if bytes.Contains(g, []byte("[sync.Mutex.Lock")) && bytes.Contains(g, []byte("(*revocations).settle(")) {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(10 * time.Second); rest() < people-1; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("not everybody waits")
		}
	}
	close(release)
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("%d questions to a store that hangs, one after the other", n)
	}
	w.store.interrupt(nil)
	_, err := m.LoadRecord(t.Context(), token)
	want(t, "when it answers", err, nil)
}

func TestOutageIsToldOnce(t *testing.T) {
	var mu sync.Mutex
	var told []error
	c := cached()
	c.OnOutage = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	}
	w := newCachedWorld(t, c)
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.store.interrupt(failOn("get"))
	for range 10 {
		w.loads(t, "unknown", session.NewToken(), session.ErrUnavailable)
	}
	w.store.interrupt(nil)
	w.clock.Advance(recheck)
	w.loads(t, "answered", token, nil)
	w.clock.Advance(recheck)
	w.loads(t, "answered again", token, nil)
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || !errors.Is(told[0], session.ErrUnavailable) || told[1] != nil {
		t.Errorf("told %v, want the outage and its end", told)
	}
}
