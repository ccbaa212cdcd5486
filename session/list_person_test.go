package session_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

// A23: users see only their own sessions, and can name only those.
func TestOwn(t *testing.T) {
	w := newWorld(t)
	mine, _ := w.create(t, fullDraft(), someTokens())
	w.clock.Advance(time.Hour)
	other, _ := w.create(t, fullDraft(), session.Tokens{})
	draft := fullDraft()
	draft.Identity = grace
	theirs, _ := w.create(t, draft, session.Tokens{})
	w.forge(t, theirs.ID.Key()) // listed as Ada's, and not Ada's
	own, err := w.Own(t.Context(), ada, 10)
	if err != nil || len(own.Sessions) != 2 || own.More || own.Unreadable != 0 || own.Sessions[0].ID != other.ID {
		t.Errorf("%+v, %v", own, err)
	}
	if own, err := w.Own(t.Context(), ada, 1); err != nil || len(own.Sessions) != 1 || !own.More || own.Sessions[0].ID != other.ID {
		t.Errorf("one at most: %+v, %v", own, err)
	}
	if s, err := w.OwnNamed(t.Context(), ada, mine.ID.Short()); err != nil || s.ID != mine.ID {
		t.Errorf("%+v, %v", s, err)
	}
	for name, short := range map[string]string{
		"another's": theirs.ID.Short(), "nothing": "", "short": mine.ID.Short()[:5], "the key": string(mine.ID.Key()),
	} {
		_, err := w.OwnNamed(t.Context(), ada, short)
		want(t, name, err, session.ErrNotFound)
	}
	_, err = w.OwnNamed(t.Context(), grace, mine.ID.Short())
	want(t, "somebody else's", err, session.ErrNotFound)
	w.clock.Advance(90*day + time.Hour) // over, and its record still there to say whose it was
	_, err = w.OwnNamed(t.Context(), ada, mine.ID.Short())
	want(t, "over", err, session.ErrNotFound)
	w.clock.Advance(110 * day)
	if own, err := w.Own(t.Context(), ada, 10); err != nil || len(own.Sessions) != 0 {
		t.Errorf("when all are over: %+v, %v", own, err)
	}
}

// What cannot be read is counted and left out; a store that does not answer is an error.
func TestOwnUnreadable(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	foreign := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'x')})
	if _, _, err := foreign.Create(t.Context(), fullDraft(), session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	if own, err := w.Own(t.Context(), ada, 10); err != nil || len(own.Sessions) != 1 || own.Unreadable != 1 {
		t.Errorf("%+v, %v", own, err)
	}
	for _, op := range []string{"members", "get"} {
		w.store.interrupt(failOn(op))
		_, err := w.Own(t.Context(), ada, 10)
		want(t, op, err, session.ErrUnavailable)
		_, err = w.OwnNamed(t.Context(), ada, s.ID.Short())
		want(t, op+", by name", err, session.ErrUnavailable)
	}
	w.store.interrupt(failOn("members"))
	_, err := w.EndOthers(t.Context(), s)
	want(t, "ending, no list", err, session.ErrUnavailable)
	w.store.interrupt(failOn("remove"))
	_, err = w.EndOthers(t.Context(), s)
	want(t, "A82: ending", err, session.ErrUnavailable)
	w.store.interrupt(nil)
	if ended, err := w.EndOthers(t.Context(), s); err != nil || len(ended) != 1 {
		t.Errorf("ended %v, %v", ended, err)
	}
	if own, err := w.Own(t.Context(), ada, 10); err != nil || len(own.Sessions) != 1 || own.Unreadable != 0 {
		t.Errorf("afterwards: %+v, %v", own, err)
	}
	_, err = w.LoadRecord(t.Context(), token)
	want(t, "the one that is kept", err, nil)
}

// A45: all others end, on every replica, and no other user's; the kept one can still continue by a step-up.
func TestEndOthers(t *testing.T) {
	w := newWorld(t)
	keep, token := w.create(t, fullDraft(), someTokens())
	var others []session.Token
	for range 3 {
		_, other := w.create(t, fullDraft(), session.Tokens{})
		others = append(others, other)
	}
	draft := fullDraft()
	draft.Identity = grace
	theirs, theirToken := w.create(t, draft, session.Tokens{})
	w.forge(t, theirs.ID.Key())
	ended, err := w.EndOthers(t.Context(), keep)
	if err != nil || len(ended) != 3 {
		t.Errorf("ended %v, %v", ended, err)
	}
	for _, other := range others {
		_, err := w.LoadRecord(t.Context(), other)
		want(t, "another", err, session.ErrNotFound)
	}
	_, err = w.LoadRecord(t.Context(), theirToken)
	want(t, "somebody else's", err, nil)
	_, err = w.LoadRecord(t.Context(), token)
	want(t, "the one that is kept", err, nil)
	if _, _, err := w.Succeed(t.Context(), keep, fullDraft(), session.Tokens{}); err != nil {
		t.Errorf("a step-up afterwards: %v", err)
	}
}

// A session that goes on under another id while it is to end ends as well.
func TestEndOthersMeetsStepUp(t *testing.T) {
	w := newWorld(t)
	keep, _ := w.create(t, fullDraft(), session.Tokens{})
	other, _ := w.create(t, fullDraft(), session.Tokens{})
	var next session.Token
	var once atomic.Bool
	w.store.interrupt(func(_ context.Context, op string, key session.Key) error {
		if op != "get" || key != other.ID.Key() || once.Swap(true) {
			return nil
		}
		// The list has been read, the session itself not yet.
		_, token, err := w.Succeed(t.Context(), other, fullDraft(), session.Tokens{})
		next = token
		return err
	})
	if _, err := w.EndOthers(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
	if !once.Load() {
		t.Fatal("no step-up came between")
	}
	_, err := w.LoadRecord(t.Context(), next)
	want(t, "what it went on as", err, session.ErrNotFound)
}
