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

// signInTurns is in how many turns the users of a case sign in. The cases take turns, as those of requests do.
const signInTurns = 10

// signIns starts a gateway for each way to sign in, and signs people in.
func (r *rig) signIns(ctx context.Context, result *report) ([]*running, error) {
	var cases []*running
	var redis []*server
	var had []kept
	for _, v := range chosenSignIns(r.options) {
		c, server, err := r.signInCase(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		var before kept
		if server != nil {
			if before, err = server.kept(ctx); err != nil {
				return nil, err
			}
		}
		cases, redis, had = append(cases, c), append(redis, server), append(had, before)
		result.signInVariants = append(result.signInVariants, v)
		result.signIns = append(result.signIns, signInCost{name: v.name})
	}
	people := max(1, r.options.signIns/signInTurns)
	for i := range min(signInTurns, r.options.signIns) {
		fmt.Fprintf(r.notes, "%d people sign in, in each of %d cases: turn %d\n", people, len(cases), i+1)
		turns := make(round, len(cases))
		for at := range cases {
			if i%2 == 1 { // backwards, so that none always follows the same one
				at = len(cases) - 1 - at
			}
			t, one, err := r.signInTurn(ctx, cases[at], people)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", cases[at].name, err)
			}
			turns[at] = t
			result.signIns[at].add(t, one)
		}
		result.signInRounds = append(result.signInRounds, turns)
	}
	for at, server := range redis {
		if server == nil {
			continue
		}
		has, err := server.kept(ctx)
		if err != nil {
			return nil, err
		}
		result.signIns[at].redis, result.signIns[at].log = has.all-had[at].all, has.log-had[at].log
	}
	return cases, nil
}

// signInCase starts the gateway of a case, with a Redis of its own if it keeps sessions in one.
func (r *rig) signInCase(ctx context.Context, v variant) (c *running, redis *server, err error) {
	if v.inRedis {
		if redis, err = r.startRedis(ctx); err != nil {
			return nil, nil, err
		}
	}
	if c, err = r.gateway(ctx, v, redis, ""); err != nil {
		return nil, nil, err
	}
	return c, redis, awaitSignIn(ctx, c.site)
}

// signInTurn signs people in and returns what that cost, and one of them.
func (r *rig) signInTurn(ctx context.Context, c *running, people int) (turn, signedIn, error) {
	before, err := c.usage()
	if err != nil {
		return turn{}, signedIn{}, err
	}
	started := time.Now()
	all, err := signInAll(ctx, c.site, people, c.atOnce)
	if err != nil {
		return turn{}, signedIn{}, err
	}
	after, err := c.settled(ctx)
	if err != nil {
		return turn{}, signedIn{}, err
	}
	return turn{answered: people, elapsed: time.Since(started), cpu: after.own - before.own, foreign: foreign(before, after, time.Since(started))}, all[0], nil
}

func (c *signInCost) add(t turn, one signedIn) {
	c.people += t.answered
	c.cpu += t.cpu
	c.requests, c.cookies = one.requests, len(one.cookies)
	for pair := range strings.SplitSeq(one.cookies, "; ") {
		if value, ok := strings.CutPrefix(pair, cookieName+"="); ok {
			c.cookie = len(value)
		}
	}
}

// refreshes is what a refresh of a bound session costs.
type refreshes struct {
	rounds []round
	// commands are how many commands a refresh sends to Redis.
	commands float64
}

// refreshing measures refreshes with Redis, in as many turns as sign-ins have.
func (r *rig) refreshing(ctx context.Context) (*refreshes, error) {
	redis, err := r.startRedis(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := r.boundIn(ctx, redis, r.options.people[some])
	if err != nil {
		return nil, err
	}
	c, err := r.gateway(ctx, variant{name: "refresh", inRedis: true, recheck: neverAgain, bound: true}, redis, "")
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(r.notes, "%d bound sessions are refreshed, %d times\n", len(devices), signInTurns)
	if err := refreshAll(ctx, devices, c.site, connections[0]); err != nil { // their first challenge
		return nil, err
	}
	result := &refreshes{}
	before, err := redisCalls(ctx, redis.address)
	if err != nil {
		return nil, err
	}
	for range signInTurns {
		began, err := c.usage()
		if err != nil {
			return nil, err
		}
		started := time.Now()
		if err := refreshAll(ctx, devices, c.site, connections[0]); err != nil {
			return nil, err
		}
		ended, err := c.settled(ctx)
		if err != nil {
			return nil, err
		}
		whole := time.Since(started)
		result.rounds = append(result.rounds, round{{answered: len(devices), elapsed: whole, cpu: ended.own - began.own, foreign: foreign(began, ended, whole)}})
	}
	after, err := redisCalls(ctx, redis.address)
	if err != nil {
		return nil, err
	}
	reads, writes := after.since(before)
	result.commands = float64(reads+writes) / float64(signInTurns*len(devices))
	return result, r.profileRefreshes(ctx, c, devices)
}

// withDevices gives a case sessions that are bound.
func (r *rig) withDevices(ctx context.Context, c *running, redis *server, n int) ([]person, error) {
	devices, err := r.boundIn(ctx, redis, n)
	if err != nil {
		return nil, err
	}
	if err := refreshAll(ctx, devices, c.site, connections[0]); err != nil {
		return nil, err
	}
	all := make([]person, n)
	for i, d := range devices {
		all[i] = person{cookies: d.header()}
	}
	return all, nil
}
