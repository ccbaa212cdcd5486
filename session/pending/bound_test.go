package pending_test

import (
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

func hold(t *testing.T, m *pending.Keeper, who session.Identity, deadline time.Time) session.Token {
	t.Helper()
	token, err := m.Hold(t.Context(), pending.SignIn{Draft: draftOf(who), Deadline: deadline}, session.Tokens{})
	want(t, "hold", err, nil)
	return token
}

// A25, K20: of one person a few sign-ins wait at a time. The oldest go first, each to one of the replicas that look.
func TestPendingOfOnePersonAreBounded(t *testing.T) {
	w := newWorld(t)
	other := w.replica(pending.Config{})
	var tokens []session.Token
	for range 12 {
		w.clock.Advance(time.Second)
		tokens = append(tokens, hold(t, w.Keeper, ada, w.clock.Now().Add(time.Hour)))
	}
	theirs := hold(t, w.Keeper, grace, w.clock.Now().Add(time.Hour))
	var mu sync.Mutex
	var all sync.WaitGroup
	ended := 0
	for _, m := range []*pending.Keeper{w.Keeper, other, w.Keeper, other} {
		all.Go(func() {
			surplus, err := m.Surplus(t.Context(), ada)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ended += len(surplus)
		})
	}
	all.Wait()
	if ended != 7 {
		t.Errorf("%d were ended, want 7, each once", ended)
	}
	for i, token := range tokens {
		_, err := other.SignIn(t.Context(), token)
		want(t, "pending", err, map[bool]error{true: session.ErrNotFound, false: nil}[i < 7])
	}
	_, err := w.SignIn(t.Context(), theirs)
	want(t, "somebody else's", err, nil)
	// What was answered counts no more.
	_, _, err = w.Claim(t.Context(), tokens[11])
	want(t, "claim", err, nil)
	hold(t, w.Keeper, ada, w.clock.Now().Add(time.Hour))
	if surplus, err := w.Surplus(t.Context(), ada); err != nil || len(surplus) != 0 {
		t.Errorf("%d ended of five, %v", len(surplus), err)
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
	_, _, err := one.Claim(t.Context(), first)
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
