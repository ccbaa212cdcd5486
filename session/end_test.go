package session_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

var adaIndex = session.PersonListing(ada, "s:", time.Time{}).Index

// forge lists a session as Ada's, as a vandal could who can write to the store.
func (w *world) forge(t testing.TB, key session.Key) {
	t.Helper()
	l := session.PersonListing(ada, key, w.clock.Now().Add(time.Hour))
	want(t, "vandal's listing", w.store.Enlist(t.Context(), l.Index, l.Member, l.Until), nil)
}

func (w *world) members(t testing.TB, index session.Key) []session.Key {
	t.Helper()
	keys, err := w.store.Members(t.Context(), index, time.Time{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// K4, A11, A22: the record dies, and with it every copy of the cookie, on every replica.
func TestEnd(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	value := session.SealToken(w.keys, token, host, cookie)
	want(t, "ending", w.End(t.Context(), s), nil)
	for name, m := range map[string]*session.Manager{"here": w.Manager, "on another replica": w.replica(t, session.ManagerConfig{})} {
		copied, err := session.OpenToken(w.keys, value, host, cookie)
		want(t, "the cookie itself", err, nil)
		_, err = m.LoadRecord(t.Context(), copied)
		want(t, name, err, session.ErrNotFound)
	}
	for _, index := range session.Places(ada, "sid-1", s.ID) {
		if left := w.members(t, index); len(left) != 0 {
			t.Errorf("still listed: %v", left)
		}
	}
	want(t, "ending twice", w.End(t.Context(), s), nil)
}

// A82: a session that may still live is never reported as ended.
func TestEndDuringOutage(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	w.store.interrupt(failOn("remove"))
	want(t, "End", w.End(t.Context(), s), session.ErrUnavailable)
	want(t, "EndID", w.EndID(t.Context(), s.ID), session.ErrUnavailable)
	_, err := w.EndAll(t.Context(), ada)
	want(t, "EndAll", err, session.ErrUnavailable)
	w.store.interrupt(failOn("get"))
	_, err = w.Of(t.Context(), ada)
	want(t, "Of", err, session.ErrUnavailable)
	w.store.interrupt(failOn("members"))
	_, err = w.EndAll(t.Context(), ada)
	want(t, "EndAll, no list", err, session.ErrUnavailable)
	_, err = w.Of(t.Context(), ada)
	want(t, "Of, no list", err, session.ErrUnavailable)
	w.store.interrupt(nil)
	_, err = w.LoadRecord(t.Context(), token)
	want(t, "afterwards", err, nil)
	// A listing that stays behind is no reason to fail: the record is gone.
	w.store.interrupt(failOn("delist"))
	want(t, "End, listing stays", w.End(t.Context(), s), nil)
	w.store.interrupt(nil)
	listed, err := w.Of(t.Context(), ada)
	if err != nil || len(listed) != 0 || len(w.members(t, adaIndex)) != 0 {
		t.Errorf("%v, %v, %v", listed, err, w.members(t, adaIndex))
	}
}

func TestEndID(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	s, token := w.create(t, fullDraft(), someTokens())
	want(t, "unknown", w.EndID(ctx, session.NewToken().ID), nil)
	want(t, "ending", w.EndID(ctx, s.ID), nil)
	_, err := w.LoadRecord(ctx, token)
	want(t, "ended", err, session.ErrNotFound)
	if len(w.members(t, adaIndex)) != 0 {
		t.Error("still listed")
	}
	// A replica that cannot read the record yet ends it all the same.
	s, token = w.create(t, fullDraft(), someTokens())
	want(t, "unreadable", w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'x')}).EndID(ctx, s.ID), nil)
	_, err = w.LoadRecord(ctx, token)
	want(t, "ended unread", err, session.ErrNotFound)
}

