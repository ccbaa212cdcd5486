package million

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// writers is how many sessions are written at the same time.
const writers = 32

// filled is what it cost to get the sessions into the store.
type filled struct {
	// took is the time, redis the CPU of the nodes for one session.
	took, redis time.Duration
	// bytes is what a session takes of the memory of the nodes, with all lists that name it.
	bytes float64
}

// fill writes all sessions.
func fill(ctx context.Context, r *rig.Rig, c *rig.Cluster, s Size) (all, ofOne []rig.Person, f filled, err error) {
	_, store, done, err := c.Open()
	if err != nil {
		return nil, nil, f, err
	}
	defer done()
	before, err := c.Used(ctx)
	if err != nil {
		return nil, nil, f, err
	}
	cpu, err := c.CPU()
	if err != nil {
		return nil, nil, f, err
	}
	began := time.Now()
	all, err = rig.Fill(ctx, store, rig.Filling{Issuer: r.Issuer, Sessions: s.Sessions, Users: s.Users, AtOnce: writers, Tokens: rig.Renewable})
	if err != nil {
		return nil, nil, f, err
	}
	f.took = time.Since(began)
	cpuAfter, err := c.CPU()
	if err != nil {
		return nil, nil, f, err
	}
	after, err := c.Used(ctx)
	if err != nil {
		return nil, nil, f, err
	}
	f.redis = (cpuAfter - cpu) / time.Duration(s.Sessions)
	f.bytes = float64(after-before) / float64(s.Sessions)
	ofOne, err = rig.Fill(ctx, store, rig.Filling{Issuer: r.Issuer, Sessions: s.OfOne, Users: 1, User: s.Users, AtOnce: writers, Tokens: rig.Renewable})
	return all, ofOne, f, err
}

// zipfian is how much more often the first sessions are used than the last: by Zipf's law, the tenth is used about a tenth
// as often as the first.
const zipfian = 1.01

// drawn are sessions as a day draws them: few of them most of the time. They lie anywhere in the store.
func drawn(all []rig.Person, n int) []rig.Person {
	random := rand.New(rand.NewPCG(14, 2026))
	places := random.Perm(len(all))
	law := rand.NewZipf(random, zipfian, 1, uint64(len(all)-1))
	people := make([]rig.Person, n)
	for i := range people {
		people[i] = all[places[law.Uint64()]]
	}
	return people
}
