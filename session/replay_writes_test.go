package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

// gappy is a store with a feed that says nothing but when it was interrupted.
type gappy struct {
	*memStore
	gaps chan struct{}
}

func (g *gappy) Publish(context.Context, string) error { return nil }

func (g *gappy) Subscribe(ctx context.Context, _ func(string), gap func()) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-g.gaps:
			gap()
		}
	}
}

// newGappy returns a manager that has begun to listen to a store whose gaps the test makes. It is for a bubble.
func newGappy(t *testing.T) (*world, *gappy, *session.Manager) {
	w := newWorld(t)
	store := &gappy{memStore: w.store, gaps: make(chan struct{})}
	m := session.NewManager(session.ManagerConfig{Store: store, Now: w.clock.Now, Keys: w.keys})
	store.gaps <- struct{}{}
	synctest.Wait() // what the first gap causes is over
	return w, store, m
}

// A failover that forgets what it had acknowledged: what was ended here does not live again, and a renewal is not lost
// with the refresh token that came of it. What has gone from the store meanwhile stays gone: it may have been ended
// elsewhere.
func TestForgottenWritesAreMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, store, m := newGappy(t)
		defer m.Close()
		old := map[string]session.Entry{}
		begin := func(name string) (*session.Record, session.Token) {
			s, token, err := m.Create(t.Context(), draft(ada, session.Browser), session.Tokens{Refresh: "old"})
			want(t, "create", err, nil)
			e, err := w.store.Get(t.Context(), s.ID.Key())
			want(t, "get", err, nil)
			old[name] = e
			return s, token
		}
		ended, endedToken := begin("ended")
		renewed, renewedToken := begin("renewed")
		gone, goneToken := begin("gone")
		want(t, "end", m.End(t.Context(), ended), nil)
		for s, token := range map[*session.Record]session.Token{renewed: renewedToken, gone: goneToken} {
			fresh := *s
			fresh.GroupsAsOf, fresh.Groups = s.GroupsAsOf.Add(time.Minute), []string{"new"}
			_, err := m.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "new"})
			want(t, "renew", err, nil)
		}
		// The failover.
		for name, key := range map[string]session.Key{"ended": ended.ID.Key(), "renewed": renewed.ID.Key(), "gone": gone.ID.Key()} {
			_, _ = w.store.Remove(t.Context(), key)
			if name != "gone" {
				want(t, "forget", w.store.Create(t.Context(), old[name]), nil)
			}
		}
		if m.Unsettled() {
			t.Error("unsettled before anything happened")
		}
		store.gaps <- struct{}{}
		synctest.Wait()
		_, err := m.LoadRecord(t.Context(), endedToken)
		want(t, "what was ended", err, session.ErrNotFound)
		_, err = m.LoadRecord(t.Context(), goneToken)
		want(t, "what is gone", err, session.ErrNotFound)
		s, err := m.LoadRecord(t.Context(), renewedToken)
		want(t, "what was renewed", err, nil)
		tokens, err := m.Tokens(s, renewedToken)
		want(t, "tokens", err, nil)
		if tokens.Refresh != "new" || len(s.Groups) != 1 || s.Groups[0] != "new" {
			t.Errorf("the renewal is lost: %q, groups %q", tokens.Refresh, s.Groups)
		}
		if !m.Unsettled() {
			t.Error("settled right after a gap")
		}
	})
}

// The same for a revoke-before mark: a node that knows one writes it again, so that a node that begins now refuses whom it
// ended. A mark that is still there is not written.
func TestForgottenMarksAreMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, store, m := newGappy(t)
		defer m.Close()
		_, token, err := m.Create(t.Context(), draft(ada, session.Browser), session.Tokens{})
		want(t, "create", err, nil)
		w.clock.Advance(time.Minute)
		want(t, "revoke", m.RevokeBefore(t.Context(), session.Scope{Person: ada}, time.Time{}), nil)
		index := session.HashKey("rb", "all")
		members := func() []session.Key {
			keys, err := w.store.Members(t.Context(), index, time.Time{}, 10)
			want(t, "members", err, nil)
			return keys
		}
		written := members()
		if len(written) != 1 {
			t.Fatalf("%d marks", len(written))
		}
		// The failover.
		_, err = w.store.Remove(t.Context(), written[0])
		want(t, "forget", err, nil)
		want(t, "forget", w.store.Delist(t.Context(), index, written[0]), nil)
		for range 2 { // the second time there is nothing to do
			store.gaps <- struct{}{}
			synctest.Wait()
			if again := members(); len(again) != 1 || again[0] != written[0] {
				t.Fatalf("after a gap the marks are %v, want %v", again, written)
			}
		}
		newcomer := session.NewManager(session.ManagerConfig{Store: w.store, Now: w.clock.Now, Keys: w.keys})
		defer newcomer.Close()
		_, err = newcomer.LoadRecord(t.Context(), token)
		want(t, "whom the mark ended", err, session.ErrNotFound)
	})
}

