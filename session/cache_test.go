package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// counted counts the questions to a store, whatever the cache makes of them, and may answer late: after, if set, is
// called between the store's answer to a Get and the caller's receipt of it.
type counted struct {
	*memStore
	gets  atomic.Int64
	after atomic.Pointer[func()]
}

func (c *counted) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	c.gets.Add(1)
	e, err := c.memStore.Get(ctx, key)
	if after := c.after.Load(); after != nil {
		(*after)()
	}
	return e, err
}

// cachedWorld is a world whose manager asks again after five seconds and goes on for five minutes.
type cachedWorld struct {
	*world
	asked *counted
}

const (
	recheck     = 5 * time.Second
	outageGrace = 5 * time.Minute
)

func newCachedWorld(t testing.TB, c session.ManagerConfig) *cachedWorld {
	t.Helper()
	w := &cachedWorld{world: newWorld(t)}
	w.asked = &counted{memStore: w.store}
	w.Manager = w.node(t, c)
	return w
}

// node is another manager over the counted store, with a cache of its own.
func (w *cachedWorld) node(t testing.TB, c session.ManagerConfig) *session.Manager {
	t.Helper()
	c.Store, c.Now, c.Keys = w.asked, w.clock.Now, w.keys
	m := session.NewManager(c)
	t.Cleanup(m.Close)
	return m
}

func draft(who session.Identity, kind session.Kind) session.Record {
	d := fullDraft()
	d.Identity, d.Kind, d.Apps = who, kind, nil
	return d
}

func cached() session.ManagerConfig {
	return session.ManagerConfig{Recheck: recheck, OutageGrace: outageGrace}
}

// asks holds how many questions f costs the store.
func (w *cachedWorld) asks(t *testing.T, what string, n int64, f func()) {
	t.Helper()
	before := w.asked.gets.Load()
	f()
	if got := w.asked.gets.Load() - before; got != n {
		t.Errorf("%s: the store was asked %d times, want %d", what, got, n)
	}
}

func (w *cachedWorld) loads(t *testing.T, what string, token session.Token, wanted error) *session.Record {
	t.Helper()
	s, err := w.LoadRecord(t.Context(), token)
	want(t, what, err, wanted)
	return s
}

func TestCacheAsksOncePerBound(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.asks(t, "after creation", 0, func() { w.loads(t, "load", token, nil) })
	w.clock.Advance(recheck - 1)
	w.asks(t, "just within the bound", 0, func() { w.loads(t, "load", token, nil) })
	w.clock.Advance(1)
	w.asks(t, "at the bound", 1, func() {
		for range 10 {
			w.loads(t, "load", token, nil)
		}
	})
	w.clock.Advance(-time.Hour)
	w.asks(t, "with a clock that was set back", 1, func() { w.loads(t, "load", token, nil) })
}

func TestStrictAsksEveryTime(t *testing.T) {
	w := newCachedWorld(t, session.ManagerConfig{})
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.asks(t, "strict", 3, func() {
		for range 3 {
			if got := w.loads(t, "load", token, nil); got.Session() != s.Session() {
				t.Error("what has not changed was opened again")
			}
		}
	})
}

// A30: all requests share one session, which never changes.
func TestCacheSharesOneRecord(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	first := w.loads(t, "load", token, nil)
	w.clock.Advance(time.Minute)
	if again := w.loads(t, "load", token, nil); again.Session() != first.Session() {
		t.Error("an unchanged record was opened again")
	}
}

// A22: next request on this node.
func TestEndedIsGoneAtOnce(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.loads(t, "before", token, nil)
	want(t, "end", w.End(t.Context(), s), nil)
	w.loads(t, "after", token, session.ErrNotFound)
}

