package request

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Options are those of a run.
type Options struct {
	// People are how many sessions the sizes stand for.
	People [Sizes]int
	Rounds int
	// Connections of the measurements: many, with queueing as on a busy site, and few, which shows latency.
	Connections []int
	// Slice is the length of a turn.
	Slice time.Duration
	// Garbage are the requests whose memory is counted.
	Garbage int
	// Only leaves out the cases whose names do not match it, but not the baseline.
	Only *regexp.Regexp
}

// A Result is what a run found out.
type Result struct {
	options  Options
	variants []variant
	// loads are the measurements, by number of connections.
	loads []load
	// garbage is by variant.
	garbage []rig.Memory
	// Cached is the memory of a session in the cache, as each case with many found it.
	Cached []rig.Memory
	// InRedis is what a session takes of a Redis that holds as many as a case with many: with a refresh token, without, and
	// without but with an id_token_hint.
	InRedis []float64
}

type load struct {
	connections int
	rounds      []rig.Round
}

// A running case is a variant with its gateway.
type running struct {
	variant
	*rig.Gateway
}

// Run measures all cases. What it returns as second is to be called at the end of the whole: it profiles them.
func Run(ctx context.Context, r *rig.Rig, o Options) (*Result, func(context.Context) error, error) {
	result := &Result{options: o}
	cases, err := start(ctx, r, o, result)
	if err != nil {
		return nil, nil, err
	}
	for i, n := range o.Connections {
		rounds := o.Rounds
		if i > 0 {
			rounds = max(2, o.Rounds/3)
		}
		measured, err := measure(ctx, r, o, cases, n, rounds)
		if err != nil {
			return nil, nil, err
		}
		result.loads = append(result.loads, load{connections: n, rounds: measured})
	}
	for _, c := range cases {
		g, err := c.Garbage(ctx, int64(o.Garbage))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", c.variant.Name, err)
		}
		result.garbage = append(result.garbage, g)
	}
	return result, func(ctx context.Context) error {
		for _, c := range cases {
			if err := r.Profile(ctx, c.Gateway, "requests", func(ctx context.Context) error {
				_, err := c.Client.During(ctx, rig.AtOnce, rig.ProfileTime)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// start starts a gateway for each variant, and lets every user come once.
func start(ctx context.Context, r *rig.Rig, o Options, result *Result) ([]running, error) {
	n := slices.Max(o.People[:])
	r.Note("%d sessions are written to a file", n)
	file, inFile, err := r.FileWith(ctx, n)
	if err != nil {
		return nil, err
	}
	var redis *rig.Redis
	var inRedis []rig.Person
	if r.Options.Redis != "" {
		r.Note("%d sessions are written to Redis", n)
		if redis, err = r.StartRedis(ctx); err != nil {
			return nil, err
		}
		var bytes float64
		if inRedis, bytes, err = r.RedisWith(ctx, redis, n, rig.Renewable); err != nil {
			return nil, err
		}
		result.InRedis = append(result.InRedis, bytes)
		for _, tokens := range []rig.Tokens{rig.None, rig.Hint} {
			if bytes, err = size(ctx, r, n, tokens); err != nil {
				return nil, err
			}
			result.InRedis = append(result.InRedis, bytes)
		}
	}
	var cases []running
	for _, v := range chosen(r.Options, o.Only) {
		r.Note("starting: %s", v.Name)
		g, err := r.Gateway(ctx, v.Setup, redis, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		all := inFile
		if v.InRedis {
			all = inRedis
		}
		people, err := peopleOf(ctx, r, o, v, g, redis, all)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		r.Use(g, people)
		g.Client.Burst = v.burst
		result.variants = append(result.variants, v)
		cases = append(cases, running{variant: v, Gateway: g})
		if err := welcome(ctx, g, v, result); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return cases, nil
}

// peopleOf chooses the users of a case from all that its store has, or makes the kind that it needs.
func peopleOf(ctx context.Context, r *rig.Rig, o Options, v variant, g *rig.Gateway, redis *rig.Redis, all []rig.Person) ([]rig.Person, error) {
	size := v.people
	if v.Plain {
		size = Some // the very requests that the others check
	}
	n := o.People[size]
	switch {
	case v.Bound:
		return r.WithDevices(ctx, g, redis, n)
	case v.own:
		return r.OwnPrograms(ctx, redis, o.People[Some], ownToken)
	case v.programs:
		return r.Programs(o.People[Some])
	}
	return all[:n], nil
}

// size is what a session takes of a Redis of its own.
func size(ctx context.Context, r *rig.Rig, n int, tokens rig.Tokens) (float64, error) {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return 0, err
	}
	_, bytes, err := r.RedisWith(ctx, redis, n, tokens)
	if stopping := redis.Process.Stop(); err == nil {
		err = stopping
	}
	return bytes, err
}

// welcome lets every user come once. With many users it records the memory that this costs.
func welcome(ctx context.Context, g *rig.Gateway, v variant, result *Result) error {
	if v.Plain || v.people != Many || v.Recheck != rig.NeverAgain {
		return g.Client.Everybody(ctx, rig.AtOnce)
	}
	before, err := g.Heap(ctx)
	if err != nil {
		return err
	}
	if err := g.Client.Everybody(ctx, rig.AtOnce); err != nil {
		return err
	}
	after, err := g.Heap(ctx)
	if err != nil {
		return err
	}
	n := float64(len(g.People))
	result.Cached = append(result.Cached, rig.Memory{
		Bytes: float64(after.InUse-before.InUse) / n, Pieces: float64(after.PiecesInUse-before.PiecesInUse) / n,
	})
	return nil
}

// measure lets the cases take turns, in another order in every round, so that none always follows the same one.
func measure(ctx context.Context, r *rig.Rig, o Options, cases []running, connections, n int) ([]rig.Round, error) {
	rounds := make([]rig.Round, n)
	order := rand.New(rand.NewPCG(1, uint64(connections))) //nolint:gosec // every run has the same turns
	for i := range rounds {
		rounds[i] = make(rig.Round, len(cases))
		for _, at := range order.Perm(len(cases)) {
			t, err := cases[at].Turn(ctx, connections, o.Slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cases[at].variant.Name, err)
			}
			rounds[i][at] = t
		}
		if i == len(rounds)-1 || i%10 == 9 {
			r.Note("%d connections: round %d of %d", connections, i+1, len(rounds))
		}
	}
	return rounds, nil
}
