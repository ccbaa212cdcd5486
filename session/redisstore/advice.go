package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Advice asks the servers for their settings and returns what an operator should know: a server that evicts keys loses
// sessions, and a replica accepts no writes. A server that does not answer the question, such as a managed one, is
// skipped. An error means that no server could be asked; if INFO is forbidden it is the server's error.
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

// advise reads the sections memory and replication of INFO.
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

// infoField returns a field of an answer to INFO, shortened; empty if it is missing or more than one word.
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
