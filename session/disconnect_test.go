package session_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Clients that disconnect during a read from the store, including the one that started it, do not spoil the result for
// others, and do not count as an outage of the store.
func TestDisconnectsSpoilNothing(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, fullDraft(), session.Tokens{})
	m := w.replica(t, session.ManagerConfig{Recheck: time.Minute})
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.store.interrupt(func(ctx context.Context, op string, _ session.Key) error {
		if op == "get" {
			once.Do(func() { close(asked) })
			<-answer
			return ctx.Err()
		}
		return nil
	})
	ctx, leave := context.WithCancel(t.Context())
	var leaving, staying sync.WaitGroup
	leaving.Go(func() { _, _ = m.LoadRecord(ctx, token) })
	<-asked
	for range 5 {
		staying.Go(func() {
			_, err := m.LoadRecord(t.Context(), token)
			want(t, "who stays", err, nil)
		})
	}
	leave()
	_, err := m.LoadRecord(ctx, token)
	want(t, "who has left", err, session.ErrUnavailable)
	m.NoteFailure(err)
	if state := m.Health().State; state != session.StoreOK {
		t.Errorf("the store is %s because a client went away", state)
	}
	close(answer)
	leaving.Wait()
	staying.Wait()
}
