package session_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// lists names the ways in which a session can be found that does not present itself.
func (w *world) lists(t *testing.T, s *session.Record) (in []string) {
	t.Helper()
	of, err := w.Of(t.Context(), s.Identity)
	want(t, "listing a person's", err, nil)
	if len(of) > 0 {
		in = append(in, "Of")
	}
	if names, survey := w.all(t, 1000); len(names)+survey.Seen > 0 {
		in = append(in, "All")
	}
	_, survey, err := w.Page(t.Context(), "", 1000, func(*session.Record) bool { in = append(in, "Page"); return true })
	want(t, "listing by pages", err, nil)
	if survey.Seen+survey.Unreadable > 0 {
		in = append(in, "Page's count")
	}
	if _, err := w.Find(t.Context(), s.ID.Short()); !errors.Is(err, session.ErrNotFound) {
		in = append(in, "Find")
	}
	return in
}

// X4, X6, 70008: which limit has ended a session is told, and of all replicas that remove it exactly one did.
func TestExpiredOnce(t *testing.T) {
	for limit, used := range map[string]bool{session.ByIdleLimit: false, session.ByMaxLifetime: true} {
		t.Run(limit, func(t *testing.T) {
			w := newWorld(t)
			draft := fullDraft()
			draft.Kind = session.Browser
			s, token := w.create(t, draft, session.Tokens{})
			replicas := []*session.Manager{w.Manager, w.replica(t, session.ManagerConfig{}), w.replica(t, session.ManagerConfig{})}
			for end := s.MaxEnd(w.Limits()); used && w.clock.Now().Before(end); w.clock.Advance(12 * time.Hour) {
				m := w.replica(t, session.ManagerConfig{})
				now, err := m.LoadRecord(t.Context(), token)
				want(t, "in use", err, nil)
				m.Touch(now.Session(), "wiki")
				m.Close()
			}
			if !used {
				w.clock.Advance(session.DefaultLimits.Browser.Idle)
			}
			var first atomic.Int32
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					m := replicas[i%len(replicas)]
					_, err := m.LoadRecord(t.Context(), token)
					var over *session.Expired
					if !errors.As(err, &over) {
						if !errors.Is(err, session.ErrNotFound) {
							t.Errorf("loading: %v", err)
						}
						return
					}
					if over.Limit != limit || over.Record.Identity != ada || over.At.After(w.clock.Now()) {
						t.Errorf("ended by %s at %v", over.Limit, over.At)
					}
					mine, err := m.EndExpired(t.Context(), over)
					want(t, "removing", err, nil)
					if mine {
						first.Add(1)
					}
				})
			}
			all.Wait()
			if n := first.Load(); n != 1 {
				t.Errorf("%d have ended it", n)
			}
			_, err := w.LoadRecord(t.Context(), token)
			want(t, "afterwards", err, session.ErrNotFound)
		})
	}
}

// A record that is kept after its session's end is not a session: nothing revives it, and nothing counts it.
func TestExpiredStaysOver(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	s, token := w.create(t, fullDraft(), session.Tokens{})
	w.clock.Advance(session.DefaultLimits.Persistent.Idle)
	w.Touch(s.Session(), "wiki")
	_, err := w.Renew(ctx, s, token, session.Record{Identity: ada, GroupsAsOf: w.clock.Now()}, session.Tokens{})
	want(t, "renewing", err, session.ErrExpired)
	_, err = w.Tokens(s, token)
	want(t, "its tokens", err, nil)
	_, _, err = w.Succeed(ctx, s, fullDraft(), session.Tokens{})
	want(t, "succeeding", err, session.ErrExpired)
	w.Close() // which writes what is queued
	again := w.replica(t, session.ManagerConfig{Limits: session.Limits{Persistent: session.Limit{Idle: 365 * 24 * time.Hour, Max: 365 * 24 * time.Hour}}})
	_, err = again.LoadRecord(ctx, token)
	want(t, "after a touch, and with longer limits", err, session.ErrExpired)
	n, err := again.EndAll(ctx, ada)
	if err != nil || n != 0 {
		t.Errorf("ended %d live sessions, %v", n, err)
	}
	_, err = again.LoadRecord(ctx, token)
	want(t, "after all were ended", err, session.ErrNotFound)
}
