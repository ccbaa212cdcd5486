package rig

import (
	"math"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, row := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(row.values); got != row.want {
			t.Errorf("Median(%v) = %v, want %v", row.values, got, row.want)
		}
	}
}

// Of a garbage collection in one round of ten a tenth belongs to every request.
func TestRatioCountsAllRequests(t *testing.T) {
	var rounds []Round
	for i := range 10 {
		r := Round{{CPU: 100, Answered: 10}, {CPU: 100, Answered: 10}, {CPU: 110, Answered: 10}}
		if i == 0 {
			r[1].CPU = 200
		}
		rounds = append(rounds, r)
	}
	if e := CPURatio(rounds, 1, 0); math.Abs(e.Value-1.1) > 1e-9 || e.Err < 0.15 || e.Err > 0.35 {
		t.Errorf("got %+v, want 1.1 and an error that shows it was one round", e)
	}
	if e := CPURatio(rounds, 2, 0); math.Abs(e.Value-1.1) > 1e-9 || e.Err > 1e-9 {
		t.Errorf("got %+v, want 1.1 without an error", e)
	}
}

// The choice of rounds looks at the rest of the machine only, never at the result.
func TestQuieterLooksAtForeignTimeOnly(t *testing.T) {
	at := func(cpu time.Duration, foreign ...float64) Round {
		var r Round
		for _, f := range foreign {
			r = append(r, Turn{CPU: cpu, Answered: 1, Foreign: f})
		}
		return r
	}
	kept := Quieter([]Round{at(1, 0.9, 0.1), at(100, 0.2, 0.1), at(2, 0, 0.5)})
	if len(kept) != 2 || kept[0][0].CPU != 100 || kept[1][0].CPU != 2 {
		t.Errorf("kept %v", kept)
	}
}

// The ratio within a round does not see that a whole round was slow; one round alone says nothing about the error.
func TestRatioWithinRounds(t *testing.T) {
	rounds := []Round{
		{{CPU: 100, Answered: 10}, {CPU: 110, Answered: 10}}, {{CPU: 300, Answered: 10}, {CPU: 360, Answered: 10}}, {{CPU: 50, Answered: 10}, {CPU: 55, Answered: 10}},
	}
	if e := CPURatioOfRounds(rounds, 1, 0); math.Abs(e.Value-1.1) > 1e-9 || e.Err < 0.15 || e.Err > 0.25 {
		t.Errorf("got %+v, want 1.1 with the error of a median of 1.1, 1.2 and 1.1", e)
	}
	if e := CPURatioOfRounds(rounds[:1], 1, 0); !math.IsInf(e.Err, 1) {
		t.Errorf("got %+v of one round", e)
	}
}

// The intervals are those of the t distribution, as tables have them.
func TestInterval(t *testing.T) {
	for n, want := range map[int]float64{2: 12.706, 6: 2.571, 11: 2.228, 12: 2.201, 16: 2.131, 31: 2.042, 121: 1.980} {
		if got := inInterval(n, 1); math.Abs(got-want) > 0.003 {
			t.Errorf("of %d values: %.4f, want %.3f", n, got, want)
		}
	}
	if e := MeanOf([]float64{1, 2, 3}); e.Value != 2 || math.Abs(e.Err-4.303/math.Sqrt(3)) > 1e-9 {
		t.Errorf("of 1, 2 and 3: %v", e)
	}
	if e := MeanOf([]float64{7}); e.Value != 7 || !math.IsInf(e.Err, 1) {
		t.Errorf("of one value: %v", e)
	}
}
