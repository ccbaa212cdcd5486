package lives

import (
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Lives are those of a run, all with the same cases.
type Lives []*Life

// CPU and Elapsed are what a turn takes of the processor and of time.
func CPU(t rig.Turn) float64     { return float64(t.CPU) }
func Elapsed(t rig.Turn) float64 { return float64(t.Elapsed) }

// Ratio is what a request of case i takes, as a multiple of one of case base.
func (all Lives) Ratio(i, base int, takes func(rig.Turn) float64) rig.Estimate {
	return all.estimate(func(l *Life) float64 { return l.ratio(i, takes) / l.ratio(base, takes) })
}

// Slowest is how long 99 of 100 requests of case i take at most, as a multiple of those of case base.
func (all Lives) Slowest(i, base int) rig.Estimate {
	return all.estimate(func(l *Life) float64 { return float64(l.cases[i].p99) / float64(l.cases[base].p99) })
}

// estimate is the mean over the lives, with the error that follows from how they differ.
func (all Lives) estimate(of func(*Life) float64) rig.Estimate {
	values := make([]float64, len(all))
	for i, l := range all {
		values[i] = of(l)
	}
	return rig.MeanOf(values)
}

// A Sum is what is not compared: of all lives together, or of a typical one.
type Sum struct {
	// PerRequest is the CPU time of a request in microseconds, Rate the requests a second, of all turns together.
	PerRequest, Rate float64
	// What half of the requests, and 99 of 100, take at most: medians of the lives.
	P50, P99 time.Duration
	// Requests is how many there were in a life.
	Requests int
}

// Sum is that of case i.
func (all Lives) Sum(i int) Sum {
	var whole rig.Turn
	var p50, p99 []float64
	for _, l := range all {
		for _, t := range l.turns {
			if t.of == i {
				whole.CPU, whole.Elapsed, whole.Answered = whole.CPU+t.CPU, whole.Elapsed+t.Elapsed, whole.Answered+t.Answered
			}
		}
		p50, p99 = append(p50, float64(l.cases[i].p50)), append(p99, float64(l.cases[i].p99))
	}
	return Sum{
		PerRequest: whole.PerRequest(), Rate: whole.Rate(), Requests: whole.Answered / len(all),
		P50: time.Duration(rig.Median(p50)), P99: time.Duration(rig.Median(p99)),
	}
}

// Noise is what the rest of the machine did, as a share of one core: the median of all turns.
func (all Lives) Noise() float64 {
	var values []float64
	for _, l := range all {
		for _, t := range l.turns {
			values = append(values, t.Foreign)
		}
	}
	return rig.Median(values)
}

// Turns is how many turns case i had in all lives together.
func (all Lives) Turns(i int) (n int) {
	for _, l := range all {
		for _, t := range l.turns {
			if t.of == i {
				n++
			}
		}
	}
	return n
}
