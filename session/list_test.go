package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

func (w *world) all(t *testing.T, limit int) (names map[string]bool, survey session.Survey) {
	t.Helper()
	names = make(map[string]bool)
	survey, err := w.All(t.Context(), limit, func(s *session.Record) bool {
		names[s.User] = true
		return true
	})
	want(t, "All", err, nil)
	if len(names) != survey.Seen {
		t.Fatalf("%d sessions, of which %d were counted", len(names), survey.Seen)
	}
	return names, survey
}

func TestAll(t *testing.T) {
	w := newWorld(t)
	made := make([]*session.Record, 300)
	for i := range made {
		draft := fullDraft()
		draft.User, draft.Identity.Subject = fmt.Sprintf("user-%d", i), fmt.Sprint(i)
		draft.Kind = session.Kind(i % 2) //nolint:gosec // browser, persistent, browser...
		made[i], _ = w.create(t, draft, session.Tokens{})
	}
	names, survey := w.all(t, 100_000)
	if len(names) != len(made) || survey.More || survey.Unreadable != 0 {
		t.Fatalf("%d sessions, %+v", len(names), survey)
	}
	if names, survey = w.all(t, 64); !survey.More || len(names) != 64 {
		t.Errorf("of 300 sessions 64 come to %d, %+v", len(names), survey)
	}

	want(t, "ending", w.End(t.Context(), made[0]), nil)
	want(t, "ending by id", w.EndID(t.Context(), made[1].ID), nil)
	_, err := w.EndAll(t.Context(), made[3].Identity)
	want(t, "ending a person's", err, nil)
	if names, _ = w.all(t, 100_000); len(names) != len(made)-3 {
		t.Errorf("%d sessions after three were ended", len(names))
	}
	w.clock.Advance(w.Limits().Browser.Idle)
	if names, _ = w.all(t, 100_000); len(names) != 148 {
		t.Errorf("%d sessions after the browser sessions have expired", len(names))
	}

	seen := 0
	survey, err = w.All(t.Context(), 100_000, func(*session.Record) bool { seen++; return seen < 5 })
	want(t, "All", err, nil)
	if seen != 5 || !survey.More {
		t.Errorf("%d sessions before it stopped, %+v", seen, survey)
	}
}

// A record that no key opens is counted, and the others are still seen; an outage is an error, never an empty list (A82).
func TestAllUnreadable(t *testing.T) {
	w := newWorld(t)
	w.create(t, fullDraft(), session.Tokens{})
	other := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'x')})
	survey, err := other.All(t.Context(), 100, func(*session.Record) bool { t.Error("read"); return true })
	want(t, "All", err, nil)
	if survey != (session.Survey{Unreadable: 1}) {
		t.Errorf("%+v", survey)
	}
	for _, op := range []string{"members", "get"} {
		w.store.interrupt(failOn(op))
		_, err := w.All(t.Context(), 100, func(*session.Record) bool { t.Error("read"); return true })
		want(t, op, err, session.ErrUnavailable)
	}
}

// A listing without a record is removed by the next caller that finds it, so that the list does not grow with idle
// sessions.
func TestAllDropsStale(t *testing.T) {
	w := newWorld(t)
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	_, err := w.store.Remove(t.Context(), s.ID.Key())
	want(t, "removing", err, nil)
	index := session.Places(ada, "", s.ID)[1]
	if len(w.members(t, index)) != 1 {
		t.Fatal("not listed")
	}
	w.all(t, 100)
	if left := w.members(t, index); len(left) != 0 {
		t.Errorf("still listed: %v", left)
	}
}

// The pages of the list are every session once, whatever comes, goes and is used between them.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := make([]*session.Record, 120)
	for i := range made {
		draft := fullDraft()
		draft.User, draft.Identity.Subject = fmt.Sprintf("user-%d", i), fmt.Sprint(i)
		made[i], _ = w.create(t, draft, session.Tokens{})
	}
	for _, how := range []struct {
		name         string
		look, accept int
	}{{"looking at seven", 7, 1000}, {"taking five", 1000, 5}, {"all at once", 1000, 1000}} {
		seen, cursor := map[string]int{}, ""
		for pages := 0; ; pages++ {
			taken := 0
			next, survey, err := w.Page(t.Context(), cursor, how.look, func(s *session.Record) bool {
				if taken == how.accept {
					return false
				}
				taken++
				seen[s.User]++
				return true
			})
			want(t, how.name, err, nil)
			if survey.Seen != taken || survey.More != (next != "") || next != "" && !session.IsCursor(next) {
				t.Fatalf("%s: %+v, %d taken, next %q", how.name, survey, taken, next)
			}
			if cursor = next; cursor == "" || pages > len(made) {
				break
			}
			extra, _ := w.create(t, fullDraft(), session.Tokens{})
			w.clock.Advance(time.Minute)
			want(t, "ending", w.End(t.Context(), extra), nil)
		}
		for _, s := range made {
			if seen[s.User] != 1 {
				t.Errorf("%s: %s was seen %d times", how.name, s.User, seen[s.User])
			}
		}
	}
	for _, text := range []string{"?", "Ashort", "A" + strings.Repeat("!", 22), "As:" + strings.Repeat("a", 22)} {
		if _, _, err := w.Page(t.Context(), text, 1, nil); err == nil || session.IsCursor(text) {
			t.Errorf("the cursor %q was taken", text)
		}
	}
}
