package lease_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/lease"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A keeper leaves no goroutine behind once it is closed. How leases are extended and released is tested in package refresh.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The owner learns that it is not the owner any more: at the end of its context, when another one has the lease, and when
// the store has been out for as long as a lease lasts.
func TestLost(t *testing.T) {
	key := session.HashKey("l", "a thing")
	for name, c := range map[string]struct {
		lose  func(w *world)
		after time.Duration
	}{
		"its context ends": {func(w *world) { w.cancel() }, 0},
		"it is released":   {func(w *world) { w.lease.Release(w.t.Context()) }, 0},
		"the store has lost it": {func(w *world) {
			if _, err := w.store.Remove(w.t.Context(), key); err != nil {
				w.t.Fatal(err)
			}
			if _, err := w.other.Take(w.t.Context(), key); err != nil {
				w.t.Fatal(err)
			}
		}, lease.Life / 3},
		"the store is out": {func(w *world) {
			w.store.Interrupt(func(context.Context, string, session.Key) error { return session.ErrUnavailable })
		}, lease.Life},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, store: &storetest.Interrupted{Store: storetest.NewMemory(time.Now)}}
				w.keeper, w.other = lease.New(w.store, nil), lease.New(w.store, nil)
				t.Cleanup(w.keeper.Close)
				t.Cleanup(w.other.Close)
				var ctx context.Context
				ctx, w.cancel = context.WithCancel(t.Context())
				defer w.cancel()
				var err error
				if w.lease, err = w.keeper.Take(ctx, key); err != nil {
					t.Fatal(err)
				}
				<-time.After(10 * lease.Life) // in a bubble: the clock jumps
				synctest.Wait()
				select {
				case <-w.lease.Lost():
					t.Fatal("lost while nothing has happened")
				default:
				}
				if _, err := w.other.Take(t.Context(), key); !errors.Is(err, session.ErrConflict) {
					t.Errorf("another takes it: %v", err)
				}
				began := time.Now()
				c.lose(w)
				<-w.lease.Lost()
				if took := time.Since(began); took > c.after {
					t.Errorf("noticed after %s", took)
				}
			})
		})
	}
}

type world struct {
	t             *testing.T
	store         *storetest.Interrupted
	keeper, other *lease.Keeper
	lease         *lease.Lease
	cancel        context.CancelFunc
}
