package pending_test

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
	"github.com/latchkey-gateway/latchkey/session/pending"
)

func (w *world) hold(t testing.TB, tokens session.Tokens) session.Token {
	t.Helper()
	return w.holdFor(t, ada, tokens)
}

// another is a user of whom no sign-in waits yet.
func another(n int) session.Identity {
	return session.Identity{Issuer: ada.Issuer, Subject: fmt.Sprint("another-", n)}
}

func (w *world) holdFor(t testing.TB, who session.Identity, tokens session.Tokens) session.Token {
	t.Helper()
	draft := fullDraft()
	draft.Identity = who
	held, err := w.Hold(t.Context(), pending.SignIn{Draft: draft, Note: []byte("/wiki"), Deadline: w.clock.Now().Add(10 * time.Minute)}, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return held.Token
}

// K3, A9: a pending sign-in is no session, and one answer makes one session.
func TestPending(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.hold(t, someTokens())
	_, err := w.sessions.Load(ctx, token)
	want(t, "loaded as a session", err, session.ErrNotFound)
	if own, err := w.sessions.Own(ctx, ada, 10); err != nil || len(own.Sessions)+own.Unreadable != 0 {
		t.Errorf("listed as a session: %+v, %v", own, err)
	}
	for range 2 { // looking does not end it
		p, err := w.SignIn(ctx, token)
		if err != nil || p.Draft.Identity != ada || string(p.Note) != "/wiki" || !p.Deadline.Equal(w.clock.Now().Add(10*time.Minute).Truncate(time.Millisecond)) {
			t.Errorf("%+v, %v", p, err)
		}
	}
	p, tokens, err := w.answer(w.Keeper, token)
	if err != nil || !reflect.DeepEqual(tokens, someTokens()) || string(p.Note) != "/wiki" {
		t.Errorf("%+v, %+v, %v", p, tokens, err)
	}
	if !reflect.DeepEqual(p.Draft, fullDraft()) {
		t.Errorf("the draft comes back as %+v", p.Draft)
	}
	_, err = w.Claim(ctx, token)
	want(t, "claimed twice", err, session.ErrNotFound)
	_, err = w.SignIn(ctx, token)
	want(t, "pending after the answer", err, session.ErrNotFound)
	// A13, A42, A75: nothing of what the browser held leads to the session.
	s, given := w.create(t, p.Draft, tokens)
	if given == token || s.ID == token.ID || given.Secret == token.Secret {
		t.Error("the session goes by the id of the pending sign-in")
	}
	_, err = w.sessions.Load(ctx, token)
	want(t, "the pending sign-in's token", err, session.ErrNotFound)
	_, err = w.SignIn(ctx, given)
	want(t, "a session as a pending sign-in", err, session.ErrNotFound)
}

// A8, K20: each abandoned sign-in is collected exactly once, by one of all callers, and no answered one is.
func TestAbandoned(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	var all []session.Token
	for i := range 40 {
		all = append(all, w.holdFor(t, another(i), someTokens()))
	}
	for _, token := range all[:10] {
		p, tokens, err := w.answer(w.Keeper, token)
		want(t, "answering", err, nil)
		if p.Draft.Identity.Issuer != ada.Issuer || tokens.Refresh != someTokens().Refresh {
			t.Errorf("answered: %+v", p.Draft.Identity)
		}
		_, _, err = w.answer(w.Keeper, token)
		want(t, "answering twice", err, session.ErrNotFound)
	}
	w.clock.Advance(10*time.Minute - time.Second)
	if early, err := w.Abandoned(ctx, 100); err != nil || len(early) != 0 {
		t.Errorf("before the deadline: %d, %v", len(early), err)
	}
	_, err := w.SignIn(ctx, all[10])
	want(t, "before the deadline", err, nil)
	w.clock.Advance(time.Second)
	_, err = w.SignIn(ctx, all[10])
	want(t, "at the deadline", err, session.ErrExpired)
	_, err = w.Answer(ctx, all[10]) // a late answer; the sign-in stays for the caller that logs it
	want(t, "answering at the deadline", err, session.ErrExpired)
	_, err = w.Claim(ctx, all[10])
	want(t, "at the deadline", err, nil)

	var found atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		m := w.replica(pending.Config{})
		wg.Go(func() {
			list, err := m.Abandoned(context.Background(), 100)
			if err != nil {
				t.Error(err)
			}
			for _, p := range list {
				if p.Draft.Identity.Issuer != ada.Issuer || string(p.Note) != "/wiki" {
					t.Errorf("%+v", p)
				}
			}
			found.Add(int64(len(list)))
		})
	}
	for _, token := range all[11:21] { // late answers at the same time
		wg.Go(func() {
			if _, err := w.Claim(context.Background(), token); err == nil {
				found.Add(1)
			}
		})
	}
	wg.Wait()
	if found.Load() != 29 {
		t.Errorf("%d of 29 collected", found.Load())
	}
	if again, err := w.Abandoned(ctx, 100); err != nil || len(again) != 0 {
		t.Errorf("again: %d, %v", len(again), err)
	}
}

