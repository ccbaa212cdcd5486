package failover

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Guard is a Redis client with checks of its answers against failovers. It is safe for concurrent use.
type Guard struct {
	client  redis.UniversalClient
	masters *masters      // nil without sentinels
	confirm *confirmation // nil where there are no replicas
}

// New returns a guard with a client for the options. If they name sentinels it uses its own dialer, and asks the
// sentinels in the background until Close. It connects to no server itself.
func New(opt *redis.UniversalOptions) *Guard {
	g := &Guard{}
	if opt.MasterName != "" {
		g.masters = newMasters(opt)
		opt.Dialer = g.masters.dial
	}
	if opt.MasterName != "" || opt.IsClusterMode {
		g.confirm = new(confirmation)
	}
	g.client = redis.NewUniversalClient(opt)
	return g
}

// Client returns the client for commands that write nothing, or whose write may be lost.
func (g *Guard) Client() redis.UniversalClient { return g.client }

// Confirms reports whether Write waits for replicas. Otherwise it only sends.
func (g *Guard) Confirms() bool { return g.confirm != nil }

// Term returns the number of changes of the master so far. Call it before a read, for StillMaster.
func (g *Guard) Term() uint64 { return g.masters.current() }

// StillMaster returns ErrDemoted if the master has changed since the term: a read in between may be the answer of a
// former master.
func (g *Guard) StillMaster(ctx context.Context, term uint64) error {
	return g.masters.still(ctx, term)
}

// Close closes the connections.
func (g *Guard) Close() error {
	g.masters.close()
	return g.client.Close()
}
