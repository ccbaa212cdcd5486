package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

// Last use is written at most once per idle/50, between a minute and an hour, however often a session is used, and
// whether what is touched is read afresh or a copy that a cache keeps.
func TestTouchIsWrittenSeldom(t *testing.T) {
	for idle, every := range map[time.Duration]time.Duration{
		90 * day:         time.Hour,
		day:              28*time.Minute + 48*time.Second,
		time.Hour:        72 * time.Second,
		10 * time.Minute: time.Minute,
		time.Minute:      6 * time.Second,
	} {
		for _, cached := range []bool{true, false} {
			t.Run(fmt.Sprintf("idle %v, cached %v", idle, cached), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store := newMemStore(nil)
					m := session.NewManager(session.ManagerConfig{
						Store: store, Keys: keyringtest.Ring(t, 'k'), Limits: session.Limits{Browser: session.Limit{Idle: idle, Max: 1000 * day}},
						OnTouchError: func(err error) { t.Error(err) },
					})
					defer m.Close()
					s, token, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
					want(t, "creating", err, nil)
					const span, uses = 10, 500
					for range uses {
						<-time.After(span * every / uses)
						m.Touch(s.Session(), "")
						synctest.Wait()
						if !cached {
							s, err = m.LoadRecord(t.Context(), token)
							want(t, "loading", err, nil)
						}
					}
					if n := store.written() - 1; n != span {
						t.Errorf("%d uses in %v were written %d times", uses, span*every, n)
					}
					loaded, err := m.LoadRecord(t.Context(), token)
					if err != nil || time.Since(loaded.LastUsed) > every {
						t.Errorf("last use on record %v ago, %v", time.Since(loaded.LastUsed), err)
					}
				})
			})
		}
	}
}

// A13, X5: a session in use lives on, rolling, and not beyond its max lifetime.
func TestUseKeepsASessionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := session.Limit{Idle: 3 * time.Hour, Max: 21 * time.Hour}
		m := session.NewManager(session.ManagerConfig{Store: newMemStore(nil), Keys: keyringtest.Ring(t, 'k'), Limits: session.Limits{Browser: limit}})
		defer m.Close()
		_, token, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
		want(t, "creating", err, nil)
		begun := time.Now()
		for s, err := m.LoadRecord(t.Context(), token); err == nil; s, err = m.LoadRecord(t.Context(), token) {
			if !s.MaxEnd(m.Limits()).Equal(s.Created.Add(limit.Max)) || !s.Created.Equal(begun.Truncate(time.Millisecond)) {
				t.Fatal("use has moved the max end")
			}
			m.Touch(s.Session(), "wiki")
			synctest.Wait()
			<-time.After(limit.Idle - time.Minute)
		}
		if lived := time.Since(begun); lived < limit.Max || lived > limit.Max+limit.Idle {
			t.Errorf("lived for %v", lived)
		}
	})
}

// A81: a use that is under way when the session ends does not bring it back, wherever the write stands.
func TestTouchNeverRevives(t *testing.T) {
	for _, op := range []string{"get", "replace"} {
		w := newWorld(t)
		s, token := w.create(t, fullDraft(), session.Tokens{})
		w.clock.Advance(2 * time.Hour)
		m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { t.Errorf("reported: %v", err) }})
		w.store.before = func(ctx context.Context, at string, key session.Key) error {
			if at == op {
				_, _ = w.store.Store.Remove(ctx, key)
			}
			return nil
		}
		m.Touch(s.Session(), "wiki")
		m.Close()
		w.store.interrupt(nil)
		_, err := w.LoadRecord(t.Context(), token)
		want(t, "ended before "+op, err, session.ErrNotFound)
	}
}