// A25: one look takes a bounded number of each list, the rest waits for the next; what is never collected expires.
func TestAbandonedIsBounded(t *testing.T) {
	w := newWorld(t)
	const all, lists = 300, 72
	for i := range all {
		w.holdFor(t, another(i), session.Tokens{})
	}
	w.clock.Advance(time.Hour)
	total, looks := 0, 0
	for {
		list, err := w.Abandoned(t.Context(), 1)
		want(t, "collecting", err, nil)
		if len(list) == 0 {
			break
		}
		if len(list) > lists {
			t.Fatalf("%d in one look", len(list))
		}
		total, looks = total+len(list), looks+1
	}
	if total != all || looks < all/lists {
		t.Errorf("%d in %d looks", total, looks)
	}
	token := w.hold(t, session.Tokens{})
	w.clock.Advance(25 * time.Hour)
	_, err := w.SignIn(t.Context(), token)
	want(t, "a day after its deadline", err, session.ErrNotFound)
	if list, err := w.Abandoned(t.Context(), 100); err != nil || len(list) != 0 {
		t.Errorf("%d, %v", len(list), err)
	}
}

func TestPendingErrors(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	token := w.hold(t, someTokens())
	w.store.Interrupt(failOn("get", "remove"))
	_, err := w.SignIn(ctx, token)
	want(t, "Pending", err, session.ErrUnavailable)
	_, err = w.Claim(ctx, token)
	want(t, "Claim", err, session.ErrUnavailable)
	w.clock.Advance(time.Hour)
	list, err := w.Abandoned(ctx, 10)
	want(t, "Abandoned", err, session.ErrUnavailable)
	w.store.Interrupt(failOn("members"))
	_, err = w.Abandoned(ctx, 10)
	want(t, "Abandoned, no list", err, session.ErrUnavailable)
	for _, op := range []string{"enlist", "create"} {
		w.store.Interrupt(failOn(op))
		got, err := w.Hold(ctx, pending.SignIn{Draft: fullDraft(), Deadline: w.clock.Now().Add(time.Minute)}, someTokens())
		want(t, "Hold, "+op, err, session.ErrUnavailable)
		if got.Token != (session.Token{}) {
			t.Errorf("%s: a token all the same", op)
		}
	}
	w.store.Interrupt(nil)
	if list != nil {
		t.Errorf("collected %v", list)
	}
	if list, err := w.Abandoned(ctx, 10); err != nil || len(list) != 1 { // the outage has lost none
		t.Errorf("after the outage: %d, %v", len(list), err)
	}
	for name, p := range map[string]pending.SignIn{ // A47
		"nobody's":   {Draft: session.Record{}, Deadline: w.clock.Now().Add(time.Minute)},
		"too large":  {Draft: fullDraft(), Note: randomBytes(session.MaxValue), Deadline: w.clock.Now().Add(time.Minute)},
		"no end":     {Draft: fullDraft()},
		"other kind": {Draft: session.Record{Identity: ada, Kind: 9}, Deadline: w.clock.Now().Add(time.Minute)},
	} {
		if held, err := w.Hold(ctx, p, session.Tokens{}); err == nil || held.Token != (session.Token{}) {
			t.Errorf("%s is held", name)
		}
	}
	huge := session.Tokens{Refresh: fmt.Sprintf("%*d", 5*session.MaxValue, 1)}
	if _, err := w.Hold(ctx, pending.SignIn{Draft: fullDraft(), Deadline: w.clock.Now().Add(time.Minute)}, huge); err == nil {
		t.Error("tokens that cannot be read again are held")
	}
	// Under another ring nothing is told, and nothing is passed off as abandoned.
	token = w.hold(t, someTokens())
	foreign := w.replica(pending.Config{Keys: keyringtest.Ring(t, 'x')})
	_, err = foreign.SignIn(ctx, token)
	want(t, "another ring", err, keyring.ErrUnsealable)
	_, err = foreign.Claim(ctx, token) // K20: it stays for a replica that can open it, otherwise its log entry would be lost
	want(t, "claimed under another ring", err, keyring.ErrUnsealable)
	w.clock.Advance(time.Hour)
	list, err = foreign.Abandoned(ctx, 10)
	want(t, "another ring", err, keyring.ErrUnsealable)
	if len(list) != 0 {
		t.Errorf("collected what cannot be read: %v", list)
	}
	if list, err := w.Abandoned(ctx, 10); err != nil || len(list) != 1 {
		t.Errorf("own ring, after another has looked: %d, %v", len(list), err)
	}
}

// Tokens of a pending sign-in open with the secret of its cookie only.
func TestPendingTokensAreSealed(t *testing.T) {
	w := newWorld(t)
	token := w.hold(t, someTokens())
	a, err := w.Answer(t.Context(), session.Token{ID: token.ID, Secret: session.NewToken().Secret})
	want(t, "another secret", err, keyring.ErrUnsealable)
	if a.Tokens.Refresh != "" {
		t.Error("they open all the same")
	}
}
