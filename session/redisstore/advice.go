package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Advice asks the servers how they are set up and returns what an operator should know: a server that evicts keys forgets
// sessions, one that is a replica takes none. A server that does not tell, as a managed one may, is passed over. An error
// means that none could be asked; where INFO is forbidden it is that of the server.
func (s *Store) Advice(ctx context.Context) ([]string, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return nil })
	if err != nil {
		return nil, err
	}
	defer cancel()
	var mu sync.Mutex
	var advice []string
	ask := func(ctx context.Context, node redis.Cmdable) error {
		info, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		replication, err := node.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, line := range advise(info, replication) {
			if !slices.Contains(advice, line) {
				advice = append(advice, line)
			}
		}
		return nil
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return ask(ctx, node) })
	} else {
		err = ask(ctx, s.client)
	}
	return advice, s.answer(err)
}

// advise reads what INFO says of memory and of replication.
func advise(memory, replication string) (advice []string) {
	if policy := infoField(memory, "maxmemory_policy"); policy != "" && policy != "noeviction" {
		line := fmt.Sprintf("redis evicts keys when its memory is full (maxmemory-policy %s), and with them sessions: set maxmemory-policy noeviction", policy)
		if infoField(memory, "maxmemory") == "0" {
			line += "; it has no maxmemory now, so nothing is evicted yet"
		}
		advice = append(advice, line)
	}
	if infoField(replication, "role") == "slave" {
		advice = append(advice, "redis is a replica, which takes no writes: no user can sign in or out; name the master, or use sentinel")
	}
	return advice
}

// infoField returns a field of an answer to INFO, shortened; empty if it is not there or is more than a word.
func infoField(info, name string) string {
	for line := range strings.SplitSeq(info, "\n") {
		if value, ok := strings.CutPrefix(strings.TrimRight(line, "\r"), name+":"); ok {
			if len(value) > 32 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
				return ""
			}
			return value
		}
	}
	return ""
}
