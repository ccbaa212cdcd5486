package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Field trial 2.12: the sessions of one person are bounded. The oldest end, the new one stays, and so do those of others.
func TestEndSurplus(t *testing.T) {
	w := newWorld(t)
	var made []*session.Record
	var tokens []session.Token
	others := fullDraft()
	others.Identity = grace
	_, otherToken := w.create(t, others, someTokens())
	for i := range 8 {
		draft := fullDraft()
		if i%2 == 0 {
			draft.Kind = session.Browser // which is listed in front of those that live longer
		}
		s, token := w.create(t, draft, someTokens())
		made, tokens = append(made, s), append(tokens, token)
		w.clock.Advance(time.Minute)
	}
	surplus := func(most int) ([]*session.Record, error) {
		t.Helper()
		listed, err := session.ListedFor(t.Context(), w.store, ada)
		if err != nil {
			t.Fatal(err)
		}
		return w.EndSurplus(t.Context(), made[7], listed, most)
	}
	if ended, err := surplus(8); err != nil || len(ended) != 0 {
		t.Fatalf("of as many as there may be %d ended, %v", len(ended), err)
	}
	ended, err := surplus(5)
	if err != nil || len(ended) != 3 {
		t.Fatalf("%d ended, want three: %v", len(ended), err)
	}
	for i, token := range tokens {
		_, err := w.LoadRecord(t.Context(), token)
		switch {
		case i < 3:
			want(t, fmt.Sprintf("session %d", i), err, session.ErrNotFound)
			if ended[i].ID != made[i].ID {
				t.Errorf("the oldest end first: number %d did not", i)
			}
		case err != nil:
			t.Errorf("session %d: %v", i, err)
		}
	}
	if _, err := w.LoadRecord(t.Context(), otherToken); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
	// The new one stays, however small the number is.
	if ended, err := surplus(1); err != nil || len(ended) != 4 {
		t.Errorf("%d ended, %v", len(ended), err)
	}
	if _, err := w.LoadRecord(t.Context(), tokens[7]); err != nil {
		t.Errorf("the new one: %v", err)
	}
}

// A store that does not answer ends no session and is no empty list.
func TestEndSurplusOutage(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	last, err := w.CreateWith(t.Context(), fullDraft(), someTokens(), session.Together{})
	if err != nil || len(last.Listed) != 2 {
		t.Fatalf("%q, %v", last.Listed, err)
	}
	w.store.interrupt(func(context.Context, string, session.Key) error { return errDown })
	_, err = w.EndSurplus(t.Context(), s, last.Listed, 1)
	want(t, "ending", err, session.ErrUnavailable)
	w.store.interrupt(nil)
	if _, err := w.LoadRecord(t.Context(), token); err != nil {
		t.Error(err)
	}
}

// Field trial 2.12: where the time of the caller is too short for all sessions of a person, all of them are over all the
// same, on every replica, and the next try has less to do.
func TestEndAllOfMany(t *testing.T) {
	w := newWorld(t)
	var last session.Token
	const many = 600
	for range many {
		_, last = w.create(t, fullDraft(), someTokens())
	}
	other := w.replica(t, session.ManagerConfig{})
	w.clock.Advance(time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	removed := 0
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op == "remove" {
			if removed++; removed == 250 {
				cancel()
			}
		}
		return ctx.Err()
	})
	n, err := w.EndAll(ctx, ada)
	w.store.interrupt(nil)
	if err != nil || n != many {
		t.Fatalf("%d ended, %v", n, err)
	}
	for _, m := range []*session.Manager{w.Manager, other} {
		if _, err := m.LoadRecord(t.Context(), last); err == nil {
			t.Error("a session is alive whose record was not removed yet")
		}
	}
	listed, err := w.store.Members(t.Context(), session.PersonListing(ada, last.ID.Key(), time.Time{}).Index, time.Time{}, 2*many)
	if err != nil || len(listed) > many-200 || len(listed) < many-250 {
		t.Errorf("%d of %d are still listed, %v: what was ended is to be taken off as it goes", len(listed), many, err)
	}
	// A sign-in afterwards makes a session that lives.
	w.clock.Advance(time.Second)
	_, token := w.create(t, fullDraft(), someTokens())
	if _, err := w.LoadRecord(t.Context(), token); err != nil {
		t.Errorf("signing in again: %v", err)
	}
}
