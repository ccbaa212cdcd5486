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
	// confirmWait is how long a write waits for the confirmation of the replicas. It must be shorter than the client's
	// ReadTimeout.
	confirmWait = 300 * time.Millisecond
	// confirmBriefly is how long a write waits during confirmLapse after a write that waited without success, for
	// example because the replicas are down.
	confirmBriefly = 50 * time.Millisecond
	confirmLapse   = 2 * time.Second
)

// confirmation decides how long to wait until the replicas have a write. A write that only the master has acknowledged
// is lost if the master dies: an ended session would live again, and a new one would be missing. With sentinels all
// healthy replicas must have it, because any of them may be promoted, and a replica that was just promoted does not
// receive it any more.
type confirmation struct {
	lapsed atomic.Int64 // when replicas last failed to confirm, in nanoseconds since 1970
}

// patience returns how long to wait.
func (c *confirmation) patience(now time.Time) time.Duration {
	since := now.UnixNano() - c.lapsed.Load()
	if since < 0 || since >= int64(confirmLapse) {
		return confirmWait
	}
	return confirmBriefly
}

// note records whether all expected replicas have confirmed.
func (c *confirmation) note(all bool, now time.Time) {
	if all {
		c.lapsed.Store(0)
		return
	}
	c.lapsed.Store(now.UnixNano())
}

// Write sends a command that writes key, by the numbered steps of the package comment. It returns the error of cmd, or
// the reason why cmd does not count.
func (g *Guard) Write(ctx context.Context, key string, cmd redis.Cmder) error {
	if g.confirm == nil {
		return g.client.Process(ctx, cmd)
	}
	term, all := g.masters.current(), max(1, g.masters.replicas())
	replicas, err := g.confirmed(ctx, key, all, cmd)
	if err == nil && replicas < all {
		err = g.masters.stays(ctx, term)
	}
	return err
}

// confirmed sends a command and returns how many replicas have its write.
func (g *Guard) confirmed(ctx context.Context, key string, all int64, cmd redis.Cmder) (replicas int64, err error) {
	server, err := g.masterOf(ctx, key)
	if err != nil {
		return 0, err
	}
	if server == nil {
		return 0, g.client.Process(ctx, cmd)
	}
	wait := redis.NewIntCmd(ctx, "wait", all, g.confirm.patience(time.Now()).Milliseconds())
	pipe := server.Pipeline()
	_ = pipe.Process(ctx, cmd)
	_ = pipe.Process(ctx, wait)
	_, err = pipe.Exec(ctx)
	if Unsent(err, []redis.Cmder{cmd, wait}) {
		return 0, err
	}
	switch err := cmd.Err(); {
	case moved(err):
		// The slot is moving to another node, for which there is no WAIT.
		return 0, g.client.Process(ctx, cmd)
	case err != nil:
		return 0, err
	case wait.Err() != nil && !errors.As(wait.Err(), new(redis.Error)):
		return 0, wait.Err()
	}
	g.confirm.note(wait.Val() >= all, time.Now()) // also 0 if the server does not allow this user WAIT
	return wait.Val(), nil
}

// masterOf returns the client of the server that writes key; nil in a cluster without replicas.
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

// moved reports whether another node of the cluster must be asked; this one has executed nothing.
func moved(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.HasPrefix(text, "MOVED ") || strings.HasPrefix(text, "ASK ") || strings.HasPrefix(text, "TRYAGAIN ")
}

// Unsent reports whether a pipeline failed because there was no connection, so that nothing was sent: its error is not
// the error of one of its commands.
func Unsent(err error, cmds []redis.Cmder) bool {
	return err != nil && !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil })
}
