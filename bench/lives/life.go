package lives

import (
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Base is the case that all others are compared with.
const Base = 0

// A Life is what the cases cost while their processes lived, in turns.
type Life struct {
	turns []turn // in the order in which they were taken; the first and the last are of the baseline
	// cases are by their number.
	cases []latencies
}

type turn struct {
	of int
	rig.Turn
}

// latencies are those of all requests of a case: all of them until the life has ended, then what is asked of them.
type latencies struct {
	all      []time.Duration
	p50, p99 time.Duration
}

// Add adds the next turn, of case i.
func (l *Life) Add(i int, t rig.Turn) {
	for len(l.cases) <= i {
		l.cases = append(l.cases, latencies{})
	}
	l.cases[i].all = append(l.cases[i].all, t.Latencies...)
	t.Latencies = nil
	l.turns = append(l.turns, turn{of: i, Turn: t})
}

// End computes the percentiles. A percentile of all requests of a life counts every pause, in however few turns it fell.
func (l *Life) End() {
	for i := range l.cases {
		c := &l.cases[i]
		if len(c.all) == 0 {
			continue
		}
		slices.Sort(c.all)
		c.p50, c.p99, c.all = rig.Percentile(c.all, 0.50), rig.Percentile(c.all, 0.99), nil
	}
}

// ratio is what a request of case i takes of something, the baseline = 1: what all requests of its turns took together, by
// what as many of the baseline would have taken at the same times. What one of the baseline takes at the time of a turn lies
// on the line between its turns before and after that, so that a steady drift has no part in it.
func (l *Life) ratio(i int, takes func(rig.Turn) float64) float64 {
	if i == Base {
		return 1
	}
	taken, base := 0.0, 0.0
	for at, t := range l.turns {
		if t.of == i {
			taken += takes(t.Turn)
			base += float64(t.Answered) * l.baseAt(at, takes)
		}
	}
	return taken / base
}

// baseAt is what a request of the baseline takes at a place in the order of the turns.
func (l *Life) baseAt(at int, takes func(rig.Turn) float64) float64 {
	before, after := at, at
	for l.turns[before].of != Base {
		before--
	}
	for l.turns[after].of != Base {
		after++
	}
	one := func(t rig.Turn) float64 { return takes(t) / float64(t.Answered) }
	near := float64(at-before) / float64(after-before)
	return (1-near)*one(l.turns[before].Turn) + near*one(l.turns[after].Turn)
}
