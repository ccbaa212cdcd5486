package failover

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Guard is a client of Redis with what is needed to check its answers against failovers. It is safe for concurrent use.
type Guard struct {
	client  redis.UniversalClient
	masters *masters      // nil without sentinels
	confirm *confirmation // nil where there are no replicas
}

// New makes a client of the options, with a dialer of its own if they name sentinels. It reaches no server itself; with
// sentinels it asks them in the background until Close.
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

// Client returns the client for commands that write nothing, or whose write may be forgotten.
func (g *Guard) Client() redis.UniversalClient { return g.client }

// Term returns how often the master has changed so far. Take it before a read, for StillMaster.
func (g *Guard) Term() uint64 { return g.masters.current() }

// StillMaster returns ErrDemoted if the master has changed since the term was taken: what was read in between may be the
// word of a server that is no longer the master.
func (g *Guard) StillMaster(ctx context.Context, term uint64) error {
	return g.masters.still(ctx, term)
}

// Close closes the connections.
func (g *Guard) Close() error {
	g.masters.close()
	return g.client.Close()
}
