package streams

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// each is what one stream takes of a gateway's memory: of the heap, and of the stacks of goroutines.
type each struct{ heap, stack float64 }

// setups are plain Caddy, plain Caddy that sets as many headers, and a gateway whose sessions are in its cache.
func setups() []rig.Setup {
	who := rig.Subject(0) + "@example.com"
	lines := "request_header Remote-User " + who + "\n\trequest_header Remote-Email " + who + "\n\trequest_header Remote-Name \"A Person\""
	return []rig.Setup{
		{Name: "plain Caddy", Plain: true, SameBinary: true},
		{Name: "plain Caddy that sets three headers", Plain: true, SameBinary: true, Lines: lines},
		{Name: "gateway", InRedis: true, Recheck: rig.NeverAgain},
	}
}

// memory opens streams of each kind at a new gateway of each setup.
func memory(ctx context.Context, r *rig.Rig, redis *rig.Redis, people []rig.Person) ([][kinds]each, error) {
	var all [][kinds]each
	for _, setup := range setups() {
		var row [kinds]each
		for k := range kinds {
			r.Note("%d streams: %s, %s", len(people), setup.Name, kindNames[k])
			var err error
			if row[k], err = memoryOf(ctx, r, setup, redis, people, k); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", setup.Name, kindNames[k], err)
			}
		}
		all = append(all, row)
	}
	return all, nil
}

func memoryOf(ctx context.Context, r *rig.Rig, setup rig.Setup, redis *rig.Redis, people []rig.Person, k kind) (each, error) {
	g, err := gateway(ctx, r, setup, redis)
	if err != nil {
		return each{}, err
	}
	r.Use(g, people)
	defer func() { _ = g.Processes[0].Stop() }()
	if err := g.Client.Everybody(ctx, rig.AtOnce); err != nil { // the sessions are in the cache, the connections open
		return each{}, err
	}
	if err := g.Client.Close(); err != nil {
		return each{}, err
	}
	before, err := settled(ctx, g)
	if err != nil {
		return each{}, err
	}
	c := newClient(g.Site)
	defer c.h2.CloseIdleConnections()
	streams, err := c.openAll(ctx, k, people)
	defer closeAll(streams)
	if err != nil {
		return each{}, err
	}
	after, err := settled(ctx, g)
	n := float64(len(people))
	return each{heap: float64(after.InUse-before.InUse) / n, stack: float64(after.Stack-before.Stack) / n}, err
}

// settled is the heap after pools have given up what they have, which takes two collections.
func settled(ctx context.Context, g *rig.Gateway) (h rig.Heap, err error) {
	for range 4 {
		if h, err = g.Heap(ctx); err != nil {
			return h, err
		}
	}
	return h, nil
}

// gateway starts a gateway whose app has streams, which takes HTTP/2 without TLS, and keeps tunnels over a reload.
func gateway(ctx context.Context, r *rig.Rig, setup rig.Setup, redis *rig.Redis) (*rig.Gateway, error) {
	a, err := r.Place()
	if err != nil {
		return nil, err
	}
	if a.App, err = startApp(ctx, r); err != nil {
		return nil, err
	}
	a.Redis = redis.Address
	g, err := r.Caddy(ctx, r.Options.Binary, a, caddyfile(setup, a))
	if err == nil {
		g.Setup = setup
	}
	return g, err
}

func caddyfile(setup rig.Setup, a rig.Addresses) string {
	text := strings.Replace(setup.Caddyfile(a), "{\n", "{\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}\n", 1)
	return strings.Replace(text, "reverse_proxy "+a.App, "reverse_proxy "+a.App+" {\n\t\tstream_close_delay 1h\n\t}", 1)
}
