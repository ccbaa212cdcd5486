package lives

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// A machine as it is simulated: what makes two runs differ.
type machine struct {
	// truth is what a request of each case takes, in microseconds.
	truth []float64
	// luck is by how much a process differs from others of the same program, as a share, for as long as it lives.
	luck float64
	// drift is how far the machine's speed moves from a turn to the next, and noise what is new in every turn.
	drift, noise float64
}

// run is a whole run on such a machine.
func (m machine) run(random *rand.Rand, count, rounds int) Lives {
	const answered = 2000
	var all Lives
	speed := 0.0
	for range count {
		var l Life
		luck := make([]float64, len(m.truth))
		for i := range luck {
			luck[i] = 1 + m.luck*random.NormFloat64()
		}
		for _, i := range Order(random, len(m.truth), rounds) {
			speed = 0.98*speed + m.drift*random.NormFloat64()
			one := m.truth[i] * luck[i] * math.Exp(speed+m.noise*random.NormFloat64())
			l.Add(i, rig.Turn{
				Answered: answered, CPU: time.Duration(one * answered * float64(time.Microsecond)),
				Latencies: []time.Duration{time.Duration(one * float64(time.Microsecond))},
			})
		}
		l.End()
		all = append(all, &l)
	}
	return all
}

// Of a hundred runs about 95 have the truth within their error, whatever it is that makes them differ.
func TestTruthIsWithinTheError(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]machine{
		"a quiet machine":          {noise: 0.03},
		"the luck of processes":    {luck: 0.02, noise: 0.02},
		"a machine that drifts":    {drift: 0.05, noise: 0.03},
		"all of it":                {luck: 0.01, drift: 0.03, noise: 0.08},
		"luck and nothing else":    {luck: 0.03},
		"drift that is not noise":  {drift: 0.08},
		"noise that is not spread": {noise: 0.15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m.truth = []float64{90, 90, 96.3, 112.5, 99}
			const runs = 400
			var within [5]int
			random := rand.New(rand.NewPCG(1, 2))
			for range runs {
				all := m.run(random, 6, 6)
				for i, truth := range m.truth {
					if e := all.Ratio(i, Base, CPU); math.Abs(e.Value-truth/m.truth[Base]) <= e.Err+1e-9 {
						within[i]++
					}
				}
			}
			for i, n := range within[1:] {
				if share := float64(n) / runs; share < 0.91 || share > 0.99 {
					t.Errorf("case %d: the truth is within the error in %.3f of the runs", i+1, share)
				}
			}
		})
	}
}

// Turns of one life, however many, do not show the luck of its processes.
func TestErrorIsThatOfLives(t *testing.T) {
	m := machine{truth: []float64{100, 100}, luck: 0.02}
	random := rand.New(rand.NewPCG(3, 4))
	if e := m.run(random, 1, 200).Ratio(1, Base, CPU); !math.IsInf(e.Err, 1) {
		t.Errorf("the error of one life is %v", e)
	}
	if e := m.run(random, 6, 200).Ratio(1, Base, CPU); e.Err < 0.005 || e.Err > 0.08 {
		t.Errorf("the error of six lives is %v", e)
	}
}

// The turns of the baseline before and after a turn saw the same drift.
func TestSteadyDriftHasNoPartInARatio(t *testing.T) {
	var l Life
	for at, i := range []int{0, 1, 2, 3, 0, 3, 1, 2, 0} {
		cost := []float64{100, 100, 110, 150}[i] * (1 + float64(at)/4)
		l.Add(i, rig.Turn{Answered: 10, CPU: time.Duration(cost * 1000)})
	}
	for i, want := range []float64{1, 1, 1.1, 1.5} {
		if got := l.ratio(i, CPU); math.Abs(got-want) > 1e-9 {
			t.Errorf("case %d: %v, want %v", i, got, want)
		}
	}
}

// What falls into few turns belongs to all requests: a collection of garbage, a pause.
func TestEveryRequestCounts(t *testing.T) {
	var l Life
	for at := range 21 {
		c := rig.Turn{Answered: 100, CPU: 100}
		for range 100 {
			c.Latencies = append(c.Latencies, time.Millisecond)
		}
		if at == 9 {
			c.CPU = 200
			for i := range 15 {
				c.Latencies[i] = time.Second
			}
		}
		l.Add(at%2, c)
	}
	l.End()
	all := Lives{&l, &l}
	if e := all.Ratio(1, Base, CPU); math.Abs(e.Value-1.1) > 1e-9 || e.Err != 0 {
		t.Errorf("got %v, want 1.1", e)
	}
	if e := all.Slowest(1, Base); e.Value != 1000 || e.Err != 0 {
		t.Errorf("the p99 is %v times as long, want 1000", e.Value)
	}
	sum := all.Sum(1)
	if sum.P50 != time.Millisecond || sum.P99 != time.Second || sum.Requests != 1000 || math.Abs(sum.PerRequest-0.0011) > 1e-9 {
		t.Errorf("got %+v", sum)
	}
}

func TestOrderOfTurns(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, row := range []struct{ cases, rounds, base int }{{23, 12, 12*22/3 + 1}, {5, 4, 7}, {3, 3, 3}, {2, 1, 2}, {1, 4, 2}} {
		order := Order(random, row.cases, row.rounds)
		if order[0] != Base || order[len(order)-1] != Base {
			t.Errorf("%+v: the baseline is not first and last in %v", row, order)
		}
		for i := range row.cases {
			want := row.rounds
			if i == Base {
				want = row.base
			}
			n := 0
			for _, of := range order {
				if of == i {
					n++
				}
			}
			if n != want {
				t.Errorf("%+v: case %d has %d turns, want %d", row, i, n, want)
			}
		}
		for part := range slices.Chunk(order[1:], apart+1) {
			if !slices.Contains(part, Base) {
				t.Errorf("%+v: the baseline is too far away in %v", row, part)
			}
		}
	}
}
