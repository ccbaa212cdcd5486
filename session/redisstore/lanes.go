package redisstore

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// lanes are the lanes of a store: one, or in a cluster one to each node, so that a node that hangs holds up no look-ups of
// others.
type lanes struct {
	cluster *redis.ClusterClient // nil for a single server
	only    *lane

	mu    sync.Mutex
	nodes map[string]*lane // by address; no more than the cluster has had while this process runs
}

func newLanes(client redis.UniversalClient) *lanes {
	l := &lanes{only: newLane(client), nodes: map[string]*lane{}}
	l.cluster, _ = client.(*redis.ClusterClient)
	return l
}

// of returns the lane to the server of a key. Whether the node still has the key decides the client when it sends.
func (l *lanes) of(ctx context.Context, key string) (*lane, error) {
	if l.cluster == nil {
		return l.only, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tripTimeout)
	defer cancel()
	node, err := l.cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, err
	}
	addr := node.Options().Addr
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.nodes[addr]
	if found == nil {
		found = newLane(l.cluster)
		l.nodes[addr] = found
	}
	return found, nil
}
