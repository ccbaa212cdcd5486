package rig

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Turn is what one case cost in one round.
type Turn struct {
	Answered int
	Elapsed  time.Duration
	// CPU of all processes of the case.
	CPU time.Duration
	// Foreign is what the rest of the machine used meanwhile, as a share of one core.
	Foreign float64
	P50     time.Duration
	P99     time.Duration
	// Latencies are those of all its requests, sorted, if it was a Gateway.Turn.
	Latencies []time.Duration
}

// PerRequest is the CPU time of one request in microseconds.
func (t Turn) PerRequest() float64 {
	return float64(t.CPU) / float64(time.Microsecond) / float64(t.Answered)
}

func (t Turn) Rate() float64 { return float64(t.Answered) / t.Elapsed.Seconds() }

// A Round is one turn of every case, the baseline first.
type Round []Turn

// Quieter returns the half of the rounds, rounded up, in which the machine had least else to do. It looks at nothing
// that the cases did themselves, so it cannot prefer a result.
func Quieter(rounds []Round) []Round {
	sorted := slices.SortedStableFunc(slices.Values(rounds), func(a, b Round) int { return cmp.Compare(Noise(a), Noise(b)) })
	return sorted[:(len(sorted)+1)/2]
}

// Noise is what the rest of the machine did in a round.
func Noise(r Round) float64 {
	sum := 0.0
	for _, t := range r {
		sum += t.Foreign
	}
	return sum / float64(len(r))
}

// Over maps every round to a number of one case.
func Over(rounds []Round, f func(Round) float64) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = f(r)
	}
	return values
}

// An Estimate is a value, and half of the interval around it in which the truth lies in 95 of a hundred runs.
type Estimate struct{ Value, Err float64 }

// String and Bold are how it is printed.
func (e Estimate) String() string { return fmt.Sprintf("%.3f ± %.3f", e.Value, e.Err) }
func (e Estimate) Bold() string   { return fmt.Sprintf("**%.3f** ± %.3f", e.Value, e.Err) }

// MeanOf is the mean of values.
func MeanOf(values []float64) Estimate {
	n, mean := float64(len(values)), 0.0
	for _, v := range values {
		mean += v / n
	}
	return Estimate{Value: mean, Err: inInterval(len(values), math.Sqrt(variance(values)/n))}
}

// variance is that of the distribution that the values are of.
func variance(values []float64) float64 {
	n, mean, squares := float64(len(values)), 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return squares / (n - 1)
}

// students are the quantiles of Student's t for 95 of a hundred, by degrees of freedom less one.
var students = []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}

// inInterval is half of the interval around a value that was estimated from n others, with this standard error. One value
// says nothing of the error.
func inInterval(n int, standard float64) float64 {
	switch df := n - 1; {
	case df < 1:
		return math.Inf(1)
	case df <= len(students):
		return students[df-1] * standard
	default: // Abramowitz and Stegun 26.7.5
		return (1.95996 + 2.3722/float64(df) + 2.8225/float64(df*df)) * standard
	}
}

// CPURatioOfRounds is the median of the ratios within a round of what a request of case i costs to one of case base. The error
// is that of the median of as many values that are spread like these.
func CPURatioOfRounds(rounds []Round, i, base int) Estimate {
	return MedianOf(Over(rounds, func(r Round) float64 { return r[i].PerRequest() / r[base].PerRequest() }))
}

// MedianOf is the median of values.
func MedianOf(values []float64) Estimate {
	n := len(values)
	return Estimate{Value: Median(values), Err: inInterval(n, math.Sqrt(math.Pi/2*variance(values)/float64(n)))}
}

// CPURatio is what a request of case i costs, as a multiple of one of case base.
func CPURatio(rounds []Round, i, base int) Estimate {
	return Ratio(rounds, i, base, func(t Turn) float64 { return float64(t.CPU) })
}

// Ratio is what a request of case i takes of something, as a multiple of one of case base: of all requests in all the
// rounds, not the median of rounds, because a collection of garbage falls into few of them and belongs to all.
func Ratio(rounds []Round, i, base int, takes func(Turn) float64) Estimate {
	return Jackknife(rounds, func(rounds []Round) float64 {
		return perAnswer(rounds, i, takes) / perAnswer(rounds, base, takes)
	})
}

// perAnswer is what a request of case i takes of something, in all the rounds.
func perAnswer(rounds []Round, i int, takes func(Turn) float64) float64 {
	taken, answered := 0.0, 0.0
	for _, r := range rounds {
		taken, answered = taken+takes(r[i]), answered+float64(r[i].Answered)
	}
	return taken / answered
}

// Jackknife is a value of some rounds. Its error is how far it moves as rounds are left out, one at a time. One round says
// nothing of the error.
func Jackknife[R any](rounds []R, of func([]R) float64) Estimate {
	e, n := Estimate{Value: of(rounds), Err: math.Inf(1)}, float64(len(rounds))
	if n < 2 {
		return e
	}
	values := make([]float64, len(rounds))
	for k := range rounds {
		values[k] = of(slices.Delete(slices.Clone(rounds), k, k+1))
	}
	e.Err = inInterval(len(rounds), math.Sqrt(variance(values)/n)*(n-1))
	return e
}

// Cost is the CPU time of one request of case i in microseconds, over all the rounds.
func Cost(rounds []Round, i int) float64 {
	var all Turn
	for _, r := range rounds {
		all.CPU, all.Answered = all.CPU+r[i].CPU, all.Answered+r[i].Answered
	}
	return all.PerRequest()
}

// Median of a non-empty list; the mean of the middle two if there is no middle.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Percentile returns the value that the given share of a sorted, non-empty list does not exceed.
func Percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
