package session_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// terms hold what is open at the wiki to an idle limit, and count how often a session was ended by it.
type terms struct {
	limit time.Duration
	told  atomic.Int64
}

func (*terms) App() string                                { return "wiki" }
func (t *terms) IdleLimit(*session.Session) time.Duration { return t.limit }
func (t *terms) EndedIdle(*session.Record, time.Duration) { t.told.Add(1) }

// What is open for a session is closed when it ends, wherever that happens, and when it expires.
func TestWatch(t *testing.T) {
	for name, act := range map[string]func(w *cachedWorld, other *session.Manager, s *session.Record) error{
		"ended here": func(w *cachedWorld, _ *session.Manager, s *session.Record) error { return w.End(t.Context(), s) },
		"ended there": func(_ *cachedWorld, other *session.Manager, s *session.Record) error {
			return other.End(t.Context(), s)
		},
		"revoked there": func(_ *cachedWorld, other *session.Manager, _ *session.Record) error {
			return other.RevokeBefore(t.Context(), session.Scope{}, time.Time{})
		},
		"app revoked": func(_ *cachedWorld, other *session.Manager, _ *session.Record) error {
			return other.RevokeBefore(t.Context(), session.Scope{App: "wiki"}, time.Time{})
		},
		"expired": func(w *cachedWorld, _ *session.Manager, _ *session.Record) error {
			w.clock.Advance(24 * time.Hour)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, other := newFedWorld(t, session.ManagerConfig{})
			s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
			w.clock.Advance(time.Second)
			closed, left := make(chan error, 10), make(chan error, 10)
			w.Hold(s.ID, &terms{}, func(err error) { closed <- err })
			w.Hold(s.ID, &terms{}, func(err error) { left <- err })()
			if len(closed) > 0 {
				t.Fatal("closed at once")
			}
			began := time.Now()
			want(t, name, act(w, other, s), nil)
			select {
			case err := <-closed:
				if !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrExpired) {
					t.Errorf("closed for %v", err)
				}
				t.Logf("closed after %v", time.Since(began))
			case <-time.After(time.Minute):
				t.Fatal("still open")
			}
			if len(left)+len(closed) > 0 {
				t.Error("closed twice, or closed what was over")
			}
		})
	}
}

// A store that is away closes nothing for as long as requests would pass.
func TestWatchOutlivesOutage(t *testing.T) {
	w, _, other := newFedWorld(t, session.ManagerConfig{})
	s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
	closed := make(chan error, 10)
	w.Hold(s.ID, &terms{}, func(err error) { closed <- err })
	w.store.interrupt(failOn("get", "members"))
	w.clock.Advance(recheck)
	w.loads(t, "a request", session.NewToken(), session.ErrUnavailable)
	want(t, "a gap", other.RevokeBefore(t.Context(), session.Scope{App: "other"}, time.Time{}), nil)
	if len(closed) > 0 {
		t.Errorf("closed for %v", <-closed)
	}
	w.clock.Advance(outageGrace)
	select {
	case err := <-closed:
		if !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("closed for %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("open for ever")
	}
}

// T2, T5, T18: an idle sign-out comes by the clock, also where nothing asks for anything any more: the session dies in the
// store, all that is open for it is closed, and exactly one entry says so. A use in time puts it off.
func TestWatchIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: recheck, OutageGrace: outageGrace})
		defer m.Close()
		s, token, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
		want(t, "creating", err, nil)
		hour, never := &terms{limit: time.Hour}, &terms{}
		closed := make(chan error, 10)
		for _, held := range []*terms{hour, hour, never} {
			m.Hold(s.ID, held, func(err error) { closed <- err })
		}
		<-time.After(30 * time.Minute)
		m.Touch(s.Session(), "wiki")
		<-time.After(time.Hour - time.Second)
		synctest.Wait()
		if len(closed) > 0 || hour.told.Load() > 0 {
			t.Fatalf("closed %d before the limit, told %d times", len(closed), hour.told.Load())
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if len(closed) != 3 || hour.told.Load()+never.told.Load() != 1 {
			t.Fatalf("closed %d of 3 at the limit, told %d times, want once", len(closed), hour.told.Load())
		}
		want(t, "closed for", <-closed, session.ErrNotFound)
		_, err = m.Reload(t.Context(), token)
		want(t, "in the store", err, session.ErrNotFound)
	})
}

// T6: what a copy says of the last use is not the last word: a use that another replica has written counts.
func TestWatchIdleUsedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, keys := newMemStore(nil), keyringtest.Ring(t, 'k')
		node := func() *session.Manager {
			m := session.NewManager(session.ManagerConfig{Store: store, Keys: keys, Recheck: 2 * time.Hour})
			t.Cleanup(m.Close)
			return m
		}
		here, there := node(), node()
		s, _, err := here.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
		want(t, "creating", err, nil)
		hour, closed := &terms{limit: time.Hour}, make(chan error, 10)
		here.Hold(s.ID, hour, func(err error) { closed <- err })
		<-time.After(30 * time.Minute)
		there.Touch(s.Session(), "wiki")
		<-time.After(40 * time.Minute)
		want(t, "an answer that goes on", here.Still(t.Context(), s.ID, hour), nil)
		synctest.Wait()
		if len(closed)+int(hour.told.Load()) > 0 {
			t.Error("closed although it is in use at the other replica")
		}
	})
}

