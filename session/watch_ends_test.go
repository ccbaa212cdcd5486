package session_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

// The end of all sessions ends what is open at once: the store is asked for the mark, and for no session.
func TestWatchRevokedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 1000
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: time.Hour, OutageGrace: outageGrace})
		defer m.Close()
		closed := make(chan error, all)
		var asked atomic.Int64
		for range all {
			s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
			want(t, "creating", err, nil)
			m.Hold(s.ID, &terms{}, func(err error) { closed <- err })
		}
		<-time.After(1100 * time.Millisecond) // between two looks at everything
		store.interrupt(func(_ context.Context, op string, _ session.Key) error {
			if op == "get" {
				asked.Add(1)
			}
			return nil
		})
		want(t, "revoking all", m.RevokeBefore(t.Context(), session.Scope{}, time.Time{}), nil)
		synctest.Wait()
		if len(closed) != all || asked.Load() > 1 {
			t.Errorf("closed %d of %d, asked %d times", len(closed), all, asked.Load())
		}
	})
}

// Where many sessions end at once, all streams are told before anything is tidied up, and those whose clients are not cut off yet
// come first.
func TestWatchCutsOffFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 100
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: time.Hour, OutageGrace: outageGrace})
		defer m.Close()
		var told, open, cut atomic.Int64
		for i := range all {
			s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
			want(t, "creating", err, nil)
			m.HoldAs(s.ID, &terms{}, func(error) (bool, func()) {
				told.Add(1)
				if i%2 == 0 {
					return true, func() {
						if cut.Add(1); told.Load() != all || open.Load() != all/2 {
							t.Errorf("tidied up after %d were told and %d were cut off", told.Load(), open.Load())
						}
					}
				}
				return false, func() {
					if open.Add(1); told.Load() != all {
						t.Errorf("cut off after %d were told", told.Load())
					}
				}
			})
		}
		<-time.After(1100 * time.Millisecond) // between two looks at everything
		want(t, "revoking all", m.RevokeBefore(t.Context(), session.Scope{}, time.Time{}), nil)
		synctest.Wait()
		if open.Load() != all/2 || cut.Load() != all/2 {
			t.Errorf("%d and %d of %d were finished", open.Load(), cut.Load(), all)
		}
	})
}

// What is left to do for streams that have ended does not wait for a store that does not answer about the others.
func TestWatchTidiesUpWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore(nil)
		m := session.NewManager(session.ManagerConfig{Store: store, Keys: keyringtest.Ring(t, 'k'), Recheck: time.Second, OutageGrace: outageGrace})
		defer m.Close()
		var over time.Time // when the first stream was told
		left := make(chan time.Duration, 2)
		tell := func(error) (bool, func()) {
			if over.IsZero() {
				store.interrupt(func(ctx context.Context, _ string, _ session.Key) error { <-ctx.Done(); return ctx.Err() })
				<-time.After(1100 * time.Millisecond) // until the store is asked again
				over = time.Now()
			}
			return false, func() { left <- time.Since(over) }
		}
		for shards := map[int]bool{}; len(shards) < 2; {
			s, _, err := m.Create(t.Context(), session.Record{Identity: ada}, session.Tokens{})
			want(t, "creating", err, nil)
			if shard := session.WatchShard(s.ID); !shards[shard] {
				shards[shard] = true
				m.HoldAs(s.ID, &terms{}, tell)
			}
		}
		<-time.After(1100 * time.Millisecond) // between two looks at everything
		want(t, "revoking all", m.RevokeBefore(t.Context(), session.Scope{}, time.Time{}), nil)
		if waited := <-left; waited != 0 {
			t.Errorf("the first is open for %v more", waited)
		}
		store.interrupt(nil)
	})
}
