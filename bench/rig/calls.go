package rig

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Calls is how often each command was called.
type Calls map[string]int64

// notCounted are commands that connections are opened and watched with, and the one that asks for the counts.
var notCounted = map[string]bool{"info": true, "hello": true, "client|setinfo": true, "client|maint_notifications": true, "ping": true}

// reading are the commands that change nothing. Any other counts as a write.
var reading = map[string]bool{
	"get": true, "getrange": true, "mget": true, "exists": true, "pttl": true, "zrange": true, "zrangebyscore": true, "zcard": true, "xrange": true, "xlen": true,
	"subscribe": true, "wait": true,
}

// Calls counts the commands, those of scripts included and notCounted left out.
func (s *Redis) Calls(ctx context.Context) (Calls, error) {
	client := redis.NewClient(&redis.Options{Addr: s.Address})
	defer client.Close()
	stats, err := client.InfoMap(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	all := Calls{}
	for name, values := range stats["Commandstats"] {
		if name = strings.TrimPrefix(name, "cmdstat_"); notCounted[name] {
			continue
		}
		times, _, _ := strings.Cut(strings.TrimPrefix(values, "calls="), ",")
		if all[name], err = strconv.ParseInt(times, 10, 64); err != nil {
			return nil, fmt.Errorf("commandstats of redis: %w", err)
		}
	}
	return all, nil
}

// Trips is how often the server has read from a connection: a pipeline that it reads at once counts as one. That is a round
// trip where one client at a time asks.
func (s *Redis) Trips(ctx context.Context) (int64, error) {
	client := redis.NewClient(&redis.Options{Addr: s.Address})
	defer client.Close()
	stats, err := client.InfoMap(ctx, "stats").Result()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(stats["Stats"]["total_reads_processed"], 10, 64)
}

// Since counts what was called since before.
func (c Calls) Since(before Calls) (reads, writes int64) {
	for name, n := range c {
		if n -= before[name]; reading[name] {
			reads += n
		} else {
			writes += n
		}
	}
	return reads, writes
}

// List names what was called since before, and how often.
func (c Calls) List(before Calls) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if n := c[name] - before[name]; n > 0 {
			all = append(all, fmt.Sprintf("%s %d", name, n))
		}
	}
	return strings.Join(all, ", ")
}
