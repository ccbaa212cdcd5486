package bearer

import (
	"encoding/binary"
	"testing"
	"time"
)

func numbered(n int) (of digest) {
	binary.BigEndian.PutUint64(of[:], uint64(n)) //nolint:gosec // no negative numbers
	return of
}

// A token counts how often it has waited as it was told. One that comes sooner does not, and need not wait longer for that.
func TestWaited(t *testing.T) {
	var all turns
	now, one := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), numbered(1)
	for i, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, 0}, {turnWait / 2, 0}, {turnWait / 2, 1}, {turnWait - time.Millisecond, 1}, {time.Millisecond, 2}, {5 * turnWait, 3}, {turnWait, 3},
	} {
		now = now.Add(step.after)
		if got := all.waited(one, now); got != step.want {
			t.Errorf("step %d: it has waited %d times, want %d", i, got, step.want)
		}
		all.tell(one, now)
		if got := all.waited(numbered(2), now); got != 0 {
			t.Errorf("step %d: another has waited %d times", i, got)
		}
	}
	all.forget(one)
	if got := all.waited(one, now.Add(turnWait)); got != 0 {
		t.Errorf("after its turn it has waited %d times", got)
	}
}

// However many tokens wait, few are remembered, each for longer than it was told to wait, and none for ever.
func TestTurnsAreBounded(t *testing.T) {
	var all turns
	now, one := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), numbered(0)
	for i := range 100_000 { // 10,000 a second
		if i%10_000 == 0 {
			if got, want := all.waited(one, now), min(i/10_000, turnLevels-1); got != want {
				t.Fatalf("after %d others it has waited %d times, want %d", i, got, want)
			}
			all.tell(one, now)
		}
		all.tell(numbered(i+1), now)
		now = now.Add(100 * time.Microsecond)
		if n := len(all.now) + len(all.was); n > 2*maxTurns {
			t.Fatalf("%d are remembered", n)
		}
	}
	for range 3 {
		now = now.Add(turnLife)
		all.tell(numbered(1_000_000), now)
	}
	if n := len(all.now) + len(all.was); n != 2 && n != 1 {
		t.Errorf("%d are remembered after a while", n)
	}
}