func TestTouchRacesEnd(t *testing.T) {
	for range 30 {
		w := newWorld(t)
		s, token := w.create(t, fullDraft(), session.Tokens{})
		replicas := []*session.Manager{w.Manager, w.replica(t, session.ManagerConfig{}), w.replica(t, session.ManagerConfig{})}
		w.clock.Advance(2 * time.Hour)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() { replicas[i%3].Touch(s.Session(), fmt.Sprint("app", i)) })
		}
		wg.Go(func() { want(t, "ending", w.End(context.Background(), s), nil) })
		wg.Wait()
		for _, m := range replicas {
			m.Close()
		}
		_, err := w.LoadRecord(t.Context(), token)
		want(t, "ended", err, session.ErrNotFound)
		if left := w.members(t, adaIndex); len(left) != 0 {
			t.Errorf("listed again: %v", left)
		}
	}
}

// Replicas that touch at once lose no app and count every write.
func TestTouchOnReplicas(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	w.clock.Advance(2 * time.Hour)
	used := w.clock.Now().Truncate(time.Millisecond)
	var wg sync.WaitGroup
	for i := range 3 {
		m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { t.Error(err) }})
		wg.Go(func() { m.Touch(s.Session(), fmt.Sprint("app", i)); m.Close() })
	}
	wg.Wait()
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || len(loaded.Apps) != 3 || !loaded.LastUsed.Equal(used) || loaded.Version != 4 || loaded.ID != s.ID {
		t.Errorf("%+v, %v", loaded, err)
	}
}

func TestApps(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	touch := func(app string) []string {
		m := w.replica(t, session.ManagerConfig{})
		m.Touch(s.Session(), app)
		m.Close()
		loaded, err := w.LoadRecord(t.Context(), token)
		want(t, "loading", err, nil)
		if !loaded.LastUsed.Equal(s.LastUsed) {
			t.Error("last use is written before it is due")
		}
		return loaded.Apps
	}
	touch("wiki")
	touch("wiki") // s is an older copy
	if apps := touch(""); len(apps) != 1 || apps[0] != "wiki" {
		t.Errorf("%q", apps)
	}
	for i := range session.MaxApps + 5 {
		touch(fmt.Sprint("app", i))
	}
	if apps := touch("one more"); len(apps) != session.MaxApps {
		t.Errorf("%d apps are kept", len(apps))
	}
}

// The use of a session that is over is not written, new app or not.
func TestTouchAfterTheEnd(t *testing.T) {
	w := newWorld(t)
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	m := w.replica(t, session.ManagerConfig{
		Limits:       session.Limits{Persistent: session.Limit{Idle: time.Minute}},
		OnTouchError: func(err error) { t.Errorf("reported: %v", err) },
	})
	w.clock.Advance(2 * time.Minute)
	m.Touch(s.Session(), "wiki")
	m.Close()
	if w.store.written() != 1 {
		t.Error("written")
	}
	// It was in use before the end, but the write comes after it.
	w = newWorld(t)
	s, _ = w.create(t, fullDraft(), session.Tokens{})
	w.clock.Advance(2 * time.Hour)
	m = w.replica(t, session.ManagerConfig{
		Limits:       session.Limits{Persistent: session.Limit{Idle: 3 * time.Hour}},
		OnTouchError: func(err error) { t.Errorf("reported: %v", err) },
	})
	w.store.before = func(context.Context, string, session.Key) error {
		w.clock.Advance(4 * time.Hour)
		return nil
	}
	m.Touch(s.Session(), "wiki")
	m.Close()
	if w.store.written() != 1 {
		t.Error("written too late")
	}
}

func TestTouchErrors(t *testing.T) {
	for name, ops := range map[string]string{"reading": "get", "writing": "replace"} {
		w := newWorld(t)
		s, token := w.create(t, fullDraft(), session.Tokens{})
		w.clock.Advance(2 * time.Hour)
		var errs []error
		m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { errs = append(errs, err) }})
		w.store.interrupt(failOn(ops))
		m.Touch(s.Session(), "wiki")
		m.Close()
		if len(errs) != 1 || !errors.Is(errs[0], session.ErrUnavailable) {
			t.Errorf("%s: told of %v", name, errs)
		}
		w.store.interrupt(nil)
		_, err := w.LoadRecord(t.Context(), token)
		want(t, "after a failed write", err, nil)
		w.Touch(s.Session(), "wiki") // the next use tries again
		w.Close()
		if w.store.written() != 2 {
			t.Errorf("%s: not tried again", name)
		}
	}
	w := newWorld(t) // no callback is set, nothing breaks
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	w.store.interrupt(failOn("get"))
	w.Touch(s.Session(), "wiki")
	w.Close()
}

