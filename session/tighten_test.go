package session_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

const reason = "stay signed in was switched off"

// X16, A74: a persistent session becomes a browser session where it stands: same id, same secret, same start.
func TestTighten(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	w.clock.Advance(time.Hour)
	tight, err := w.Tighten(t.Context(), s, reason)
	if err != nil {
		t.Fatal(err)
	}
	if tight.ID != s.ID || tight.Kind != session.Browser || tight.KindReason != reason || tight.Limit != session.DefaultLimits.Browser ||
		!tight.Created.Equal(s.Created) || !tight.LastUsed.Equal(s.LastUsed) || tight.Version != 2 {
		t.Errorf("%+v", tight)
	}
	if s.Kind != session.Persistent || s.Limit != session.DefaultLimits.Persistent {
		t.Error("the session that others may be reading was changed") // A30
	}
	if tight.Ends(w.Limits()).After(s.Ends(w.Limits())) || !tight.MaxEnd(w.Limits()).Equal(s.Created.Add(7*day)) {
		t.Errorf("ends %v, at the latest %v", tight.Ends(w.Limits()), tight.MaxEnd(w.Limits()))
	}
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || loaded.Kind != session.Browser || loaded.Version != 2 || loaded.Email != s.Email {
		t.Errorf("%+v, %v", loaded, err)
	}
	if tokens, err := w.Tokens(loaded, token); err != nil || tokens.Refresh != canary {
		t.Errorf("tokens: %v", err)
	}
	// Again: nothing to change, nothing written.
	again, err := w.Tighten(t.Context(), loaded, "another reason")
	if err != nil || again.Version != 2 || again.KindReason != reason {
		t.Errorf("%+v, %v", again, err)
	}
	// The way back is a new sign-in only: no configuration makes it persistent again.
	generous := w.replica(t, session.ManagerConfig{Limits: session.Limits{Browser: session.Limit{Idle: 300 * day, Max: 300 * day}}})
	if !loaded.MaxEnd(generous.Limits()).Equal(tight.MaxEnd(w.Limits())) {
		t.Error("a later configuration prolongs it")
	}
	// The store forgets it with its new end.
	w.clock.Advance(day + session.ExpiredGrace)
	_, err = w.store.Get(t.Context(), s.ID.Key())
	want(t, "in the store after its idle limit", err, session.ErrNotFound)
}

// A limit that is shorter for persistent sessions than for others stays in force.
func TestTightenNeverProlongs(t *testing.T) {
	w := newWorld(t)
	m := w.replica(t, session.ManagerConfig{Limits: session.Limits{Persistent: session.Limit{Idle: time.Hour, Max: 8 * time.Hour}}})
	s, _, err := m.Create(t.Context(), fullDraft(), session.Tokens{})
	want(t, "creating", err, nil)
	tight, err := m.Tighten(t.Context(), s, reason)
	if err != nil || tight.Limit != (session.Limit{Idle: time.Hour, Max: 8 * time.Hour}) {
		t.Errorf("%+v, %v", tight, err)
	}
}

// X16: a persistent session that has outlived what a browser session may is ended, for good, not refused for ever.
func TestTightenEndsTheOld(t *testing.T) {
	for name, pass := range map[string]func(*world, *session.Record){
		"idle limit":   func(w *world, _ *session.Record) { w.clock.Advance(25 * time.Hour) },
		"max lifetime": func(w *world, _ *session.Record) { w.clock.Advance(20 * day) },
	} {
		w := newWorld(t)
		s, token := w.create(t, fullDraft(), someTokens())
		pass(w, s)
		_, err := w.LoadRecord(t.Context(), token)
		want(t, name+": before", err, nil)
		tight, err := w.Tighten(t.Context(), s, reason)
		want(t, name, err, session.ErrExpired)
		if tight != nil {
			t.Errorf("%s: %+v", name, tight)
		}
		_, err = w.LoadRecord(t.Context(), token)
		want(t, name+": after", err, session.ErrNotFound)
		if left := w.members(t, adaIndex); len(left) != 0 {
			t.Errorf("%s: still listed", name)
		}
	}
	// If it cannot be ended, that is what the caller hears.
	w := newWorld(t)
	s, _ := w.create(t, fullDraft(), someTokens())
	w.clock.Advance(20 * day)
	w.store.interrupt(failOn("remove"))
	_, err := w.Tighten(t.Context(), s, reason)
	want(t, "store down", err, session.ErrUnavailable)
}

