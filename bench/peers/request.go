package peers

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/latchkey-gateway/latchkey/bench/lives"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// startRequests starts the gateways whose requests are compared, and signs their users in.
func (c *comparison) startRequests(ctx context.Context) error {
	if !c.options.Requests {
		return nil
	}
	for _, kind := range []struct {
		name  string
		redis bool
		start func(ctx context.Context, name string, redis *rig.Redis) (*rig.Gateway, error)
	}{
		{latchkeyRedis, true, c.latchkey},
		{plainCaddy, false, c.plain},
		{latchkeyFile, false, c.latchkey},
		{besideRedis, true, c.oauth2proxy},
		{besideSecurity, false, c.security},
	} {
		if kind.name == besideSecurity && c.options.CaddySecurity == "" {
			continue
		}
		var redis *rig.Redis
		var err error
		if kind.redis {
			if redis, err = c.rig.StartRedis(ctx); err != nil {
				return err
			}
		}
		g, err := kind.start(ctx, kind.name, redis)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		var people []rig.Person
		if kind.name == plainCaddy { // the very requests that Latchkey checks
			people = c.requests[0].People
		} else if people, err = c.signedIn(ctx, g); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		c.rig.Use(g, people)
		if err := g.Client.Everybody(ctx, rig.AtOnce); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		c.requests = append(c.requests, g)
	}
	return nil
}

func (c *comparison) signedIn(ctx context.Context, g *rig.Gateway) ([]rig.Person, error) {
	if err := rig.AwaitSignIn(ctx, g.Site); err != nil {
		return nil, err
	}
	all, err := rig.SignInAll(ctx, g.Site, c.options.Sessions, rig.AtOnce)
	if err != nil {
		return nil, err
	}
	people := make([]rig.Person, len(all))
	for i, one := range all {
		people[i].Cookies = one.Cookies
	}
	return people, nil
}

// turnsOfRequests lets the cases take turns, in several lives of their gateways.
func (c *comparison) turnsOfRequests(ctx context.Context) error {
	if !c.options.Requests {
		return nil
	}
	for n := range c.options.Lives {
		if n > 0 {
			if err := c.againForRequests(ctx); err != nil {
				return err
			}
		}
		var life lives.Life
		for _, at := range lives.Order(rand.New(rand.NewPCG(4, uint64(n))), len(c.requests), c.options.perLife()) { //nolint:gosec // every run has the same turns
			t, err := c.requests[at].Turn(ctx, rig.AtOnce, c.options.Slice)
			if err != nil {
				return fmt.Errorf("%s: %w", c.requests[at].Name, err)
			}
			life.Add(at, t)
		}
		life.End()
		c.requestLives = append(c.requestLives, &life)
		c.rig.Note("requests: life %d of %d", n+1, c.options.Lives)
	}
	return nil
}

// againForRequests starts all gateways again, and has every user come once.
func (c *comparison) againForRequests(ctx context.Context) error {
	if err := c.rig.Anew(); err != nil {
		return err
	}
	for _, g := range c.requests {
		err := g.Again(ctx)
		if err == nil {
			err = g.Client.Everybody(ctx, rig.AtOnce)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", g.Name, err)
		}
	}
	return nil
}