// Close writes what waits.
func TestCloseFlushes(t *testing.T) {
	w := newWorld(t)
	sessions := make(map[session.Token]*session.Record)
	for range 50 {
		s, token := w.create(t, fullDraft(), session.Tokens{})
		sessions[token] = s
	}
	w.clock.Advance(2 * time.Hour)
	started, release := make(chan struct{}, 1000), make(chan struct{})
	w.store.before = func(context.Context, string, session.Key) error {
		started <- struct{}{}
		<-release
		return nil
	}
	for _, s := range sessions {
		w.Touch(s.Session(), "wiki")
	}
	<-started
	closed := make(chan struct{})
	go func() { w.Close(); close(closed) }()
	close(release)
	<-closed
	w.store.interrupt(nil)
	for token, s := range sessions {
		loaded, err := w.LoadRecord(t.Context(), token)
		if err != nil || !loaded.LastUsed.After(s.LastUsed) {
			t.Fatalf("not written: %v, %v", loaded, err)
		}
	}
	w.Close() // twice is fine
	written := w.store.written()
	for _, s := range sessions {
		w.Touch(s.Session(), "admin")
	}
	if w.store.written() != written {
		t.Error("written after Close")
	}
}

// A store that hangs holds up neither the requests nor, for long, a reload; what was lost is told.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore(nil)
		store.before = func(ctx context.Context, _ string, _ session.Key) error {
			<-ctx.Done()
			return errors.Join(session.ErrUnavailable, ctx.Err())
		}
		var errs []error
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), OnTouchError: func(err error) { errs = append(errs, err) }})
		begun := time.Now()
		for range 100 {
			m.Touch(oldSession(), "wiki")
		}
		if time.Since(begun) != 0 {
			t.Errorf("Touch took %v", time.Since(begun))
		}
		synctest.Wait()
		m.Close()
		if took := time.Since(begun); took > 2*session.TouchTimeout {
			t.Errorf("Close took %v", took)
		}
		if len(errs) == 0 || !errors.Is(errs[len(errs)-1], session.ErrTouchClose) {
			t.Errorf("told of %v", errs)
		}
	})
}

// After Close nothing queues up for a goroutine that is gone.
func TestTouchAfterClose(t *testing.T) {
	w := newWorld(t)
	m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { t.Fatalf("told of %v", err) }})
	m.Close()
	for range session.TouchQueue + 1 {
		m.Touch(oldSession(), "wiki")
	}
}

func TestTouchRacesClose(t *testing.T) {
	for range 50 {
		w := newWorld(t)
		s, _ := w.create(t, fullDraft(), session.Tokens{})
		w.clock.Advance(2 * time.Hour)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { w.Touch(s.Session(), "wiki") })
			wg.Go(w.Close)
		}
		wg.Wait()
	}
}

// TestTouchForThePoliciesIdle: where a policy holds sessions to a short idle limit, last uses are written for it, though
// the session's own limit is long.
func TestTouchForThePoliciesIdle(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := &session.Record{LastUsed: at, Limit: session.DefaultLimits.Browser}
	now := session.DefaultLimits
	if s.TouchDue(at.Add(5*time.Minute), now) {
		t.Fatal("due after five minutes of a day")
	}
	now.Finest = 15 * time.Minute
	if !s.TouchDue(at.Add(time.Minute+30*time.Second), now) {
		t.Error("not due after a tenth of fifteen minutes")
	}
}

// TestFinestIsKept: what the configuration leaves out is filled in, and what it says stays.
func TestFinestIsKept(t *testing.T) {
	m := newWorld(t).replica(t, session.ManagerConfig{Limits: session.Limits{Finest: time.Minute}})
	want := session.DefaultLimits
	want.Finest = time.Minute
	if got := m.Limits(); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
}