// The same for a note that the tokens of a user end: it is the only thing that ends those that are on no list yet, and all of
// those of a user who is known by an address.
func TestForgottenTokenEndIsMadeAgain(t *testing.T) {
	for what, end := range map[string]func(*session.Manager) error{
		"a user": func(m *session.Manager) error { return m.EndTokens(t.Context(), ada) },
		"a mail": func(m *session.Manager) error {
			return m.EndTokensNamed(t.Context(), ada.Issuer, "mail:ada@example.com")
		},
		"ended again": func(m *session.Manager) error {
			return errors.Join(m.EndTokens(t.Context(), ada), m.EndTokens(t.Context(), ada))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w, store, m := newGappy(t)
			defer m.Close()
			made := draft(ada, session.Browser)
			made.Created, made.KnownAs = w.clock.Now(), []string{"mail:ada@example.com"}
			w.clock.Advance(time.Minute)
			var notes []session.Key
			w.store.interrupt(func(_ context.Context, op string, key session.Key) error {
				if op == "create" {
					notes = append(notes, key)
				}
				return nil
			})
			want(t, "end", end(m), nil)
			w.store.interrupt(nil)
			newcomer := session.NewManager(session.ManagerConfig{Store: w.store, Now: w.clock.Now, Keys: w.keys})
			defer newcomer.Close()
			_, err := newcomer.VetToken(t.Context(), &made)
			want(t, what, err, session.ErrRevoked)
			for range 2 {
				// The failover.
				for _, key := range notes {
					_, _ = w.store.Remove(t.Context(), key)
				}
				_, err = newcomer.VetToken(t.Context(), &made)
				want(t, "forgotten", err, nil)
				store.gaps <- struct{}{}
				synctest.Wait()
				_, err = newcomer.VetToken(t.Context(), &made)
				want(t, what+", after the gap", err, session.ErrRevoked)
			}
			later := made
			later.Created = w.clock.Now().Add(time.Millisecond)
			_, err = newcomer.VetToken(t.Context(), &later)
			want(t, "a later token", err, nil)
		})
	}
}

// What was written last is what a failover forgets, and another replica may be about to use a token that is worth nothing
// any more: it is looked for first, before everything else of two minutes.
func TestTheLastWriteIsMadeAgainFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		store := &gappy{memStore: w.store, gaps: make(chan struct{})}
		m := session.NewManager(session.ManagerConfig{Store: store, Now: w.clock.Now, Keys: w.keys})
		defer m.Close()
		store.gaps <- struct{}{}
		synctest.Wait()
		var ended []session.Key
		for range 3 {
			s, _ := w.create(t, draft(ada, session.Browser), session.Tokens{})
			want(t, "end", m.End(t.Context(), s), nil)
			ended = append(ended, s.ID.Key())
		}
		var looked []session.Key
		w.store.interrupt(func(_ context.Context, op string, key session.Key) error {
			if op == "get" {
				looked = append(looked, key)
			}
			return nil
		})
		store.gaps <- struct{}{}
		synctest.Wait()
		slices.Reverse(ended)
		if !slices.Equal(looked, ended) {
			t.Errorf("looked for %v, want %v", looked, ended)
		}
	})
}

// After an interruption, seen by the feed or by a failed read, a caller that is about to send a refresh token waits
// until others have repeated their writes: for a few seconds after the last interruption, and for nothing else.
func TestAwaitSettled(t *testing.T) {
	const most = 3 * time.Second
	synctest.Test(t, func(t *testing.T) {
		store := &gappy{memStore: newMemStore(time.Now), gaps: make(chan struct{})}
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k')})
		defer m.Close()
		waits := func(ctx context.Context, when string, wanted time.Duration) {
			t.Helper()
			began := time.Now()
			m.AwaitSettled(ctx)
			if took := time.Since(began); took != wanted {
				t.Errorf("%s: waited %v, want %v", when, took, wanted)
			}
		}
		store.gaps <- struct{}{}
		synctest.Wait()
		waits(t.Context(), "when the feed begins", 0)
		store.gaps <- struct{}{}
		synctest.Wait()
		<-time.After(time.Second)
		waits(t.Context(), "after a gap", most-time.Second)
		waits(t.Context(), "when that is over", 0)
		m.NoteFailure(errDown)
		<-time.After(500 * time.Millisecond)
		waits(t.Context(), "after a failure", most-500*time.Millisecond)
		waits(t.Context(), "when that is over as well", 0)
		m.NoteFailure(errDown)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waits(ctx, "as long as the caller can", time.Second)
	})
}
