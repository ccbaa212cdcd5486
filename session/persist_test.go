package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

func browserDraft() session.Record {
	draft := fullDraft()
	draft.Kind, draft.KindReason = session.Browser, "answered no"
	return draft
}

// A13, A42: what becomes persistent has a new id, a new secret and its tokens, and ends when it would have if it had been
// persistent from the start.
func TestPersist(t *testing.T) {
	w := newWorld(t)
	old, oldToken := w.create(t, browserDraft(), someTokens())
	w.clock.Advance(20 * time.Hour)
	s, token, err := w.Persist(t.Context(), oldToken, "answered yes")
	if err != nil {
		t.Fatal(err)
	}
	if s.ID == old.ID || token.Secret == oldToken.Secret || s.Kind != session.Persistent || s.KindReason != "answered yes" {
		t.Errorf("%+v", s)
	}
	if got, want := s.MaxEnd(w.Limits()), old.Created.Add(session.DefaultLimits.Persistent.Max); !got.Equal(want) || s.Limit != session.DefaultLimits.Persistent {
		t.Errorf("ends at the latest %v, want %v; limit %v", got, want, s.Limit)
	}
	_, err = w.LoadRecord(t.Context(), oldToken)
	want(t, "the old one", err, session.ErrNotFound)
	if tokens, err := w.Tokens(s, token); err != nil || tokens.Refresh != someTokens().Refresh {
		t.Errorf("tokens %v, %v", tokens, err)
	}
	w.clock.Advance(30 * day)
	if got, err := w.LoadRecord(t.Context(), token); err != nil || got.Kind != session.Persistent {
		t.Errorf("a month later: %+v, %v", got, err)
	}
	_, _, err = w.Persist(t.Context(), token, "again")
	want(t, "persistent already", err, session.ErrNotFound)
	_, err = w.LoadRecord(t.Context(), token)
	want(t, "which stays", err, nil)
}

// A session that has ended, is revoked, belongs to another user or cannot be read is not made persistent, and does not
// change.
func TestPersistErrors(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, browserDraft(), someTokens())
	wrong := token
	wrong.Secret[0]++
	_, _, err := w.Persist(t.Context(), wrong, "x")
	want(t, "another secret", err, keyring.ErrUnsealable)
	_, _, err = w.Persist(t.Context(), session.NewToken(), "x")
	want(t, "no session", err, session.ErrNotFound)
	for _, op := range []string{"get", "create", "remove"} {
		w.store.interrupt(failOn(op))
		_, _, err := w.Persist(t.Context(), token, "x")
		want(t, op, err, session.ErrUnavailable)
		w.store.interrupt(nil)
		_, err = w.LoadRecord(t.Context(), token)
		want(t, op+": the old one", err, nil)
	}
	// A session that no browser has received may remain if nothing could be removed.
	left, err := w.Own(t.Context(), ada, 10)
	want(t, "listing", err, nil)
	short := w.replica(t, session.ManagerConfig{Limits: session.Limits{Persistent: session.Limit{Max: time.Hour}}})
	w.clock.Advance(2 * time.Hour)
	_, _, err = short.Persist(t.Context(), token, "x")
	want(t, "older than a persistent one may be", err, session.ErrExpired)
	// Ended by another caller while it is made persistent: a revoked session does not continue under another ID.
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op == "create" {
			w.store.interrupt(nil)
			return w.End(t.Context(), s)
		}
		return nil
	})
	_, _, err = w.Persist(t.Context(), token, "x")
	want(t, "ended meanwhile", err, session.ErrNotFound)
	if own, err := w.Own(t.Context(), ada, 10); err != nil || len(own.Sessions) != len(left.Sessions)-1 {
		t.Errorf("it went on: %+v, %v", own, err)
	}
}

// Two clicks at once make one session.
func TestPersistTwice(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, browserDraft(), someTokens())
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = w.Persist(t.Context(), token, "x") })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, session.ErrNotFound) {
			t.Error(err)
		}
	}
	of, err := w.Of(t.Context(), ada)
	if err != nil || made != 1 || len(of) != 1 || of[0].Kind != session.Persistent {
		t.Errorf("%d made, %d there: %v", made, len(of), err)
	}
}