// A45, A65: every session of the user ends, and no other user's, even with a similar name.
func TestEndAll(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	var adas, others []session.Token
	for i := range 3 {
		draft := fullDraft()
		draft.ProviderSession, draft.BrowserID, draft.Kind = fmt.Sprint("sid-", i), fmt.Sprint("b", i), session.Kind(i%2)
		_, token := w.create(t, draft, someTokens())
		adas = append(adas, token)
		w.clock.Advance(time.Minute)
	}
	for _, who := range []session.Identity{
		grace,
		{Issuer: "https://other.example.com", Subject: ada.Subject},
		{Issuer: ada.Issuer, Subject: ada.Subject + " "},
		{Issuer: ada.Issuer, Subject: ada.Subject[:len(ada.Subject)-1]},
		{Issuer: ada.Issuer + ada.Subject[:1], Subject: ada.Subject[1:]}, // A72
	} {
		draft := fullDraft() // the same user name, mail address and provider session
		draft.Identity = who
		_, token := w.create(t, draft, someTokens())
		others = append(others, token)
	}
	listed, err := w.Of(ctx, ada)
	if err != nil || len(listed) != 3 {
		t.Fatalf("%d listed, %v", len(listed), err)
	}
	for i := range listed[1:] {
		if listed[i].MaxEnd(w.Limits()).After(listed[i+1].MaxEnd(w.Limits())) {
			t.Error("not in the order in which they end")
		}
	}
	if n, err := w.EndAll(ctx, ada); n != 3 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	for _, token := range adas {
		_, err := w.LoadRecord(ctx, token)
		want(t, "Ada's", err, session.ErrNotFound)
	}
	for _, token := range others {
		_, err := w.LoadRecord(ctx, token)
		want(t, "another's", err, nil)
	}
	if n, err := w.EndAll(ctx, ada); n != 0 || err != nil || len(w.members(t, adaIndex)) != 0 {
		t.Errorf("a second time: %d, %v", n, err)
	}
}

// A record that cannot be read here, because of a lost key or damage, keeps no other session alive.
func TestEndAllPassesOverWhatItCannotRead(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	newer := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'n', 'k')})
	_, ahead, err := newer.Create(ctx, fullDraft(), someTokens()) // under a key that w has not got yet
	want(t, "creating", err, nil)
	_, token := w.create(t, fullDraft(), someTokens())
	garbage := session.HashKey("s", "garbage")
	want(t, "vandal's record", w.store.Create(ctx, session.Entry{Key: garbage, Value: []byte("?"), Expires: w.clock.Now().Add(time.Hour)}), nil)
	w.forge(t, garbage)
	_, stranger := w.create(t, session.Record{Identity: grace}, session.Tokens{})
	w.forge(t, stranger.ID.Key())

	_, err = w.Of(ctx, ada)
	want(t, "a listing that would be incomplete", err, keyring.ErrUnsealable)
	if n, err := w.EndAll(ctx, ada); n != 3 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	for name, token := range map[string]session.Token{"under the old key": token, "under the new key": ahead} {
		_, err := newer.LoadRecord(ctx, token)
		want(t, name, err, session.ErrNotFound)
	}
	_, err = w.LoadRecord(ctx, stranger)
	want(t, "a stranger's session", err, nil)
	if left := w.members(t, adaIndex); len(left) != 0 {
		t.Errorf("still listed: %v", left)
	}
}

// Sessions that are over do not count, and are not shown.
func TestOfShowsTheLiving(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, _ = w.create(t, session.Record{Identity: ada, Kind: session.Browser}, session.Tokens{})
	persistent, token := w.create(t, fullDraft(), session.Tokens{})
	stranger, _ := w.create(t, session.Record{Identity: grace, Kind: session.Persistent}, session.Tokens{})
	w.forge(t, stranger.ID.Key())
	shrunk := w.replica(t, session.ManagerConfig{Limits: session.Limits{Browser: session.Limit{Idle: time.Minute}}})
	w.clock.Advance(2 * time.Minute)
	if listed, err := shrunk.Of(ctx, ada); err != nil || len(listed) != 1 || listed[0].ID != persistent.ID {
		t.Errorf("over its idle limit, but kept by the store: %v, %v", listed, err)
	}
	w.clock.Advance(2 * day)
	if listed, err := w.Of(ctx, ada); err != nil || len(listed) != 1 || listed[0].ID != persistent.ID {
		t.Errorf("forgotten by the store: %v, %v", listed, err)
	}
	if left := w.members(t, adaIndex); len(left) != 1 {
		t.Errorf("%d listings are left", len(left))
	}
	// A listing does not return the secret; the user with the cookie can still use the session.
	listed, err := w.Of(ctx, ada)
	want(t, "listing", err, nil)
	if tokens, err := w.Tokens(listed[0], token); err != nil || tokens.Refresh != "" {
		t.Errorf("%v, %v", tokens, err)
	}
	if n, err := w.EndAll(ctx, ada); n != 1 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
}