func TestTightenErrors(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	for _, op := range []string{"get", "replace"} {
		w.store.interrupt(failOn(op))
		_, err := w.Tighten(t.Context(), s, reason)
		want(t, op, err, session.ErrUnavailable)
	}
	// Another caller is always first: given up after a few attempts, with an error.
	tries := 0
	w.store.before = func(_ context.Context, op string, _ session.Key) error {
		if op == "replace" {
			tries++
			return session.ErrConflict
		}
		return nil
	}
	_, err := w.Tighten(t.Context(), s, reason)
	want(t, "conflicts", err, session.ErrConflict)
	if tries != session.UpdateTries {
		t.Errorf("%d tries", tries)
	}
	w.store.interrupt(nil)
	loaded, err := w.LoadRecord(t.Context(), token)
	if err != nil || loaded.Kind != session.Persistent {
		t.Errorf("%+v, %v", loaded, err)
	}
	// A81: tightening does not revive either.
	w.store.before = func(ctx context.Context, op string, key session.Key) error {
		if op == "replace" {
			_, _ = w.store.Store.Remove(ctx, key)
		}
		return nil
	}
	_, err = w.Tighten(t.Context(), s, reason)
	want(t, "ended meanwhile", err, session.ErrNotFound)
	w.store.interrupt(nil)
	_, err = w.LoadRecord(t.Context(), token)
	want(t, "afterwards", err, session.ErrNotFound)
	_, err = w.Tighten(t.Context(), s, reason)
	want(t, "ended", err, session.ErrNotFound)
}

// A78: uses that are written at the same time do not undo the tightening, nor it them.
func TestTightenWhileInUse(t *testing.T) {
	for range 20 {
		w := newWorld(t)
		s, token := w.create(t, fullDraft(), session.Tokens{})
		w.clock.Advance(2 * time.Hour)
		used := w.clock.Now().Truncate(time.Millisecond)
		var wg sync.WaitGroup
		for i := range 2 {
			m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) { t.Error(err) }})
			wg.Go(func() { m.Touch(s.Session(), fmt.Sprint("app", i)); m.Close() })
		}
		wg.Go(func() {
			_, err := w.Tighten(context.Background(), s, reason)
			want(t, "tightening", err, nil)
		})
		wg.Wait()
		loaded, err := w.LoadRecord(t.Context(), token)
		if err != nil || loaded.Kind != session.Browser || loaded.KindReason != reason || loaded.Limit != session.DefaultLimits.Browser ||
			len(loaded.Apps) != 2 || !loaded.LastUsed.Equal(used) || loaded.ID != s.ID {
			t.Fatalf("%+v, %v", loaded, err)
		}
	}
}

// A78: what a newer version has written into a record is still there after this version has changed it.
func TestChangesKeepWhatIsUnknown(t *testing.T) {
	w := newWorld(t)
	ctx, vault := t.Context(), session.Vault{Store: w.store, Keys: w.keys}
	s, token := w.create(t, fullDraft(), session.Tokens{})
	plain, version, err := vault.Get(ctx, s.ID.Key())
	want(t, "reading", err, nil)
	newer := "\x64\x0bfrom-newer\x21" // field 100, 11 bytes
	_, err = vault.Replace(ctx, s.ID.Key(), append(plain, newer...), version, s.Ends(w.Limits()))
	want(t, "writing", err, nil)
	_, err = w.Tighten(ctx, s, reason)
	want(t, "tightening", err, nil)
	w.clock.Advance(2 * time.Hour)
	m := w.replica(t, session.ManagerConfig{})
	m.Touch(s.Session(), "wiki")
	m.Close()
	loaded, err := w.LoadRecord(ctx, token)
	if err != nil || loaded.Version != 4 {
		t.Fatalf("%+v, %v", loaded, err)
	}
	plain, _, err = vault.Get(ctx, s.ID.Key())
	if err != nil || string(plain[len(plain)-len(newer):]) != newer {
		t.Errorf("lost: %q, %v", plain, err)
	}
}
