package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// A77: marks for all sessions, a provider, a user and an app: each ends those it names, and the latest counts.
func TestRevokeBefore(t *testing.T) {
	for _, row := range []struct {
		what  string
		scope session.Scope
		ends  bool
		app   bool // ends it for the app alone
	}{
		{"everybody", session.Scope{}, true, false},
		{"its provider", session.Scope{Provider: fullDraft().Provider}, true, false},
		{"another provider", session.Scope{Provider: "other"}, false, false},
		{"its person", session.Scope{Person: ada}, true, false},
		{"another person", session.Scope{Person: grace}, false, false},
		{"the app", session.Scope{App: "wiki"}, false, true},
		{"another app", session.Scope{App: "admin"}, false, false},
	} {
		t.Run(row.what, func(t *testing.T) {
			w, _, other := newFedWorld(t, session.ManagerConfig{})
			s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
			if _, err := other.LoadRecord(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(time.Second)
			want(t, "an earlier mark", w.RevokeBefore(t.Context(), row.scope, w.clock.Now().Add(-time.Hour)), nil)
			w.loads(t, "began after it", token, nil)
			want(t, "a mark", w.RevokeBefore(t.Context(), row.scope, time.Time{}), nil)
			want(t, "an earlier one after it", w.RevokeBefore(t.Context(), row.scope, w.clock.Now().Add(-time.Hour)), nil)
			for name, m := range map[string]*session.Manager{"here": w.Manager, "there": other, "a new node": w.node(t, cached())} {
				_, err := m.LoadRecord(t.Context(), token)
				if row.ends {
					want(t, name, err, session.ErrNotFound)
					_, err = m.Reload(t.Context(), token)
					want(t, name+", by the store's word", err, session.ErrNotFound)
				} else {
					want(t, name, err, nil)
				}
				if m.Admits(s.Session(), "wiki") == row.app {
					t.Errorf("%s: good for the app: %v", name, !row.app)
				}
			}
			live, err := w.Of(t.Context(), ada)
			if err != nil || (len(live) == 0) != row.ends {
				t.Errorf("listed: %d, %v", len(live), err)
			}
			w.clock.Advance(time.Millisecond)
			again, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
			w.loads(t, "a sign-in after it", token, nil)
			if !w.Admits(again.Session(), "wiki") {
				t.Error("a sign-in after it is not good for the app")
			}
		})
	}
}

func TestRevokeBeforeIsRefused(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	if err := w.RevokeBefore(t.Context(), session.Scope{}, w.clock.Now().Add(time.Second)); err == nil {
		t.Error("nobody could sign in for a second")
	}
	if err := w.RevokeBefore(t.Context(), session.Scope{App: "wiki", Person: ada}, time.Time{}); err == nil {
		t.Error("a scope of two")
	}
	w.clock.Advance(time.Second)
	for _, op := range []string{"create", "enlist"} {
		w.store.interrupt(failOn(op))
		if err := w.RevokeBefore(t.Context(), session.Scope{}, time.Time{}); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%s fails: %v", op, err)
		}
	}
	w.store.interrupt(nil)
	w.loads(t, "after revocations that failed", token, nil)
}

// A mark that no message tells of is found within the bound, by a strict node within a second.
func TestMarksHardBound(t *testing.T) {
	for name, c := range map[string]session.ManagerConfig{"cached": cached(), "strict": {}} {
		w := newCachedWorld(t, c)
		other := w.node(t, c)
		_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
		_, err := other.LoadRecord(t.Context(), token)
		want(t, name, err, nil)
		w.clock.Advance(time.Millisecond)
		want(t, "revoke", w.RevokeBefore(t.Context(), session.Scope{}, time.Time{}), nil)
		w.clock.Advance(max(c.Recheck, time.Second))
		_, err = other.LoadRecord(t.Context(), token)
		want(t, name+", at the bound", err, session.ErrNotFound)
	}
}

// Who cannot be told to be not revoked is not let in, but for those who are known, for a while.
func TestMarksDuringOutage(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.store.interrupt(failOn("members"))
	_, err := w.node(t, cached()).LoadRecord(t.Context(), token)
	want(t, "before the marks were ever read", err, session.ErrUnavailable)
	w.store.interrupt(nil)
	w.loads(t, "load", token, nil)
	w.store.interrupt(failOn("members", "get"))
	w.clock.Advance(outageGrace - 1)
	w.loads(t, "within the grace", token, nil)
	w.clock.Advance(1)
	w.loads(t, "after it", token, session.ErrUnavailable)
}

func TestFind(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.create(t, draft(grace, session.Browser), session.Tokens{})
	got, err := w.Find(t.Context(), s.ID.Short())
	if err != nil || got.ID != s.ID {
		t.Errorf("found %v, %v", got, err)
	}
	for _, short := range []string{"", "0123456789", s.ID.Short()[:9], s.ID.Short() + "A", string(s.ID.Key())} {
		_, err := w.Find(t.Context(), short)
		want(t, short, err, session.ErrNotFound)
	}
	want(t, "end", w.End(t.Context(), s), nil)
	_, err = w.Find(t.Context(), s.ID.Short())
	want(t, "ended", err, session.ErrNotFound)
	w.store.interrupt(failOn("members"))
	_, err = w.Find(t.Context(), s.ID.Short())
	want(t, "with the store away", err, session.ErrUnavailable)
}
