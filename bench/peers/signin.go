package peers

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// A signIns case signs users in at a gateway, atOnce of them at the same time.
type signIns struct {
	*rig.Gateway
	redis  *rig.Redis // nil without one
	atOnce int
	people int // who sign in in a turn
	// requests are those of one sign-in to the gateway, commands and trips what Redis was asked for it.
	requests        int
	commands, trips float64
}

// asked is what a Redis was asked for sign-ins.
type asked struct {
	calls rig.Calls
	trips int64
}

// perLife is how many rounds a life has.
func (o Options) perLife() int { return (o.Rounds + o.Lives - 1) / o.Lives }

// startSignIns starts the gateways of all cases, each with a Redis of its own. The first is the baseline.
func (c *comparison) startSignIns(ctx context.Context) error {
	for _, kind := range []struct {
		name   string
		redis  bool
		start  func(ctx context.Context, name string, redis *rig.Redis) (*rig.Gateway, error)
		atOnce int
	}{
		{besideRedis, true, c.oauth2proxy, rig.AtOnce},
		{latchkeyRedis, true, c.latchkey, rig.AtOnce},
		{latchkeyFile, false, c.latchkey, rig.AtOnce},
		{besideRedis + alone, true, c.oauth2proxy, 1},
		{latchkeyRedis + alone, true, c.latchkey, 1},
		{latchkeyFile + alone, false, c.latchkey, 1},
		{besideSecurity, false, c.security, rig.AtOnce},
	} {
		if kind.name == besideSecurity && c.options.CaddySecurity == "" {
			continue
		}
		s := &signIns{atOnce: kind.atOnce, people: c.options.SignIns}
		if s.atOnce == 1 { // which takes long
			s.people = max(1, s.people/4)
		}
		var err error
		if kind.redis {
			if s.redis, err = c.rig.StartRedis(ctx); err != nil {
				return err
			}
		}
		if s.Gateway, err = kind.start(ctx, kind.name, s.redis); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		if err := rig.AwaitSignIn(ctx, s.Site); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		if _, err := s.turn(ctx); err != nil { // connections, and whatever else a gateway does once
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		c.signIns = append(c.signIns, s)
	}
	return nil
}

// turnsOfSignIns lets the cases take turns in which users sign in, in several lives of their gateways.
func (c *comparison) turnsOfSignIns(ctx context.Context) error {
	for n := range c.options.Lives {
		if n > 0 {
			if err := c.again(ctx); err != nil {
				return err
			}
		}
		life, err := c.lifeOfSignIns(ctx, lives.Order(rand.New(rand.NewPCG(3, uint64(n))), len(c.signIns), c.options.perLife())) //nolint:gosec // every run has the same turns
		if err != nil {
			return err
		}
		c.signInLives = append(c.signInLives, life)
		c.rig.Note("sign-ins: life %d of %d", n+1, c.options.Lives)
	}
	for i, s := range c.signIns {
		each := float64(s.people * c.signInLives.Turns(i))
		s.commands, s.trips = s.commands/each, s.trips/each
	}
	return nil
}

// again starts all gateways again, and has users sign in once.
func (c *comparison) again(ctx context.Context) error {
	if err := c.rig.Anew(); err != nil {
		return err
	}
	for _, s := range c.signIns {
		err := s.Again(ctx)
		if err == nil {
			err = rig.AwaitSignIn(ctx, s.Site)
		}
		if err == nil {
			_, err = s.turn(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// lifeOfSignIns has turns in the given order, and adds what each Redis was asked meanwhile.
func (c *comparison) lifeOfSignIns(ctx context.Context, order []int) (*lives.Life, error) {
	before := make([]asked, len(c.signIns))
	for i, s := range c.signIns {
		var err error
		if before[i], err = s.asked(ctx); err != nil {
			return nil, err
		}
	}
	var life lives.Life
	for _, at := range order {
		t, err := c.signIns[at].turn(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.signIns[at].Name, err)
		}
		life.Add(at, t)
	}
	life.End()
	for i, s := range c.signIns {
		after, err := s.asked(ctx)
		if err != nil {
			return nil, err
		}
		reads, writes := after.calls.Since(before[i].calls)
		s.commands, s.trips = s.commands+float64(reads+writes), s.trips+float64(after.trips-before[i].trips)
	}
	return &life, nil
}

// asked reads what the Redis of the case was asked so far; nothing without one.
func (s *signIns) asked(ctx context.Context) (a asked, err error) {
	if s.redis == nil {
		return a, nil
	}
	if a.calls, err = s.redis.Calls(ctx); err == nil {
		a.trips, err = s.redis.Trips(ctx)
	}
	return a, err
}

func (s *signIns) turn(ctx context.Context) (rig.Turn, error) {
	return s.During(ctx, s.people, func() error {
		all, err := rig.SignInAll(ctx, s.Site, s.people, s.atOnce)
		if err == nil {
			s.requests = all[0].Requests
		}
		return err
	})
}
