package main

import (
	"cmp"
	"math"
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

// noise is what the rest of the machine did in a round.
func noise(r round) float64 {
	sum := 0.0
	for _, t := range r {
		sum += t.foreign
	}
	return sum / float64(len(r))
}

// over maps every round to a number of one case.
func over(rounds []round, f func(round) float64) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return values
}

// An estimate is a value and its standard error.
type estimate struct{ value, err float64 }

// cpuRatio is what a request of case i costs, as a multiple of one of case base: of all requests in all the rounds, not
// the median of rounds, because a collection of garbage falls into few of them and belongs to all. The error is that of
// a jackknife: how far the value moves as rounds are left out, one at a time.
func cpuRatio(rounds []round, i, base int) estimate {
	type sum struct{ cpu, answered float64 }
	var of, to sum
	for _, r := range rounds {
		of.cpu, of.answered = of.cpu+float64(r[i].cpu), of.answered+float64(r[i].answered)
		to.cpu, to.answered = to.cpu+float64(r[base].cpu), to.answered+float64(r[base].answered)
	}
	ratio := func(of, to sum) float64 { return of.cpu / of.answered / (to.cpu / to.answered) }
	e := estimate{value: ratio(of, to)}
	n := float64(len(rounds))
	if n < 2 {
		return estimate{value: e.value, err: math.Inf(1)}
	}
	values, mean := make([]float64, len(rounds)), 0.0
	for k, r := range rounds {
		values[k] = ratio(
			sum{of.cpu - float64(r[i].cpu), of.answered - float64(r[i].answered)},
			sum{to.cpu - float64(r[base].cpu), to.answered - float64(r[base].answered)})
		mean += values[k] / n
	}
	for _, v := range values {
		e.err += (v - mean) * (v - mean)
	}
	e.err = math.Sqrt(e.err * (n - 1) / n)
	return e
}

// cost is the CPU time of one request of case i in microseconds, over all the rounds.
func cost(rounds []round, i int) float64 {
	var all turn
	for _, r := range rounds {
		all.cpu, all.answered = all.cpu+r[i].cpu, all.answered+r[i].answered
	}
	return all.perRequest()
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
