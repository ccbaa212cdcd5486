package session_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// A13, A42, A75: a step-up gives a new id and keeps the end.
func TestSucceed(t *testing.T) {
	w := newWorld(t)
	old, oldToken := w.create(t, fullDraft(), someTokens())
	w.clock.Advance(10 * day)
	draft := fullDraft()
	draft.ACR = "mfa"
	s, token, err := w.Succeed(t.Context(), old, draft, session.Tokens{Refresh: "new"})
	if err != nil {
		t.Fatal(err)
	}
	if s.ID == old.ID || token.Secret == oldToken.Secret || s.ACR != "mfa" || s.Kind != session.Persistent {
		t.Errorf("%+v", s)
	}
	if !s.MaxEnd(w.Limits()).Equal(old.MaxEnd(w.Limits())) || !s.Created.Equal(old.Created) || s.Limit != old.Limit {
		t.Errorf("ends at the latest %v, not %v", s.MaxEnd(w.Limits()), old.MaxEnd(w.Limits()))
	}
	if !s.LastUsed.Equal(w.clock.Now().Truncate(time.Millisecond)) {
		t.Errorf("last used %v", s.LastUsed)
	}
	_, err = w.LoadRecord(t.Context(), oldToken)
	want(t, "the old one", err, session.ErrNotFound)
	firstRecord(t, s)
	if loaded, err := w.LoadRecord(t.Context(), token); err != nil || !reflect.DeepEqual(loaded, s) {
		t.Errorf("%+v, %v", loaded, err)
	}
	if tokens, err := w.Tokens(s, token); err != nil || tokens.Refresh != "new" {
		t.Errorf("%v, %v", tokens, err)
	}
	if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 1 || listed[0].ID != s.ID {
		t.Errorf("%v, %v", listed, err)
	}
}

// A16, A74, X23: a step-up loosens nothing, neither by a configuration that has grown since nor by its own draft.
func TestSucceedLoosensNothing(t *testing.T) {
	w := newWorld(t)
	generous := w.replica(t, session.ManagerConfig{Limits: session.Limits{
		Browser: session.Limit{Idle: 300 * day, Max: 300 * day}, Persistent: session.Limit{Idle: 300 * day, Max: 300 * day},
	}})
	browser := fullDraft()
	browser.Kind, browser.KindReason = session.Browser, "answered no"
	for name, tt := range map[string]struct {
		old, draft session.Record
		kind       session.Kind
		reason     string
		limit      session.Limit
	}{
		"browser":                     {browser, browser, session.Browser, "answered no", session.DefaultLimits.Browser},
		"persistent":                  {fullDraft(), fullDraft(), session.Persistent, "answered yes", session.DefaultLimits.Persistent},
		"browser to persistent":       {browser, fullDraft(), session.Browser, "answered no", session.DefaultLimits.Browser},
		"persistent to browser (X16)": {fullDraft(), browser, session.Browser, "answered no", session.DefaultLimits.Persistent},
	} {
		old, _ := w.create(t, tt.old, session.Tokens{})
		s, _, err := generous.Succeed(t.Context(), old, tt.draft, session.Tokens{})
		if err != nil || s.Kind != tt.kind || s.KindReason != tt.reason || s.Limit != tt.limit {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		strict, _, err := w.Succeed(t.Context(), s, tt.draft, session.Tokens{})
		if err != nil || strict.MaxEnd(w.Limits()).After(s.MaxEnd(w.Limits())) {
			t.Errorf("%s, again: %+v, %v", name, strict, err)
		}
	}
}

// No user is signed out by accident: the old session ends only when the new one exists.
func TestSucceedErrors(t *testing.T) {
	for _, op := range []string{"create", "enlist", "remove"} {
		w := newWorld(t)
		old, oldToken := w.create(t, fullDraft(), someTokens())
		w.store.interrupt(failOn(op))
		s, token, err := w.Succeed(t.Context(), old, fullDraft(), someTokens())
		want(t, op, err, session.ErrUnavailable)
		if s != nil || token != (session.Token{}) {
			t.Errorf("%s: %+v", op, s)
		}
		w.store.interrupt(nil)
		_, err = w.LoadRecord(t.Context(), oldToken)
		want(t, op+": the old one", err, nil)
	}
	w := newWorld(t)
	old, oldToken := w.create(t, fullDraft(), someTokens())
	other := fullDraft()
	other.Identity = grace
	if s, _, err := w.Succeed(t.Context(), old, other, session.Tokens{}); err == nil {
		t.Errorf("A75: goes on as another person's: %+v", s)
	}
	w.clock.Advance(20 * day)
	browser := fullDraft()
	browser.Kind = session.Browser
	_, _, err := w.Succeed(t.Context(), old, browser, session.Tokens{})
	want(t, "older than the new kind may be", err, session.ErrExpired)
	_, err = w.LoadRecord(t.Context(), oldToken)
	want(t, "the old one", err, nil)
	w.clock.Advance(180 * day)
	_, _, err = w.Succeed(t.Context(), old, fullDraft(), session.Tokens{})
	want(t, "over", err, session.ErrExpired)
}
