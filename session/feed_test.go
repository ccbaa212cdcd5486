package session_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// fed is a store with a feed, which can lose messages.
type fed struct {
	*counted
	session.LocalFeed
	deaf      atomic.Bool // loses what is said
	listening atomic.Int64
}

func (f *fed) Subscribe(ctx context.Context, on func(string), gap func()) error {
	return f.LocalFeed.Subscribe(ctx, on, func() { gap(); f.listening.Add(1) })
}

func (f *fed) Publish(ctx context.Context, message string) error {
	if f.deaf.Load() {
		return errDown
	}
	return f.LocalFeed.Publish(ctx, message)
}

// newFedWorld is a cached world of two nodes with a feed between them.
func newFedWorld(t *testing.T, c session.ManagerConfig) (w *cachedWorld, feed *fed, other *session.Manager) {
	t.Helper()
	w = newCachedWorld(t, cached())
	feed = &fed{counted: w.asked}
	c.Store, c.Now, c.Keys, c.Recheck, c.OutageGrace = feed, w.clock.Now, w.keys, recheck, outageGrace
	nodes := make([]*session.Manager, 2)
	for i := range nodes {
		nodes[i] = session.NewManager(c)
		t.Cleanup(nodes[i].Close)
		storetest.Until(t, "a node listens", func() bool { return feed.listening.Load() == int64(i+1) })
	}
	w.Manager, other = nodes[0], nodes[1]
	return w, feed, other
}

// A22: what one node ends or changes, the others ask for at the next request.
func TestFeedTellsOtherNodes(t *testing.T) {
	for name, act := range map[string]func(m *session.Manager, s *session.Record) error{
		"end":    func(m *session.Manager, s *session.Record) error { return m.End(t.Context(), s) },
		"end id": func(m *session.Manager, s *session.Record) error { return m.EndID(t.Context(), s.ID) },
		"end all": func(m *session.Manager, s *session.Record) error {
			_, err := m.EndAll(t.Context(), s.Identity)
			return err
		},
		"succeed": func(m *session.Manager, s *session.Record) error {
			_, _, err := m.Succeed(t.Context(), s, draft(ada, session.Browser), session.Tokens{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, other := newFedWorld(t, session.ManagerConfig{})
			s, token := w.create(t, draft(ada, session.Persistent), session.Tokens{})
			if _, err := other.LoadRecord(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			want(t, name, act(w.Manager, s), nil)
			_, err := other.LoadRecord(t.Context(), token)
			want(t, "the other node", err, session.ErrNotFound)
		})
	}
	w, _, other := newFedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Persistent), session.Tokens{})
	if _, err := other.LoadRecord(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	if got, err := other.LoadRecord(t.Context(), token); err != nil || got.Kind != session.Browser {
		t.Errorf("tightened elsewhere: %v, %v", got, err)
	}
}

// A message that is lost costs at most the bound, and is told of.
func TestFeedLost(t *testing.T) {
	var lost atomic.Int64
	w, feed, other := newFedWorld(t, session.ManagerConfig{OnFeedError: func(error) { lost.Add(1) }})
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	_, err := other.LoadRecord(t.Context(), token)
	want(t, "load", err, nil)
	feed.deaf.Store(true)
	want(t, "end", w.End(t.Context(), s), nil) // the store has it, which is what counts
	if lost.Load() == 0 {
		t.Error("nobody is told")
	}
	w.clock.Advance(recheck)
	_, err = other.LoadRecord(t.Context(), token)
	want(t, "at the bound", err, session.ErrNotFound)
}

// After a gap everything is asked for again, and nothing is lost that the store cannot be asked for just then.
func TestFeedGap(t *testing.T) {
	w, feed, _ := newFedWorld(t, session.ManagerConfig{})
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.asks(t, "before", 0, func() { w.loads(t, "load", token, nil) })
	// A message that cannot be parsed counts as a gap, from any sender: a newer version may know its meaning (A78).
	for _, message := range []string{"other news s:0123456789012345678901", "other changed nothing", "other", ""} {
		want(t, "publish", feed.Publish(t.Context(), message), nil)
		w.asks(t, "after "+message, 1, func() {
			w.loads(t, "load", token, nil)
			w.loads(t, "load again", token, nil)
		})
	}
	want(t, "publish", feed.Publish(t.Context(), ""), nil)
	w.store.interrupt(failOn("get"))
	w.loads(t, "a gap, then an outage", token, nil)
}

// A client that can publish can cause reads and nothing else: forged messages end no session.
func TestFeedForged(t *testing.T) {
	w, feed, _ := newFedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	want(t, "publish", feed.Publish(t.Context(), "forger changed "+string(s.ID.Key())), nil)
	w.asks(t, "after it", 1, func() { w.loads(t, "load", token, nil) })
	want(t, "publish", feed.Publish(t.Context(), "forger revoked"), nil)
	w.loads(t, "load", token, nil)
	if _, err := w.LoadRecord(t.Context(), session.NewToken()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}
