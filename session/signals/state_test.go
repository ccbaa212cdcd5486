package signals

import (
	"strings"
	"testing"
	"time"
)

// The state says what a transmitter has sent, and what it says of the stream.
func TestState(t *testing.T) {
	w := newWorld(t)
	w.push(AboutStream, dict{"events": event(ssf+"stream-updated", dict{"status": "paused"})})
	if _, code := w.verify(t, "x"); code == "" || w.Receive(t.Context(), w.Actor, "x") == nil {
		t.Error("taken")
	}
	s := w.State()
	if s.Received != 2 || s.Refused != 1 || s.Acted != 0 || s.Stated.Status != "paused" || s.LastEvent != "stream-updated: paused" || !s.Last.Equal(w.clock.Now()) {
		t.Errorf("%+v", s)
	}
}

// What a transmitter states of its stream counts until it states something newer: an old message that is sent again changes
// nothing. An event that comes again, and a verification, do not show that events arrive.
func TestStated(t *testing.T) {
	w := newWorld(t)
	told := 0
	w.Receiver.OnState = func() { told++ }
	old := w.push(AboutStream, dict{"events": event(ssf+"stream-updated", dict{"status": "PAUSED", "reason": "a\nb " + strings.Repeat("x", 5000)})})
	if s := w.State().Stated; !s.Stopped() || !strings.HasPrefix(s.Reason, `a\nb `) || len(s.Reason) > 400 || !s.At.Equal(w.clock.Now()) || told != 1 {
		t.Errorf("%+v", s)
	}
	w.clock.Advance(time.Minute)
	w.push(AboutStream, dict{"events": event(ssf+"stream-updated", dict{"status": "enabled"})})
	w.again(AboutStream, old)
	w.push(AboutStream, dict{"events": event(ssf+"stream-updated", dict{"status": "asleep"})})
	if s := w.State().Stated; s.Stopped() || s.Status != "enabled" || s.Reason != "" || told != 2 {
		t.Errorf("%+v, told %d times", s, told)
	}
	w.push(AboutStream, dict{"events": event(ssf+"verification", dict{"state": "s1"})})
	if s := w.State(); s.Verified != "s1" || !s.VerifiedAt.Equal(w.clock.Now()) || !s.Alive.IsZero() || told != 3 {
		t.Errorf("%+v, told %d times", s, told)
	}
	began := w.clock.Now()
	raw := w.push(NothingToDo, dict{"events": event(risc+"account-disabled", dict{})})
	w.clock.Advance(time.Minute)
	w.again(Duplicate, raw)
	w.push(TooOld, dict{"iat": w.clock.Now().Add(-2 * rememberFor).Unix(), "events": event(risc+"account-disabled", dict{})})
	if s := w.State(); !s.Alive.Equal(began) || !s.Last.Equal(w.clock.Now()) {
		t.Errorf("%+v", s)
	}
}
