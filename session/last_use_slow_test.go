package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func oldSession() *session.Session {
	return session.SessionOf(&session.Record{ID: session.NewToken().ID, Identity: ada, Limit: session.DefaultLimits.Browser})
}

// However many sessions are used while the store is slow, what waits is bounded, and no caller waits.
func TestTouchQueueIsBounded(t *testing.T) {
	w := newWorld(t)
	started, release := make(chan struct{}, 1), make(chan struct{})
	asked := 0
	w.store.before = func(context.Context, string, session.Key) error {
		select {
		case started <- struct{}{}:
		default:
		}
		<-release
		asked++
		return nil
	}
	dropped := 0
	m := w.replica(t, session.ManagerConfig{OnTouchError: func(err error) {
		want(t, "told", err, session.ErrTouchQueue)
		dropped++
	}})
	first := oldSession()
	m.Touch(first, "")
	<-started
	m.Touch(first, "") // is under way
	for range session.TouchQueue {
		m.Touch(oldSession(), "")
	}
	if dropped != 0 {
		t.Errorf("%d dropped while there was room", dropped)
	}
	over := oldSession()
	for range 3 {
		m.Touch(over, "")
	}
	if dropped != 3 {
		t.Errorf("%d of 3 dropped", dropped)
	}
	close(release)
	m.Close()
	if asked != session.TouchQueue+1 {
		t.Errorf("%d of %d were looked at", asked, session.TouchQueue+1)
	}
}

// T2: a use while the store is slow to write an earlier one counts, if it is due by itself.
func TestTouchDuringAWrite(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	w.clock.Advance(time.Hour)
	held, release := make(chan struct{}), make(chan struct{})
	w.store.interrupt(func(_ context.Context, op string, _ session.Key) error {
		if op == "replace" {
			w.store.interrupt(nil)
			close(held)
			<-release
		}
		return nil
	})
	w.Touch(s.Session(), "wiki")
	<-held
	w.clock.Advance(time.Second)
	w.Touch(s.Session(), "wiki") // is not due
	w.clock.Advance(2 * time.Hour)
	used := w.clock.Now()
	w.Touch(s.Session(), "wiki")
	close(release)
	w.Close()
	loaded, err := w.replica(t, session.ManagerConfig{}).LoadRecord(t.Context(), token)
	if err != nil || !loaded.LastUsed.Equal(used.Truncate(time.Millisecond)) {
		t.Errorf("last use on record %v before the last, %v", used.Sub(loaded.LastUsed), err)
	}
	if n := w.store.written(); n != 3 {
		t.Errorf("%d writes, want the session and two uses", n)
	}
}
