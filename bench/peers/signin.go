package peers

import (
	"context"
	"fmt"

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

// startSignIns starts the gateways of all cases, each with a Redis of its own.
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

// turnsOfSignIns lets the cases take turns in which users sign in.
func (c *comparison) turnsOfSignIns(ctx context.Context) error {
	type asked struct {
		calls rig.Calls
		trips int64
	}
	before := make([]asked, len(c.signIns))
	read := func(s *signIns) (a asked, err error) {
		if a.calls, err = s.redis.Calls(ctx); err == nil {
			a.trips, err = s.redis.Trips(ctx)
		}
		return a, err
	}
	for i, s := range c.signIns {
		if s.redis != nil {
			var err error
			if before[i], err = read(s); err != nil {
				return err
			}
		}
	}
	for turn := range c.options.Rounds {
		turns := make(rig.Round, len(c.signIns))
		for at := range c.signIns {
			if turn%2 == 1 { // backwards, so that none always follows the same one
				at = len(c.signIns) - 1 - at
			}
			s, err := c.signIns[at], error(nil)
			if turns[at], err = s.turn(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
		}
		c.signInRounds = append(c.signInRounds, turns)
		c.rig.Note("sign-ins: round %d of %d", turn+1, c.options.Rounds)
	}
	for i, s := range c.signIns {
		if s.redis == nil {
			continue
		}
		after, err := read(s)
		if err != nil {
			return err
		}
		reads, writes := after.calls.Since(before[i].calls)
		people := float64(c.options.Rounds * s.people)
		s.commands, s.trips = float64(reads+writes)/people, float64(after.trips-before[i].trips)/people
	}
	return nil
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
