package pending_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

func hold(t *testing.T, m *pending.Keeper, who session.Identity, deadline time.Time) session.Token {
	t.Helper()
	held, err := m.Hold(t.Context(), pending.SignIn{Draft: draftOf(who), Deadline: deadline}, session.Tokens{})
	want(t, "hold", errors.Join(err, held.Unbounded), nil)
	return held.Token
}

// A25, K20: of one person a few sign-ins wait at a time. The oldest go first, each to one of the replicas that keep one.
func TestPendingOfOnePersonAreBounded(t *testing.T) {
	w := newWorld(t)
	other := w.replica(pending.Config{})
	theirs := hold(t, w.Keeper, grace, w.clock.Now().Add(time.Hour))
	var tokens []session.Token
	ended := 0
	for i := range 10 {
		w.clock.Advance(time.Second)
		held, err := []*pending.Keeper{w.Keeper, other}[i%2].Hold(t.Context(), pending.SignIn{Draft: draftOf(ada), Deadline: w.clock.Now().Add(time.Hour)}, session.Tokens{})
		want(t, "hold", errors.Join(err, held.Unbounded), nil)
		tokens = append(tokens, held.Token)
		ended += len(held.Surplus)
	}
	if ended != 5 {
		t.Errorf("%d were ended, want 5, each once", ended)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			held, err := []*pending.Keeper{w.Keeper, other}[i%2].Hold(context.Background(), pending.SignIn{Draft: draftOf(ada), Deadline: w.clock.Now().Add(2 * time.Hour)}, session.Tokens{})
			if err = errors.Join(err, held.Unbounded); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ended += len(held.Surplus)
		})
	}
	all.Wait()
	if ended != 13 {
		t.Errorf("%d were ended, want 13, each once", ended)
	}
	for _, token := range tokens {
		_, err := other.SignIn(t.Context(), token)
		want(t, "pending", err, session.ErrNotFound)
	}
	_, err := w.SignIn(t.Context(), theirs)
	want(t, "somebody else's", err, nil)
	// What was answered counts no more.
	last := hold(t, w.Keeper, ada, w.clock.Now().Add(3*time.Hour))
	_, _, err = w.answer(w.Keeper, last)
	want(t, "answer", err, nil)
	held, err := w.Hold(t.Context(), pending.SignIn{Draft: draftOf(ada), Deadline: w.clock.Now().Add(3 * time.Hour)}, session.Tokens{})
	if err != nil || len(held.Surplus) != 0 {
		t.Errorf("%d ended of five, %v", len(held.Surplus), err)
	}
}

// A25: in all as well, over replicas; an answer makes room, and sign-ins that have disappeared are noticed by the next
// count.
func TestPendingAreBoundedInAll(t *testing.T) {
	w := newWorld(t)
	bounded := pending.Config{Max: 20}
	one, two := w.replica(bounded), w.replica(bounded)
	deadline := w.clock.Now().Add(time.Hour)
	person := func(i int) session.Identity {
		return session.Identity{Issuer: ada.Issuer, Subject: string(rune('a' + i))}
	}
	var first session.Token
	for i := range 20 {
		first = hold(t, one, person(i), deadline)
	}
	for name, m := range map[string]*pending.Keeper{"one": one, "two": two} {
		_, err := m.Hold(t.Context(), pending.SignIn{Draft: draftOf(ada), Deadline: deadline}, session.Tokens{})
		want(t, name, err, pending.ErrFull)
	}
	_, err := one.Claim(t.Context(), first)
	want(t, "claim", err, nil)
	hold(t, one, ada, deadline)
	w.clock.Advance(2 * time.Hour)
	if _, err := two.Abandoned(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	hold(t, one, ada, w.clock.Now().Add(time.Hour))
	w.store.Interrupt(failOn("members"))
	w.clock.Advance(2 * time.Minute)
	_, err = one.Hold(t.Context(), pending.SignIn{Draft: draftOf(ada), Deadline: w.clock.Now().Add(time.Hour)}, session.Tokens{})
	want(t, "with the store away", err, session.ErrUnavailable)
	w.store.Interrupt(nil)
	hold(t, one, ada, w.clock.Now().Add(time.Hour))
}
