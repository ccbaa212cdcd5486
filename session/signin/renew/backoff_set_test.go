package renew

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// TestPauses: how many sessions are remembered as failing is bounded, and none is held for longer than its pause.
func TestPauses(t *testing.T) {
	var p backoffSet
	now := time.Unix(1000, 0)
	for range maxPauses + 100 {
		p.failed(session.NewToken().ID, now, false, false)
	}
	if len(p.all) != maxPauses {
		t.Errorf("%d pauses", len(p.all))
	}
	id := session.NewToken().ID
	now = now.Add(recheckPause)
	p.failed(id, now, true, false)
	one, held := p.of(id, now.Add(recheckPause-1))
	if !held || !one.down || !one.at.Equal(now) || p.holds(id, now.Add(recheckPause)) || p.holds(session.NewToken().ID, now) {
		t.Errorf("a pause is not as it should be: %+v, %v", one, held)
	}
	if len(p.all) != 1 {
		t.Errorf("%d pauses, of which one lasts", len(p.all))
	}
	p.forget(id)
	if p.holds(id, now) {
		t.Error("a pause that was forgotten holds")
	}
}

// Failures in a row are asked for ever more seldom, up to a bound; after a while without one it begins at the beginning.
func TestPausesGrow(t *testing.T) {
	var p backoffSet
	id, now := session.NewToken().ID, time.Unix(1000, 0)
	fails := func(want time.Duration, short bool) {
		t.Helper()
		p.failed(id, now, true, short)
		if one, _ := p.of(id, now); one.until.Sub(now) != want {
			t.Errorf("a pause of %v, want %v", one.until.Sub(now), want)
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
