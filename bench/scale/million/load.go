package million

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// latencies are those of some requests.
type latencies struct{ median, p99 time.Duration }

func latenciesOf(all []time.Duration) latencies {
	sorted := slices.Sorted(slices.Values(all))
	return latencies{rig.Percentile(sorted, 0.50), rig.Percentile(sorted, 0.99)}
}

// started is a gateway that was started beside the filled store.
type started struct {
	*rig.Gateway
	// took is the time from its start until it had answered the first request of a session.
	took time.Duration
	// cold are the first requests of sessions that it has not seen, one at a time; warm are the same again.
	cold, warm latencies
}

// start starts a gateway, whose first user is the first of the people, and sends it the requests of all, twice.
func start(ctx context.Context, r *rig.Rig, c *rig.Cluster, people []rig.Person) (*started, error) {
	began := time.Now()
	g, err := r.ClusterGateway(ctx, rig.Setup{Name: "gateway", InRedis: true}, c)
	if err != nil {
		return nil, err
	}
	s := &started{Gateway: g}
	r.Use(g, people[:1])
	if err := g.Client.Everybody(ctx, 1); err != nil {
		return nil, err
	}
	s.took = time.Since(began)
	if s.cold, err = s.oneByOne(ctx, r, people[1:]); err != nil {
		return nil, err
	}
	s.warm, err = s.oneByOne(ctx, r, people[1:])
	return s, err
}

// oneByOne sends the request of each session, one at a time.
func (s *started) oneByOne(ctx context.Context, r *rig.Rig, people []rig.Person) (latencies, error) {
	r.Use(s.Gateway, people)
	sent := 0
	t, err := s.Client.Load(ctx, 1, func() bool { sent++; return sent >= len(people) })
	return latenciesOf(t.Latencies), err
}

// loaded is what signed-in requests cost, plain Caddy first.
type loaded struct {
	rounds []rig.Round
	// redis is the CPU of the nodes for a request of the gateways.
	redis time.Duration
	// memory is what each gateway takes at the end, in bytes.
	memory []int64
}

// load sends requests of the drawn sessions to plain Caddy and to the gateways, round after round.
func load(ctx context.Context, r *rig.Rig, c *rig.Cluster, gateways []*started, people []rig.Person, s Size) (*loaded, error) {
	plain, err := r.Gateway(ctx, rig.Setup{Name: "plain Caddy", Plain: true}, nil, "")
	if err != nil {
		return nil, err
	}
	cases := []*rig.Gateway{plain}
	for _, g := range gateways {
		cases = append(cases, g.Gateway)
	}
	for _, g := range cases {
		r.Use(g, people)
		// What a gateway keeps of the sessions is what it keeps on any day.
		if _, err := g.Client.During(ctx, rig.AtOnce, 2*s.Slice); err != nil {
			return nil, err
		}
	}
	l := &loaded{}
	var asked time.Duration
	requests := 0
	for n := range s.Rounds {
		r.Note("round %d of %d", n+1, s.Rounds)
		round := make(rig.Round, len(cases))
		for i, g := range cases {
			before, err := c.CPU()
			if err != nil {
				return nil, err
			}
			if round[i], err = g.Turn(ctx, rig.AtOnce, s.Slice); err != nil {
				return nil, err
			}
			after, err := c.CPU()
			if err != nil {
				return nil, err
			}
			if i > 0 {
				asked, requests = asked+after-before, requests+round[i].Answered
			}
		}
		l.rounds = append(l.rounds, round)
	}
	l.redis = asked / time.Duration(requests)
	for _, g := range gateways {
		rss, err := g.Gateway.Processes[0].RSS()
		if err != nil {
			return nil, err
		}
		l.memory = append(l.memory, rss)
	}
	return l, nil
}
