package rig

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
)

const (
	// settleStep is how long a case's processes have to use next to no CPU before they count as settled.
	settleStep = 10 * time.Millisecond
	// settleAtMost bounds the wait for processes that never do.
	settleAtMost = 2 * time.Second
)

// Usage is a reading of the CPU clocks: of the case's processes, of this program, of the whole machine.
type Usage struct {
	Own, Bench, Machine time.Duration
}

// Usage reads the clocks now.
func (g *Gateway) Usage() (Usage, error) {
	var u Usage
	for _, p := range g.Processes {
		cpu, err := p.CPU()
		if err != nil {
			return Usage{}, err
		}
		u.Own += cpu
	}
	var err1, err2 error
	u.Bench, err1 = CPUOf(os.Getpid())
	u.Machine, err2 = MachineCPU()
	return u, errors.Join(err1, err2)
}

// Settled waits until the processes of the case rest, and reads the clocks.
func (g *Gateway) Settled(ctx context.Context) (Usage, error) {
	const rest = settleStep / 20 // what a server's clockwork may take
	poll := time.NewTicker(settleStep)
	defer poll.Stop()
	last, err := g.Usage()
	for end := time.Now().Add(settleAtMost); err == nil && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return Usage{}, context.Cause(ctx)
		case <-poll.C:
		}
		before := last.Own
		if last, err = g.Usage(); last.Own-before < rest {
			break
		}
	}
	return last, err
}

// During is what work cost, which carries out so many things. What the processes still do when it is done, such as
// collecting the garbage of a large heap, is part of it, and must not fall into the next case's turn.
func (g *Gateway) During(ctx context.Context, things int, work func() error) (Turn, error) {
	before, err := g.Usage()
	if err != nil {
		return Turn{}, err
	}
	started := time.Now()
	if err := work(); err != nil {
		return Turn{}, err
	}
	elapsed := time.Since(started)
	after, err := g.Settled(ctx)
	if err != nil {
		return Turn{}, err
	}
	return Turn{Answered: things, Elapsed: elapsed, CPU: after.Own - before.Own, Foreign: Foreign(before, after, time.Since(started))}, nil
}

// Turn loads the gateway for so long, over so many connections.
func (g *Gateway) Turn(ctx context.Context, connections int, length time.Duration) (Turn, error) {
	if err := g.Client.Connect(ctx, connections); err != nil {
		return Turn{}, err
	}
	var got Tally
	t, err := g.During(ctx, 0, func() (err error) {
		got, err = g.Client.During(ctx, connections, length)
		return err
	})
	if err != nil {
		return Turn{}, err
	}
	slices.Sort(got.Latencies)
	t.Answered, t.Elapsed = got.Answered, got.Elapsed
	t.P50, t.P99, t.Latencies = Percentile(got.Latencies, 0.50), Percentile(got.Latencies, 0.99), got.Latencies
	return t, nil
}

// Foreign is what the rest of the machine used between two readings, as a share of one core.
func Foreign(before, after Usage, whole time.Duration) float64 {
	rest := (after.Machine - before.Machine) - (after.Own - before.Own) - (after.Bench - before.Bench)
	return max(0, rest.Seconds()) / whole.Seconds()
}
