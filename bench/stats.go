package main

import (
	"cmp"
	"slices"
	"time"
)

// A turn is what one case cost in one round.
type turn struct {
	answered int
	elapsed  time.Duration
	// cpu of all processes of the case.
	cpu time.Duration
	// foreign is what the rest of the machine used meanwhile, as a share of one core.
	foreign float64
	p50     time.Duration
	p99     time.Duration
}

// perRequest is the CPU time of one request in microseconds.
func (t turn) perRequest() float64 {
	return float64(t.cpu) / float64(time.Microsecond) / float64(t.answered)
}

func (t turn) rate() float64 { return float64(t.answered) / t.elapsed.Seconds() }

// A round is one turn of every case, the baseline first.
type round []turn

// quieter returns the half of the rounds, rounded up, in which the machine had least else to do. It looks at nothing
// that the cases did themselves, so it cannot prefer a result.
func quieter(rounds []round) []round {
	sorted := slices.SortedStableFunc(slices.Values(rounds), func(a, b round) int { return cmp.Compare(noise(a), noise(b)) })
	return sorted[:(len(sorted)+1)/2]
}

// noise is what the rest of the machine did in the worst turn of a round.
func noise(r round) float64 {
	return slices.MaxFunc(r, func(a, b turn) int { return cmp.Compare(a.foreign, b.foreign) }).foreign
}

// over maps every round to a number of one case.
func over(rounds []round, f func(round) float64) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return values
}

// median of a non-empty list; the mean of the middle two if there is no middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile returns the value that the given share of a sorted, non-empty list does not exceed.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
