package refresh_test

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// An attempt counts as unanswered until its answer is processed, on any replica, and only for this session and this
// token.
func TestAttempt(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, session.Tokens{Refresh: "one"})
	other, _ := w.create(t, session.Tokens{Refresh: "one"})
	until := s.Created.Add(time.Hour)
	note := func(s *session.Record, unanswered bool) {
		t.Helper()
		got, err := w.replica(t).NoteAttempt(t.Context(), s, until)
		if err != nil || got != unanswered {
			t.Errorf("unanswered %v, %v; want %v", got, err, unanswered)
		}
	}
	note(s, false)
	note(s, true)
	note(other, false)
	w.AttemptAnswered(t.Context(), s)
	note(s, false)
	fresh := *s
	fresh.GroupsAsOf = s.GroupsAsOf.Add(time.Minute)
	renewed, err := w.sessions.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "two"})
	want(t, "renew", err, nil)
	note(renewed, false)
}

// Field trial 1.5: a refusal is known to have been made before, by whatever replica, of the same token alone.
func TestNoteRefusal(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, session.Tokens{Refresh: "one"})
	until := s.Created.Add(time.Hour)
	note := func(s *session.Record, again bool) {
		t.Helper()
		got, err := w.replica(t).NoteRefusal(t.Context(), s, until)
		if err != nil || got != again {
			t.Errorf("again %v, %v; want %v", got, err, again)
		}
	}
	note(s, false)
	note(s, true)
	fresh := *s
	fresh.GroupsAsOf = s.GroupsAsOf.Add(time.Minute)
	renewed, err := w.sessions.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "two"})
	want(t, "renew", err, nil)
	note(renewed, false)
}
