package renew

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// TestPauses: how many sessions are remembered as failing is bounded, and none is held for longer than its pause.
func TestPauses(t *testing.T) {
	p := newBackoffSet()
	now := time.Unix(1000, 0)
	held := func(ids []session.ID, now time.Time) (n int) {
		for _, id := range ids {
			if p.holds(id, now) {
				n++
			}
		}
		return n
	}
	many := make([]session.ID, maxPauses+100)
	for i := range many {
		many[i] = session.NewToken().ID
		p.failed(many[i], now, false, false)
	}
	if n := held(many, now.Add(recheckPause-1)); n != maxPauses {
		t.Errorf("%d pauses, want %d", n, maxPauses)
	}
	id := session.NewToken().ID
	now = now.Add(recheckPause)
	p.failed(id, now, true, false)
	one, lasts := p.of(id, now.Add(recheckPause-1))
	if !lasts || !one.down || !one.at.Equal(now) || p.holds(id, now.Add(recheckPause)) || p.holds(session.NewToken().ID, now) {
		t.Errorf("a pause is not as it should be: %+v, %v", one, lasts)
	}
	if n := held(many, now); n != 0 {
		t.Errorf("%d pauses last for too long", n)
	}
	for i := range many { // those that are over have made room
		p.failed(many[i], now, false, false)
	}
	if n := held(many, now); n != maxPauses-1 {
		t.Errorf("%d pauses beside one, want %d", n, maxPauses-1)
	}
	p.forget(id)
	if p.holds(id, now) {
		t.Error("a pause that was forgotten holds")
	}
}

// Failures in a row are asked for ever more seldom, up to a bound; after a while without one it begins at the beginning.
func TestPausesGrow(t *testing.T) {
	p := newBackoffSet()
	id, now := session.NewToken().ID, time.Unix(1000, 0)
	fails := func(want time.Duration, short bool) {
		t.Helper()
		p.failed(id, now, true, short)
		if !p.holds(id, now.Add(want-1)) || p.holds(id, now.Add(want)) {
			one, _ := p.held.Get(id, now)
			t.Errorf("a pause of %v, want %v", one.Until.Sub(now), want)
		}
		now = now.Add(want)
	}
	for _, want := range []time.Duration{15, 30, 60, 120, 240, 300, 300} {
		fails(want*time.Second, false)
	}
	fails(recheckPause, true)
	now = now.Add(pauseMemory)
	fails(recheckPause, false)
}
