package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// signInCost is the cost of signing all users in, for one case.
type signInCost struct {
	name     string
	people   int
	requests int
	cpu      time.Duration
	// cookie is the length of the session cookie's value, cookies that of the whole Cookie header.
	cookie, cookies int
	// redis is what Redis keeps of it all, log the part of the sign-in log; zero without it.
	redis, log int64
}

// signIns starts a gateway for each way to sign in, and signs people in.
func (r *rig) signIns(ctx context.Context, result *report) ([]*running, error) {
	var cases []*running
	for _, v := range signInVariants {
		if v.inRedis && r.options.redis == "" {
			continue
		}
		fmt.Fprintf(r.notes, "%d people sign in: %s\n", r.options.signIns, v.name)
		var redis *server
		var err error
		if v.inRedis {
			if redis, err = r.startRedis(ctx); err != nil {
				return nil, err
			}
		}
		c, err := r.gateway(ctx, v, redis, "")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		cases = append(cases, c)
		cost, err := r.signIn(ctx, c, redis)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		result.signIns = append(result.signIns, cost)
	}
	return cases, nil
}

func (r *rig) signIn(ctx context.Context, c *running, redis *server) (signInCost, error) {
	cost := signInCost{name: c.name, people: r.options.signIns}
	if err := awaitSignIn(ctx, c.site); err != nil {
		return cost, err
	}
	var had, has kept
	var err error
	if redis != nil {
		if had, err = redis.kept(ctx); err != nil {
			return cost, err
		}
	}
	before, err := c.usage()
	if err != nil {
		return cost, err
	}
	all, err := signInAll(ctx, c.site, r.options.signIns, c.atOnce)
	if err != nil {
		return cost, err
	}
	after, err := c.settled(ctx)
	if err != nil {
		return cost, err
	}
	if redis != nil {
		if has, err = redis.kept(ctx); err != nil {
			return cost, err
		}
	}
	cost.cpu, cost.redis, cost.log = after.own-before.own, has.all-had.all, has.log-had.log
	cost.requests, cost.cookies = all[0].requests, len(all[0].cookies)
	for pair := range strings.SplitSeq(all[0].cookies, "; ") {
		if value, ok := strings.CutPrefix(pair, cookieName+"="); ok {
			cost.cookie = len(value)
		}
	}
	return cost, nil
}
