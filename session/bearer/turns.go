package bearer

import (
	"sync"
	"time"
)

const (
	// turnWait is how long a token that gets no turn is told to wait. turnLevels is how many times it may do so and count as
	// more patient than those that did it less often.
	turnWait   = time.Second
	turnLevels = 4
	// turnLife is for how long it is remembered at least that a token waits, and maxTurns how many such tokens are
	// remembered in one generation: 16,000 new ones a second are remembered for longer than turnWait.
	turnLife = 30 * time.Second
	maxTurns = 1 << 14
)

// turns remembers tokens that were told to come again, and how often they did so after the time that they were told. The ones
// of a flood are new each time, or do not wait; the one of a program that does wait is told apart by that. Two generations
// take two megabytes at most. The zero value is ready to use.
type turns struct {
	mu       sync.Mutex
	now, was map[turnKey]turn
	began    time.Time
}

// turnKey is the beginning of the hash of a token.
type turnKey [16]byte

// turn is when a token was told to wait, in milliseconds that start at zero again every 49 days, and how often it has waited.
type turn struct {
	told  uint32
	times uint8
}

func milliseconds(at time.Time) uint32 { return uint32(at.UnixMilli()) } //nolint:gosec // differences are right all the same

// waited returns how often a token has waited as it was told, this time included; at most turnLevels-1.
func (t *turns) waited(of digest, at time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, known := t.get(turnKey(of[:len(turnKey{})]))
	if !known {
		return 0
	}
	return int(one.after(at))
}

// tell remembers that a token is told to wait. One that comes too early does not start to wait again.
func (t *turns) tell(of digest, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := turnKey(of[:len(turnKey{})])
	one, known := t.get(key)
	switch {
	case !known:
		one = turn{told: milliseconds(at)}
	case one.waited(at):
		one = turn{told: milliseconds(at), times: one.after(at)}
	}
	age := at.Sub(t.began)
	if _, has := t.now[key]; t.now == nil || age < 0 || age >= turnLife || !has && len(t.now) >= maxTurns {
		t.was, t.now, t.began = t.now, map[turnKey]turn{}, at
		if age < 0 || age >= 2*turnLife {
			t.was = nil
		}
	}
	t.now[key] = one
}

// forget ends the wait of a token that has had its turn.
func (t *turns) forget(of digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := turnKey(of[:len(turnKey{})])
	delete(t.now, key)
	delete(t.was, key)
}

func (t *turns) get(key turnKey) (one turn, known bool) {
	if one, known = t.now[key]; !known {
		one, known = t.was[key]
	}
	return one, known
}

func (t turn) waited(at time.Time) bool {
	return milliseconds(at)-t.told >= uint32(turnWait/time.Millisecond)
}

// after returns how often a token has waited that comes now.
func (t turn) after(at time.Time) uint8 {
	if t.waited(at) {
		return min(t.times+1, turnLevels-1)
	}
	return t.times
}