// A22: where no message arrives, another node's answer is at most as old as the bound.
func TestHardBoundWithoutFeed(t *testing.T) {
	w := newCachedWorld(t, cached())
	other := w.node(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	_, err := other.LoadRecord(t.Context(), token)
	want(t, "known to the other node", err, nil)
	want(t, "end", w.End(t.Context(), s), nil)
	w.clock.Advance(recheck)
	_, err = other.LoadRecord(t.Context(), token)
	want(t, "other node, at the bound", err, session.ErrNotFound)
}

func TestChangeIsSeenAtOnce(t *testing.T) {
	w := newCachedWorld(t, cached())
	d := draft(ada, session.Persistent)
	s, token := w.create(t, d, session.Tokens{})
	if _, err := w.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	w.asks(t, "after a write of our own", 0, func() {
		if got := w.loads(t, "load", token, nil); got.Kind != session.Browser || got.Version != 2 {
			t.Errorf("kind %v, version %d after tightening", got.Kind, got.Version)
		}
	})
}

// A caller that acts on another replica's write reads from the store.
func TestReloadAsks(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.loads(t, "load", token, nil)
	want(t, "ended elsewhere", w.node(t, cached()).End(t.Context(), s), nil)
	w.loads(t, "load", token, nil)
	_, err := w.Reload(t.Context(), token)
	want(t, "reload", err, session.ErrNotFound)
	w.loads(t, "load after it", token, session.ErrNotFound)
}

// A caller that has just read is content with that, unless the session was ended since then, as far as is known here.
func TestReloadSince(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	since := w.clock.Now()
	reload := func(wanted error) func() {
		return func() {
			_, err := w.ReloadSince(t.Context(), token, since)
			want(t, "reload", err, wanted)
		}
	}
	w.asks(t, "read at that time", 1, reload(nil))
	w.clock.Advance(time.Second)
	w.asks(t, "read before the time that passed", 1, reload(nil))
	w.clock.Advance(time.Second)
	w.asks(t, "read since", 0, reload(nil))
	since = w.clock.Now()
	want(t, "ended elsewhere", w.node(t, cached()).End(t.Context(), s), nil)
	w.clock.Advance(time.Second)
	w.asks(t, "ended elsewhere", 1, reload(session.ErrNotFound))
	w.asks(t, "not known any more", 1, reload(session.ErrNotFound))
}

func TestTouchIsTakenUp(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(time.Hour)
	w.Touch(s.Session(), "wiki")
	storetest.Until(t, "the use is written", func() bool {
		s, err := w.LoadRecord(t.Context(), token)
		return err == nil && s.LastUsed.Equal(w.clock.Now().Truncate(time.Millisecond)) && len(s.Apps) == 1
	})
	w.asks(t, "after the write", 0, func() { w.loads(t, "load", token, nil) })
}

// A copy that looks idle may be in use on another replica: the record decides.
func TestIdleCopyIsAskedFor(t *testing.T) {
	w := newCachedWorld(t, session.ManagerConfig{Recheck: 1000 * time.Hour, OutageGrace: 1000 * time.Hour})
	other := w.node(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(23 * time.Hour)
	other.Touch(s.Session(), "")
	storetest.Until(t, "the other node's write", func() bool {
		s, err := other.LoadRecord(t.Context(), token)
		return err == nil && s.LastUsed.Equal(w.clock.Now().Truncate(time.Millisecond))
	})
	w.clock.Advance(2 * time.Hour)
	w.loads(t, "used elsewhere", token, nil)

	w.clock.Advance(23 * time.Hour)
	w.store.interrupt(failOn("get"))
	w.loads(t, "idle for all that is known", token, session.ErrUnavailable)
	w.clock.Advance(7 * 24 * time.Hour)
	w.loads(t, "past its max lifetime", token, session.ErrExpired)
}

// A result that was in progress when the session ended is not kept, and later requests do not wait for it.
func TestLateAnswerIsNotKept(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(recheck)
	w.endsDuringAnswer(t, &w.asked.after, s, token)
}

// endsDuringAnswer ends a session while an answer of the store about it is under way, after which the store calls after.
func (w *cachedWorld) endsDuringAnswer(t *testing.T, after *atomic.Pointer[func()], s *session.Record, token session.Token) {
	t.Helper()
	reached, release := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	late := func() {
		if first.CompareAndSwap(false, true) {
			close(reached)
			<-release
		}
	}
	after.Store(&late)
	slow := make(chan error, 1)
	go func() { _, err := w.LoadRecord(context.Background(), token); slow <- err }()
	<-reached
	want(t, "end", w.End(t.Context(), s), nil)
	w.loads(t, "while the late answer is under way", token, session.ErrNotFound)
	close(release)
	want(t, "the request that was under way", <-slow, nil)
	w.loads(t, "after it", token, session.ErrNotFound)
}

func TestOneQuestionForAll(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(recheck)
	release := make(chan struct{})
	late := func() { <-release }
	w.asked.after.Store(&late)
	w.asks(t, "50 at once", 1, func() {
		var wg, started sync.WaitGroup
		for range 50 {
			started.Add(1)
			wg.Go(func() {
				started.Done()
				if _, err := w.LoadRecord(context.Background(), token); err != nil {
					t.Errorf("load: %v", err)
				}
			})
		}
		started.Wait()
		close(release)
		wg.Wait()
	})
}

// A client that goes away neither spoils the answer for others nor gets an error that reads like a sign-out.
func TestDisconnectSpoilsNothing(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(recheck)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := w.LoadRecord(gone, token); err != nil && !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("a client that left: %v", err)
	}
	w.loads(t, "the next", token, nil)
}

// After a failover that lost a write, another record may have the same version.
func TestSameVersionOtherRecord(t *testing.T) {
	w := newCachedWorld(t, cached())
	d := draft(ada, session.Persistent)
	s, token := w.create(t, d, session.Tokens{})
	lost, err := w.store.Store.Get(t.Context(), s.ID.Key())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	other := w.node(t, cached())
	if _, err := w.store.Remove(t.Context(), s.ID.Key()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Create(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	other.Touch(s.Session(), "")
	storetest.Until(t, "version 2 of the other record", func() bool {
		e, err := w.store.Store.Get(t.Context(), s.ID.Key())
		return err == nil && e.Version == 2
	})
	if got := w.loads(t, "load", token, nil); got.Kind != session.Persistent {
		t.Error("the record that was lost lives on")
	}
}

func TestCacheIsBounded(t *testing.T) {
	const entries = 4 * 64 // as many in each shard
	for _, row := range []struct {
		what string
		cfg  session.CacheConfig
		most int
	}{
		{"entries", session.CacheConfig{Entries: entries}, entries},
		{"bytes", session.CacheConfig{Bytes: entries * 900}, entries},
		{"next to nothing", session.CacheConfig{Bytes: 1}, 0},
	} {
		c := cached()
		c.Cache = session.NewCache(row.cfg)
		w := newCachedWorld(t, c)
		_, hot := w.create(t, draft(ada, session.Browser), session.Tokens{})
		for range 2 * entries {
			w.create(t, draft(ada, session.Browser), session.Tokens{})
			w.loads(t, row.what, hot, nil)
		}
		if n := c.Cache.Len(); n > row.most {
			t.Errorf("%s: %d in the cache, want at most %d", row.what, n, row.most)
		}
		if row.most > 0 {
			w.asks(t, row.what+": what is in use stays", 0, func() { w.loads(t, "load", hot, nil) })
		}
	}
}

// What a caller keeps beside a record goes with the record, and with the configuration it was made under.
func TestReady(t *testing.T) {
	c := cached()
	c.Cache = session.NewCache(session.CacheConfig{})
	w := newCachedWorld(t, c)
	d := draft(ada, session.Persistent)
	s, token := w.create(t, d, session.Tokens{})
	keep := func(s *session.Record, v any) { s.Session().KeepReady(&v) }
	keep(s, "made of version 1")
	if got := w.loads(t, "load", token, nil).Session().Ready(); got != "made of version 1" {
		t.Errorf("ready: %v", got)
	}
	if _, err := w.Tighten(t.Context(), s, "policy"); err != nil {
		t.Fatal(err)
	}
	s = w.loads(t, "load", token, nil)
	if got := s.Session().Ready(); got != nil {
		t.Errorf("ready after a change: %v", got)
	}
	keep(s, "of the old configuration")
	next := w.node(t, c)
	w.asks(t, "the next manager over the same cache", 0, func() {
		got, err := next.Load(t.Context(), token)
		want(t, "load", err, nil)
		if got.Ready() != nil {
			t.Errorf("ready after a reload: %v", got.Ready())
		}
	})
	if d.Session() != nil {
		t.Error("a draft passes for a session")
	}
}

func TestDigest(t *testing.T) {
	for range 100 {
		if id := session.NewToken().ID; !session.DigestIsKeys(id) {
			t.Fatalf("%s has another digest than its key", id.Key())
		}
	}
	for _, key := range []session.Key{"", "s:", "i:0123456789012345678901", "s:012345678901234567890!", "s:01234567890123456789012", "s:\n123456789012345678901"} {
		if session.DigestOf(key) {
			t.Errorf("%q is taken for a session's key", key)
		}
	}
}
