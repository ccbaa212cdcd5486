package session_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

// ways are all ways in which an administrator or a provider ends sessions.
var ways = map[string]func(m *session.Manager, ctx context.Context) error{
	"end the person": func(m *session.Manager, ctx context.Context) error {
		_, err := m.EndAll(ctx, ada)
		return err
	},
	"end their session at the provider": func(m *session.Manager, ctx context.Context) error {
		_, err := m.EndByProvider(ctx, session.ProviderEnd{Issuer: ada.Issuer, ProviderSession: "sid-1", At: time.Unix(1, 0)})
		return err
	},
	"end the person at the provider": func(m *session.Manager, ctx context.Context) error {
		_, err := m.EndByProvider(ctx, session.ProviderEnd{Issuer: ada.Issuer, Subject: ada.Subject, At: time.Unix(1<<40, 0)})
		return err
	},
	"revoke all": func(m *session.Manager, ctx context.Context) error {
		return m.RevokeBefore(ctx, session.Scope{}, time.Time{})
	},
	"revoke the provider's": func(m *session.Manager, ctx context.Context) error {
		return m.RevokeBefore(ctx, session.Scope{Provider: "main"}, time.Time{})
	},
	"revoke the person's": func(m *session.Manager, ctx context.Context) error {
		return m.RevokeBefore(ctx, session.Scope{Person: ada}, time.Time{})
	},
}

func begun(at time.Time) session.Record {
	d := draft(ada, session.Browser)
	d.Provider, d.ProviderSession, d.Began = "main", "sid-1", at
	return d
}

// A81: a sign-in that began before everything of the person was ended becomes no session, also where it waits for its
// answer meanwhile and is answered on another replica; one that begins afterwards does.
func TestSignInUnderWayIsRevoked(t *testing.T) {
	for name, end := range ways {
		w := newCachedWorld(t, cached())
		other := w.node(t, cached())
		keeper := pending.New(pending.Config{Store: w.store, Keys: w.keys, Now: w.clock.Now})
		held, err := keeper.Hold(t.Context(), pending.SignIn{Draft: begun(w.clock.Now()), Deadline: w.clock.Now().Add(time.Hour)}, someTokens())
		want(t, name+": hold", err, nil)
		_, live := w.create(t, begun(w.clock.Now()), session.Tokens{})
		w.clock.Advance(time.Minute)
		want(t, name, end(w.Manager, t.Context()), nil)
		w.clock.Advance(cached().Recheck)
		a, err := keeper.Answer(t.Context(), held.Token)
		want(t, name+": claim", err, nil)
		_, err = other.CreateWith(t.Context(), a.Draft, a.Tokens, a.Session)
		want(t, name+": the answer", err, session.ErrRevoked)
		_, err = keeper.SignIn(t.Context(), held.Token)
		want(t, name+": what was answered", err, session.ErrNotFound)
		w.loads(t, name+": the session before", live, session.ErrNotFound)
		_, _, err = other.Create(t.Context(), begun(w.clock.Now()), session.Tokens{})
		want(t, name+": a new sign-in", err, nil)
		if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 1 {
			t.Errorf("%s: %d sessions listed, %v", name, len(listed), err)
		}
		// Ending one user's sessions does not affect another user's.
		d := draft(grace, session.Browser)
		d.Provider, d.ProviderSession, d.Began = "other", "sid-9", w.clock.Now().Add(-2*time.Minute)
		if _, _, err = other.Create(t.Context(), d, session.Tokens{}); name != "revoke all" {
			want(t, name+": somebody else", err, nil)
		}
	}
}

// A81: whenever it comes between the steps of Create, an end leaves nothing that can be used.
func TestEndRacesCreate(t *testing.T) {
	for name, end := range ways {
		for step := 1; ; step++ {
			w := newCachedWorld(t, cached())
			other := w.node(t, cached())
			want(t, name+": settled", func() error { _, err := w.Of(t.Context(), ada); return err }(), nil)
			calls, raced := new(atomic.Int64), new(atomic.Bool)
			d := begun(w.clock.Now())
			w.clock.Advance(time.Second)
			w.store.interrupt(func(ctx context.Context, _ string, _ session.Key) error {
				if calls.Add(1) == int64(step) && raced.CompareAndSwap(false, true) {
					w.store.interrupt(nil)
					return end(other, ctx)
				}
				return nil
			})
			_, token, err := w.Create(t.Context(), d, session.Tokens{})
			w.store.interrupt(nil)
			if !raced.Load() {
				if step < 5 {
					t.Errorf("%s: Create has %d steps only", name, step-1)
				}
				break
			}
			if err == nil {
				w.clock.Advance(cached().Recheck)
				w.loads(t, name, token, session.ErrNotFound)
			} else if !errors.Is(err, session.ErrRevoked) {
				t.Errorf("%s at step %d: %v", name, step, err)
			}
			if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 0 {
				t.Errorf("%s at step %d: %d sessions are left, %v", name, step, len(listed), err)
			}
		}
	}
}

// X21, A81: a session that was ended does not go on under another id because a step-up was under way.
func TestSucceedDoesNotRevive(t *testing.T) {
	for name, end := range map[string]func(w *cachedWorld, s *session.Record) error{
		"one session": func(w *cachedWorld, s *session.Record) error { return w.End(t.Context(), s) },
		"all":         func(w *cachedWorld, _ *session.Record) error { _, err := w.EndAll(t.Context(), ada); return err },
	} {
		w := newCachedWorld(t, cached())
		old, _ := w.create(t, begun(w.clock.Now()), session.Tokens{})
		w.clock.Advance(time.Second)
		want(t, name, end(w, old), nil)
		_, _, err := w.Succeed(t.Context(), old, begun(w.clock.Now()), session.Tokens{})
		if !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrRevoked) {
			t.Errorf("%s: %v", name, err)
		}
		if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 0 {
			t.Errorf("%s: %d sessions are left, %v", name, len(listed), err)
		}
	}
}

// A82: what cannot be noted is not done, and says so.
func TestEndAllWhileTheStoreIsDown(t *testing.T) {
	for _, op := range []string{"create", "members", "remove"} {
		w := newCachedWorld(t, cached())
		w.create(t, begun(w.clock.Now()), session.Tokens{})
		w.store.interrupt(failOn(op))
		if _, err := w.EndAll(t.Context(), ada); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%s fails: %v", op, err)
		}
	}
}

// An app's mark holds the sessions whose sign-in was under way, at that app alone.
func TestAppMarkAndSignInUnderWay(t *testing.T) {
	w := newCachedWorld(t, cached())
	d := begun(w.clock.Now())
	w.clock.Advance(time.Second)
	want(t, "revoke", w.RevokeBefore(t.Context(), session.Scope{App: "wiki"}, time.Time{}), nil)
	w.clock.Advance(time.Second)
	s, _ := w.create(t, d, session.Tokens{})
	if w.Admits(s.Session(), "wiki") || !w.Admits(s.Session(), "mail") {
		t.Error("the mark of an app is passed over, or holds at another")
	}
}