// Any number of listings whose sessions are gone hides no live one.
func TestStaleListingsHideNothing(t *testing.T) {
	for name, find := range map[string]func(*world) (int, error){
		"Of":     func(w *world) (int, error) { s, err := w.Of(context.Background(), ada); return len(s), err },
		"EndAll": func(w *world) (int, error) { return w.EndAll(context.Background(), ada) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, _ = w.create(t, fullDraft(), session.Tokens{})
			for i := range 3000 {
				w.forge(t, session.HashKey("s", fmt.Sprint(i)))
			}
			if n, err := find(w); n != 1 || err != nil {
				t.Errorf("%d found, %v", n, err)
			}
			if left := w.members(t, adaIndex); len(left) > 1 {
				t.Errorf("%d listings are left", len(left))
			}
		})
	}
}

// A45: a session that cannot be listed is not given out, and does not stay.
func TestNoSessionUnlisted(t *testing.T) {
	for _, indexed := range []int{1, 2} {
		w := newWorld(t)
		n := 0
		w.store.before = func(_ context.Context, op string, _ session.Key) error {
			if op == "enlist" {
				if n++; n == indexed {
					return errDown
				}
			}
			return nil
		}
		s, token, err := w.Create(t.Context(), fullDraft(), someTokens())
		want(t, "creating", err, session.ErrUnavailable)
		if s != nil || token != (session.Token{}) {
			t.Errorf("listing %d failed, and there is a session all the same", indexed)
		}
		for key := range w.store.dump() {
			_, err := w.store.Get(t.Context(), key)
			want(t, "its record", err, session.ErrNotFound)
		}
		if left := w.members(t, adaIndex); len(left) != 0 {
			t.Errorf("still listed: %v", left)
		}
	}
	// The store goes down for good, and the client disconnects: in both cases no browser has the token.
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.store.before = func(_ context.Context, op string, _ session.Key) error {
		if op == "enlist" {
			cancel()
			return errDown
		}
		return nil
	}
	s, token, err := w.Create(ctx, fullDraft(), someTokens())
	if err == nil || s != nil || token != (session.Token{}) {
		t.Errorf("%v, %v", s, err)
	}
	for key := range w.store.dump() {
		_, err := w.store.Get(t.Context(), key)
		want(t, "cleaned up after the client has gone", err, session.ErrNotFound)
	}
	// Nothing at all is written if the record cannot be.
	w = newWorld(t)
	w.store.interrupt(failOn("create"))
	_, _, err = w.Create(t.Context(), fullDraft(), someTokens())
	want(t, "creating", err, session.ErrUnavailable)
	w.store.interrupt(nil)
	if left := w.members(t, adaIndex); len(left) != 0 {
		t.Errorf("listed without a record: %v", left)
	}
}

// A45: listing or ending the sessions of a user while another one begins cannot remove its listing.
func TestListingWhileSigningIn(t *testing.T) {
	// At every step of Create another caller lists the sessions.
	for _, op := range []string{"create", "enlist"} {
		w := newWorld(t)
		other, looking := w.replica(t, session.ManagerConfig{}), false
		w.store.before = func(ctx context.Context, at string, _ session.Key) error {
			if at == op && !looking {
				looking = true
				_, err := other.Of(ctx, ada)
				looking = false
				return err
			}
			return nil
		}
		s, _ := w.create(t, fullDraft(), someTokens())
		w.store.interrupt(nil)
		if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 1 || listed[0].ID != s.ID {
			t.Errorf("looked before %s: %v, %v", op, listed, err)
		}
	}
	w := newWorld(t)
	stop := make(chan struct{})
	var lookers, makers sync.WaitGroup
	for range 4 {
		lookers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = w.Of(context.Background(), ada)
				}
			}
		})
	}
	for range 4 {
		makers.Go(func() {
			for range 25 {
				if _, _, err := w.Create(context.Background(), fullDraft(), session.Tokens{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	close(stop)
	lookers.Wait()
	if listed, err := w.Of(t.Context(), ada); err != nil || len(listed) != 100 {
		t.Errorf("%d of 100 sessions are listed, %v", len(listed), err)
	}
}
