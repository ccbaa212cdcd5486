package refresh

import (
	"context"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// Name is that of the case, by which it is chosen.
const Name = "refresh of a bound session, Redis"

// turns is how often all sessions are refreshed.
const turns = 10

// A Cost is what a refresh of a bound session costs.
type Cost struct {
	sessions int
	rounds   []rig.Round
	// commands are how many commands a refresh sends to Redis.
	commands float64
}

// Measure refreshes so many sessions in Redis, in turns.
func Measure(ctx context.Context, r *rig.Rig, sessions int) (*Cost, error) {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := r.BoundIn(ctx, redis, sessions)
	if err != nil {
		return nil, err
	}
	g, err := r.Gateway(ctx, rig.Setup{Name: Name, InRedis: true, Recheck: rig.NeverAgain, Bound: true}, redis, "")
	if err != nil {
		return nil, err
	}
	r.Note("%d bound sessions are refreshed, %d times", len(devices), turns)
	all := func(ctx context.Context) error { return rig.RefreshAll(ctx, devices, g.Site, rig.AtOnce) }
	if err := all(ctx); err != nil { // their first challenge
		return nil, err
	}
	result := &Cost{sessions: sessions}
	before, err := redis.Calls(ctx)
	if err != nil {
		return nil, err
	}
	for range turns {
		t, err := g.During(ctx, len(devices), func() error { return all(ctx) })
		if err != nil {
			return nil, err
		}
		result.rounds = append(result.rounds, rig.Round{t})
	}
	after, err := redis.Calls(ctx)
	if err != nil {
		return nil, err
	}
	reads, writes := after.Since(before)
	result.commands = float64(reads+writes) / float64(turns*len(devices))
	return result, r.Profile(ctx, g, "all", all)
}

// Write prints it.
func (c *Cost) Write(p *rig.Printer) {
	p.Printf("- A refresh of a bound session takes %.2f ms of CPU with Redis, its %.1f commands included (%d sessions, %d refreshes each, %d at a\n  time).\n",
		rig.Cost(rig.Quieter(c.rounds), 0)/1000, c.commands, c.sessions, len(c.rounds), rig.AtOnce)
}
