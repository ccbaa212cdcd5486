package failover

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
	// confirmWait is how long a write waits for the replicas to have it. It must be shorter than the client's ReadTimeout.
	confirmWait = 300 * time.Millisecond
	// confirmBriefly is how long a write waits during confirmLapse after one that waited in vain, as with a master whose
	// replicas are away.
	confirmBriefly = 50 * time.Millisecond
	confirmLapse   = 2 * time.Second
)

// confirmation is how long to wait until the replicas have a write. What only the master has acknowledged is lost if it
// dies the next moment: a session that was ended would live again, and one that has just begun would be gone. With
// sentinels all replicas that they call healthy must have it, because any of them may be promoted, and one that was
// promoted a moment ago no longer hears the master.
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

// note notes whether all replicas have confirmed that were waited for.
func (c *confirmation) note(all bool, now time.Time) {
	if all {
		c.lapsed.Store(0)
		return
	}
	c.lapsed.Store(now.UnixNano())
}

// Write sends a command that writes key, as the numbered list of the package says. The error is that of cmd, or why cmd
// does not count.
//
// Commands in after are sent with cmd and carried out after it; each has its own error. In a cluster there must be none,
// because they may be for another node.
func (g *Guard) Write(ctx context.Context, key string, cmd redis.Cmder, after ...redis.Cmder) error {
	if g.confirm == nil {
		return together(ctx, g.client, cmd, after)
	}
	term, all := g.masters.current(), max(1, g.masters.replicas())
	replicas, err := g.confirmed(ctx, key, all, cmd, after)
	if err == nil && replicas < all {
		err = g.masters.stays(ctx, term)
	}
	return err
}

// confirmed sends a command and returns how many replicas are known to have what it wrote.
func (g *Guard) confirmed(ctx context.Context, key string, all int64, cmd redis.Cmder, after []redis.Cmder) (replicas int64, err error) {
	server, err := g.masterOf(ctx, key)
	if err != nil {
		return 0, err
	}
	if server == nil {
		return 0, together(ctx, g.client, cmd, after)
	}
	wait := redis.NewIntCmd(ctx, "wait", all, g.confirm.patience(time.Now()).Milliseconds())
	pipe := server.Pipeline()
	_ = pipe.Process(ctx, cmd)
	for _, c := range after {
		_ = pipe.Process(ctx, c)
	}
	_ = pipe.Process(ctx, wait)
	_, err = pipe.Exec(ctx)
	if Unsent(err, append(after, cmd, wait)) {
		return 0, err
	}
	switch err := cmd.Err(); {
	case moved(err):
		// The slot is on its way to another node, where there is nothing to wait by.
		return 0, g.client.Process(ctx, cmd)
	case err != nil:
		return 0, err
	case wait.Err() != nil && !errors.As(wait.Err(), new(redis.Error)):
		return 0, wait.Err()
	}
	g.confirm.note(wait.Val() >= all, time.Now()) // 0 also from a server that does not let this user wait
	return wait.Val(), nil
}

// masterOf returns the client of the server that key is written on; nil in a cluster that has no replicas.
func (g *Guard) masterOf(ctx context.Context, key string) (redis.UniversalClient, error) {
	cluster, ok := g.client.(*redis.ClusterClient)
	if !ok {
		return g.client, nil
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
	if _, err := pipe.Exec(ctx); Unsent(err, append(after, cmd)) {
		return err
	}
	return cmd.Err()
}

// Unsent reports whether the error of a pipeline is not the error of a command in it: there was no connection, so nothing
// was sent.
func Unsent(err error, cmds []redis.Cmder) bool {
	return err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil })
}