// Promise 2: nothing is closed by what a copy says while the store cannot be asked; when it is back, the clock strikes.
func TestWatchIdleOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: recheck, OutageGrace: time.Hour})
		defer m.Close()
		s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
		want(t, "creating", err, nil)
		hour, closed := &terms{limit: time.Hour}, make(chan error, 10)
		m.Hold(s.ID, hour, func(err error) { closed <- err })
		<-time.After(59 * time.Minute)
		var asked atomic.Int64
		store.interrupt(func(ctx context.Context, op string, _ session.Key) error {
			if op == "get" || op == "remove" {
				asked.Add(1)
			}
			return failOn("get", "remove", "members")(ctx, op, "")
		})
		<-time.After(5 * time.Minute)
		synctest.Wait()
		if len(closed)+int(hour.told.Load()) > 0 {
			t.Error("closed while the store is away")
		}
		if n := asked.Load(); n > 400 {
			t.Errorf("asked %d times in five minutes: each look must not ask a store that is away", n)
		}
		store.interrupt(nil)
		<-time.After(5 * time.Second)
		synctest.Wait()
		if len(closed) != 1 || hour.told.Load() != 1 {
			t.Errorf("closed %d, told %d times, want once each", len(closed), hour.told.Load())
		}
	})
}

// A22: a store that is slow to end one session delays no other one, and gets one request at a time.
func TestWatchIdleSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: recheck})
		defer m.Close()
		s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
		want(t, "creating", err, nil)
		other, _, err := m.Create(t.Context(), session.Record{Identity: grace}, session.Tokens{})
		want(t, "creating another", err, nil)
		closed, others := make(chan error, 10), make(chan error, 10)
		m.Hold(s.ID, &terms{limit: time.Hour}, func(err error) { closed <- err })
		m.Hold(other.ID, &terms{}, func(err error) { others <- err })
		var slow, most atomic.Int64
		store.interrupt(func(_ context.Context, op string, key session.Key) error {
			if op == "remove" && key == s.ID.Key() {
				most.Store(max(most.Load(), slow.Add(1)))
				<-time.After(2500 * time.Millisecond)
				slow.Add(-1)
			}
			return nil
		})
		<-time.After(time.Hour + time.Second)
		want(t, "ending the other", m.End(t.Context(), other), nil)
		<-time.After(time.Second)
		synctest.Wait()
		if len(others) != 1 || len(closed) != 0 {
			t.Errorf("closed %d of the other person, %d of the first", len(others), len(closed))
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if len(closed) != 1 || most.Load() != 1 {
			t.Errorf("closed %d, asked %d times at once", len(closed), most.Load())
		}
	})
}

// A download is an answer that looks after itself: it meets the limit at its next look.
func TestStillIdle(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
	hour := &terms{limit: time.Hour}
	w.clock.Advance(time.Hour - time.Second)
	want(t, "before the limit", w.Still(t.Context(), s.ID, hour), nil)
	w.clock.Advance(time.Second)
	want(t, "without a limit", w.Still(t.Context(), s.ID, &terms{}), nil)
	want(t, "at the limit", w.Still(t.Context(), s.ID, hour), session.ErrEndedIdle)
	want(t, "after it", w.Still(t.Context(), s.ID, hour), session.ErrNotFound)
	if n := hour.told.Load(); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// A use that this replica has let pass and not yet written is a use.
func TestEndIdleDuringTouch(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(time.Hour)
	held, release := make(chan struct{}), make(chan struct{})
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op == "replace" {
			close(held)
			<-release
		}
		return nil
	})
	w.Touch(s.Session(), "wiki")
	<-held
	_, err := w.EndIdle(t.Context(), s.ID, time.Hour)
	close(release)
	want(t, "while the last use is being written", err, nil)
	// A limit of its own that has passed is not this call's doing.
	w.store.interrupt(nil)
	storetest.Until(t, "the use is written", func() bool {
		n, err := w.EndIdle(t.Context(), s.ID, 2*time.Hour)
		return err == nil && n.LastUsed().After(s.LastUsed)
	})
	w.clock.Advance(25 * time.Hour)
	_, err = w.EndIdle(t.Context(), s.ID, time.Hour)
	if !errors.Is(err, session.ErrExpired) || errors.Is(err, session.ErrEndedIdle) {
		t.Errorf("ended by its own limit: %v", err)
	}
}

// A22: a store that is slow to answer for one session delays no other one, and is asked for a few at a time.
func TestWatchSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all, slow = 100, session.MaxAsking - 1
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: recheck, OutageGrace: outageGrace})
		defer m.Close()
		hangs, closed := map[session.Key]bool{}, make(chan error, all)
		var now, most atomic.Int64
		for i := range all {
			s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
			want(t, "creating", err, nil)
			hangs[s.ID.Key()] = i < slow
			m.Hold(s.ID, &terms{}, func(err error) { closed <- err })
			_, err = store.Remove(t.Context(), s.ID.Key()) // as a replica whose message is lost
			want(t, "removing", err, nil)
		}
		store.interrupt(func(_ context.Context, op string, key session.Key) error {
			if op != "get" {
				return nil
			}
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if hangs[key] {
				<-time.After(2500 * time.Millisecond)
			}
			return nil
		})
		<-time.After(recheck + time.Second)
		synctest.Wait()
		if n := len(closed); n != all-slow {
			t.Errorf("closed %d of %d for which the store has answered", n, all-slow)
		}
		<-time.After(2 * recheck)
		synctest.Wait()
		if len(closed) != all || most.Load() > session.MaxAsking {
			t.Errorf("closed %d of %d, asked %d at once", len(closed), all, most.Load())
		}
	})
}
