package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// confirmWait is how long a write waits for the replicas to have it. It is shorter than ioTimeout.
	confirmWait = 300 * time.Millisecond
	// confirmBriefly is how long for confirmLapse after one has waited in vain, as with a master whose replicas are away.
	confirmBriefly = 50 * time.Millisecond
	confirmLapse   = 2 * time.Second
)

// confirmation makes a write known to the replicas before it counts, where there are any: Sentinel and Cluster. What the
// master alone has acknowledged is lost if it dies the next moment: a session that was ended would live again, and one
// that has just begun would be gone. With sentinels all replicas that they call healthy must have it, for any of them may
// be promoted, and one that was promoted a moment ago no longer hears the master; in a cluster one.
//
// Where too few confirm, the write counts all the same, unless a sentinel is replacing the master: a master that is alone
// would else refuse everything. Who wants that has Redis refuse it (min-replicas-to-write).
type confirmation struct {
	lapsed atomic.Int64 // when replicas last failed to confirm, in nanoseconds since 1970
}

// patience is how long to wait.
func (c *confirmation) patience(now time.Time) time.Duration {
	since := now.UnixNano() - c.lapsed.Load()
	if since < 0 || since >= int64(confirmLapse) {
		return confirmWait
	}
	return confirmBriefly
}

// note takes up whether all have confirmed that were waited for.
func (c *confirmation) note(all bool, now time.Time) {
	if all {
		c.lapsed.Store(0)
		return
	}
	c.lapsed.Store(now.UnixNano())
}

// process sends a command that writes key, and where there are replicas waits for them on the same connection, which is
// what WAIT goes by. An answer without a word about replicas is a failure: the master may have died of it. What not all
// of them confirm must have come from who is the master, and stays it.
//
// Commands that come after cmd are sent with it and carried out after it; each has its own error, and that of cmd is
// returned. In a cluster there must be none, for they may be another node's.
func (s *Store) process(ctx context.Context, key string, cmd redis.Cmder, after ...redis.Cmder) error {
	if s.confirm == nil {
		return together(ctx, s.client, cmd, after)
	}
	seen, all := s.masters.seen(), max(1, s.masters.replicas())
	replicas, err := s.confirmed(ctx, key, all, cmd, after)
	if err == nil && replicas < all {
		err = s.masters.stays(ctx, seen)
	}
	return err
}

// confirmed sends a command and tells how many replicas have what it wrote, as far as that is known.
func (s *Store) confirmed(ctx context.Context, key string, all int64, cmd redis.Cmder, after []redis.Cmder) (replicas int64, err error) {
	server, err := s.masterOf(ctx, key)
	if err != nil {
		return 0, err
	}
	if server == nil {
		return 0, together(ctx, s.client, cmd, after)
	}
	wait := redis.NewIntCmd(ctx, "wait", all, s.confirm.patience(time.Now()).Milliseconds())
	pipe := server.Pipeline()
	_ = pipe.Process(ctx, cmd)
	for _, c := range after {
		_ = pipe.Process(ctx, c)
	}
	_ = pipe.Process(ctx, wait)
	_, err = pipe.Exec(ctx)
	if unsent(err, append(after, cmd, wait)) {
		return 0, err
	}
	switch err := cmd.Err(); {
	case moved(err):
		// The slot is on its way to another node, where there is nothing to wait by.
		return 0, s.client.Process(ctx, cmd)
	case err != nil:
		return 0, err
	case wait.Err() != nil && !errors.As(wait.Err(), new(redis.Error)):
		return 0, wait.Err()
	}
	s.confirm.note(wait.Val() >= all, time.Now()) // 0 also from a server that does not let this user wait
	return wait.Val(), nil
}

// masterOf returns the client of the server that key is written on; nil in a cluster that has no replicas.
func (s *Store) masterOf(ctx context.Context, key string) (redis.UniversalClient, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return s.client, nil
	}
	var replicas atomic.Bool
	err := cluster.ForEachSlave(ctx, func(context.Context, *redis.Client) error { replicas.Store(true); return nil })
	if err != nil || !replicas.Load() {
		return nil, err
	}
	return cluster.MasterForKey(ctx, key)
}

// moved reports whether another node of the cluster is to be asked; this one has done nothing.
func moved(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.HasPrefix(text, "MOVED ") || strings.HasPrefix(text, "ASK ") || strings.HasPrefix(text, "TRYAGAIN ")
}

// together sends commands in one round trip and returns the error of the first.
func together(ctx context.Context, client redis.UniversalClient, cmd redis.Cmder, after []redis.Cmder) error {
	if len(after) == 0 {
		return client.Process(ctx, cmd)
	}
	pipe := client.Pipeline()
	_ = pipe.Process(ctx, cmd)
	for _, c := range after {
		_ = pipe.Process(ctx, c)
	}
	if _, err := pipe.Exec(ctx); unsent(err, append(after, cmd)) {
		return err
	}
	return cmd.Err()
}

// unsent reports whether the error of a pipeline is that of no command in it: there was no connection, and so nothing was
// sent.
func unsent(err error, cmds []redis.Cmder) bool {
	return err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil })
}
