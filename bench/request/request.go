package request

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Options are those of a run.
type Options struct {
	// People are how many sessions the sizes stand for.
	People [Sizes]int
	// Lives are how often the gateways are started, Rounds how many there are in each life: every case has one turn in each.
	Lives, Rounds int
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
	lives       lives.Lives
}

// A running case is a variant with its gateway.
type running struct {
	variant
	*rig.Gateway
}

// Run measures all cases. What it returns as second is to be called at the end of the whole: it profiles them.
func Run(ctx context.Context, r *rig.Rig, o Options) (*Result, func(context.Context) error, error) {
	result := &Result{options: o}
	for _, n := range o.Connections {
		result.loads = append(result.loads, load{connections: n})
	}
	cases, err := start(ctx, r, o, result)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	for life := range o.Lives {
		if life > 0 {
			if err := again(ctx, r, cases); err != nil {
				return nil, nil, err
			}
		}
		for i, n := range o.Connections {
			rounds := o.Rounds
			if i > 0 {
				rounds = max(1, o.Rounds/3)
			}
			measured, err := measure(ctx, o, cases, n, lives.Order(rand.New(rand.NewPCG(uint64(life), uint64(n))), len(cases), rounds))
			if err != nil {
				return nil, nil, err
			}
			result.loads[i].lives = append(result.loads[i].lives, measured)
		}
		r.Note("life %d of %d, %s since the first began", life+1, o.Lives, time.Since(began).Round(time.Second))
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
		c := running{variant: v, Gateway: g}
		result.variants, cases = append(result.variants, v), append(cases, c)
		if err := c.welcome(ctx, result); err != nil {
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

// warm lets every user come once.
func (c running) warm(ctx context.Context) error {
	c.Client.Burst = 0
	err := c.Client.Everybody(ctx, rig.AtOnce)
	c.Client.Burst = c.burst
	return err
}

// welcome does the same for the first time. With many users it records the memory that this costs.
func (c running) welcome(ctx context.Context, result *Result) error {
	if c.variant.Plain || c.people != Many || c.variant.Recheck != rig.NeverAgain {
		return c.warm(ctx)
	}
	before, err := c.Heap(ctx)
	if err != nil {
		return err
	}
	if err := c.warm(ctx); err != nil {
		return err
	}
	after, err := c.Heap(ctx)
	if err != nil {
		return err
	}
	n := float64(len(c.Gateway.People))
	result.Cached = append(result.Cached, rig.Memory{
		Bytes: float64(after.InUse-before.InUse) / n, Pieces: float64(after.PiecesInUse-before.PiecesInUse) / n,
	})
	return nil
}

// again starts all gateways again, and lets every user come once.
func again(ctx context.Context, r *rig.Rig, cases []running) error {
	if err := r.Anew(); err != nil {
		return err
	}
	for _, c := range cases {
		err := c.Again(ctx)
		if err == nil {
			err = c.warm(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.variant.Name, err)
		}
	}
	return nil
}

// measure lets the cases take turns, in the given order.
func measure(ctx context.Context, o Options, cases []running, connections int, order []int) (*lives.Life, error) {
	var life lives.Life
	for _, at := range order {
		t, err := cases[at].Turn(ctx, connections, o.Slice)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", cases[at].variant.Name, err)
		}
		life.Add(at, t)
	}
	life.End()
	return &life, nil
}
