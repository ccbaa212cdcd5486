package session_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// stamped is a counted store that also tells stamps, and counts those.
type stamped struct {
	*counted
	stamps atomic.Int64
}

func (s *stamped) Stamp(ctx context.Context, key session.Key) (session.Stamp, error) {
	s.stamps.Add(1)
	e, err := s.memStore.Get(ctx, key)
	if after := s.after.Load(); after != nil {
		(*after)()
	}
	return e.Stamp(), err
}

// asksFor holds how often f asks for a stamp, and how often for a whole record.
func (s *stamped) asksFor(t *testing.T, what string, stamps, gets int64, f func()) {
	t.Helper()
	beforeStamps, beforeGets := s.stamps.Load(), s.gets.Load()
	f()
	if stamped, got := s.stamps.Load()-beforeStamps, s.gets.Load()-beforeGets; stamped != stamps || got != gets {
		t.Errorf("%s: asked for %d stamps and %d records, want %d and %d", what, stamped, got, stamps, gets)
	}
}

func newStampedWorld(t testing.TB, c session.ManagerConfig) (*cachedWorld, *stamped) {
	t.Helper()
	w := &cachedWorld{world: newWorld(t)}
	w.asked = &counted{memStore: w.store}
	s := &stamped{counted: w.asked}
	w.Manager = w.stampedNode(t, s, c)
	return w, s
}

func (w *cachedWorld) stampedNode(t testing.TB, s *stamped, c session.ManagerConfig) *session.Manager {
	t.Helper()
	c.Store, c.Now, c.Keys = s, w.clock.Now, w.keys
	m := session.NewManager(c)
	t.Cleanup(m.Close)
	return m
}

// Strict mode asks at every request, and only for as much as shows whether the record is the same.
func TestStrictAsksForStamps(t *testing.T) {
	w, asked := newStampedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Persistent), session.Tokens{})
	other := w.stampedNode(t, asked, session.ManagerConfig{})
	asked.asksFor(t, "unchanged", 3, 0, func() {
		for range 3 {
			if got := w.loads(t, "load", token, nil); got.Session() != s.Session() {
				t.Error("what has not changed was read again")
			}
		}
	})
	asked.asksFor(t, "unknown here", 0, 1, func() {
		_, err := other.Load(t.Context(), token)
		want(t, "load", err, nil)
	})
	if _, err := other.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	asked.asksFor(t, "changed elsewhere", 1, 1, func() {
		if got := w.loads(t, "load", token, nil); got.Kind != session.Browser {
			t.Error("the change is not seen")
		}
	})
	want(t, "end elsewhere", other.End(t.Context(), s), nil)
	asked.asksFor(t, "ended elsewhere", 1, 0, func() { w.loads(t, "load", token, session.ErrNotFound) })
	asked.asksFor(t, "and known to be", 0, 1, func() { w.loads(t, "load", token, session.ErrNotFound) })
}

// With a bound, the question after it is for the stamp too.
func TestBoundAsksForStamps(t *testing.T) {
	w, asked := newStampedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	asked.asksFor(t, "within the bound", 0, 0, func() { w.loads(t, "load", token, nil) })
	w.clock.Advance(recheck)
	asked.asksFor(t, "at the bound", 1, 0, func() {
		for range 5 {
			w.loads(t, "load", token, nil)
		}
	})
}

// An answer about a stamp that was under way when the session ended keeps nothing alive.
func TestLateStampIsNotKept(t *testing.T) {
	w, asked := newStampedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(recheck)
	w.endsDuringAnswer(t, &asked.after, s, token)
}

// After a failover that lost a write, another record may have the same version. Its stamp differs.
func TestSameVersionOtherStamp(t *testing.T) {
	w, asked := newStampedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Persistent), session.Tokens{})
	lost, err := w.store.Store.Get(t.Context(), s.ID.Key())
	want(t, "get", err, nil)
	if _, err := w.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	other := w.stampedNode(t, asked, session.ManagerConfig{})
	_, err = w.store.Remove(t.Context(), s.ID.Key())
	want(t, "remove", err, nil)
	want(t, "create", w.store.Create(t.Context(), lost), nil)
	w.clock.Advance(1)
	used, err := other.Load(t.Context(), token)
	want(t, "load", err, nil)
	w.clock.Advance(48 * 3600e9)
	other.Touch(used, "")
	storetest.Until(t, "version 2 of the other record", func() bool {
		e, err := w.store.Store.Get(t.Context(), s.ID.Key())
		return err == nil && e.Version == 2
	})
	if got := w.loads(t, "load", token, nil); got.Kind != session.Persistent {
		t.Error("the record that was lost lives on")
	}
}

// An outage is noticed and borne by stamps as by records.
func TestOutageOfStamps(t *testing.T) {
	w, asked := newStampedWorld(t, session.ManagerConfig{OutageGrace: outageGrace})
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.loads(t, "before", token, nil)
	w.store.interrupt(func(context.Context, string, session.Key) error { return errDown })
	asked.asksFor(t, "the first", 1, 0, func() { w.loads(t, "in the outage", token, nil) })
	if state := w.Health().State; state != session.StoreCacheOnly {
		t.Errorf("the store is %s", state)
	}
	w.clock.Advance(outageGrace)
	w.loads(t, "after the grace", token, session.ErrUnavailable)
	w.store.interrupt(nil)
	w.loads(t, "after the outage", token, nil)
}
