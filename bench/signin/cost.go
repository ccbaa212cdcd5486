package signin

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// cost is the cost of signing all users in, for one case.
type cost struct {
	people   int
	requests int
	cpu      time.Duration
	// cookie is the length of the session cookie's value, cookies that of the whole Cookie header.
	cookie, cookies int
	// redis is what Redis keeps of it all, log the part of the sign-in log; commands and trips are what it was asked. Zero
	// without it.
	redis, log, commands, trips int64
}

// Turns is in how many turns the users of a case sign in.
const Turns = 10

// A Result is what a run found out: costs and the turns of rounds are in the order of the variants.
type Result struct {
	people   int
	variants []variant
	costs    []cost
	rounds   []rig.Round
}

// A running case is a variant with its gateway.
type running struct {
	variant
	*rig.Gateway
	redis *rig.Redis // nil without one
	had   asked      // of Redis, before the first turn
}

// asked is what a Redis holds and was asked.
type asked struct {
	rig.Kept
	rig.Calls
	trips int64
}

func (c running) asked(ctx context.Context) (a asked, err error) {
	if a.Kept, err = c.redis.Kept(ctx); err != nil {
		return a, err
	}
	if a.Calls, err = c.redis.Calls(ctx); err != nil {
		return a, err
	}
	a.trips, err = c.redis.Trips(ctx)
	return a, err
}

// Run signs so many users in, in each case. What it returns as second is to be called at the end of the whole: it profiles
// the cases.
func Run(ctx context.Context, r *rig.Rig, people int, only *regexp.Regexp) (*Result, func(context.Context) error, error) {
	result := &Result{people: people, variants: chosen(r.Options, only)}
	result.costs = make([]cost, len(result.variants))
	var cases []running
	for _, v := range result.variants {
		c, err := start(ctx, r, v)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		cases = append(cases, c)
	}
	each := max(1, people/Turns)
	for i := range min(Turns, people) {
		r.Note("%d people sign in, in each of %d cases: turn %d", each, len(cases), i+1)
		turns := make(rig.Round, len(cases))
		for at := range cases {
			if i%2 == 1 { // backwards, so that none always follows the same one
				at = len(cases) - 1 - at
			}
			t, one, err := cases[at].turn(ctx, each)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", cases[at].variant.Name, err)
			}
			turns[at] = t
			result.costs[at].add(t, one)
		}
		result.rounds = append(result.rounds, turns)
	}
	for at, c := range cases {
		if c.redis == nil {
			continue
		}
		has, err := c.asked(ctx)
		if err != nil {
			return nil, nil, err
		}
		of := &result.costs[at]
		of.redis, of.log, of.trips = has.All-c.had.All, has.Log-c.had.Log, has.trips-c.had.trips
		reads, writes := has.Calls.Since(c.had.Calls)
		of.commands = reads + writes
	}
	return result, func(ctx context.Context) error { return profile(ctx, r, cases) }, nil
}

// start starts the gateway of a case, with a Redis of its own if it keeps sessions in one.
func start(ctx context.Context, r *rig.Rig, v variant) (c running, err error) {
	c.variant = v
	if v.InRedis {
		if c.redis, err = r.StartRedis(ctx); err != nil {
			return c, err
		}
	}
	if c.Gateway, err = r.Gateway(ctx, v.Setup, c.redis, ""); err != nil {
		return c, err
	}
	if err := rig.AwaitSignIn(ctx, c.Site); err != nil {
		return c, err
	}
	if c.redis != nil {
		c.had, err = c.asked(ctx)
	}
	return c, err
}

// turn signs people in and returns what that cost, and one of them.
func (c running) turn(ctx context.Context, people int) (t rig.Turn, one rig.SignedIn, err error) {
	t, err = c.During(ctx, people, func() error {
		all, err := rig.SignInAll(ctx, c.Site, people, c.atOnce)
		if err == nil {
			one = all[0]
		}
		return err
	})
	return t, one, err
}

func (c *cost) add(t rig.Turn, one rig.SignedIn) {
	c.people += t.Answered
	c.cpu += t.CPU
	c.requests, c.cookies = one.Requests, len(one.Cookies)
	for pair := range strings.SplitSeq(one.Cookies, "; ") {
		if value, ok := strings.CutPrefix(pair, rig.CookieName+"="); ok {
			c.cookie = len(value)
		}
	}
}

func profile(ctx context.Context, r *rig.Rig, cases []running) error {
	for _, c := range cases {
		if err := r.Profile(ctx, c.Gateway, "sign-in", func(ctx context.Context) error {
			_, err := rig.SignInAll(ctx, c.Site, 10*c.atOnce, c.atOnce)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
