package redisstore

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/retry"
)

const (
	// feedQuiet is how long the feed may be silent before the server is asked whether it is still there, and then how
	// long it may take to say so.
	feedQuiet = 2 * time.Second
	// feedPause is how long a subscription that failed waits before the next try.
	feedPause = 250 * time.Millisecond
)

var _ session.Feed = (*Store)(nil)

// channel is the name of the feed: of one prefix, whatever the database, for Redis has channels for all of them. The
// byte keeps it apart from keys for those who give out permissions by pattern.
func (s *Store) channel() string { return s.prefix + "~feed" }

// Publish implements session.Feed with PUBLISH, which a cluster and a failover setup pass on to every node.
func (s *Store) Publish(ctx context.Context, message string) error {
	ctx, cancel, err := s.begin(ctx, func() error { return nil })
	if err != nil {
		return err
	}
	defer cancel()
	return s.answer(s.client.Publish(ctx, s.channel(), message).Err())
}

// Subscribe implements session.Feed with SUBSCRIBE on a connection of its own. Messages are read one by one as they
// come: who is too slow is cut off by the server, which is a gap like any other.
func (s *Store) Subscribe(ctx context.Context, on func(string), gap func()) error {
	for ctx.Err() == nil {
		if s.closed.Load() {
			return session.ErrClosed
		}
		s.listen(ctx, on, gap)
		retry.Sleep(ctx, feedPause)
	}
	return ctx.Err()
}

// listen subscribes once and returns when that is over.
func (s *Store) listen(ctx context.Context, on func(string), gap func()) {
	sub := s.client.Subscribe(ctx, s.channel())
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	defer func() { _ = sub.Close() }()
	for quiet := false; !s.closed.Load(); {
		message, err := sub.ReceiveTimeout(ctx, feedQuiet)
		var timeout net.Error
		switch {
		case err == nil:
			quiet = false
		case quiet || ctx.Err() != nil || !errors.As(err, &timeout) || !timeout.Timeout() || sub.Ping(ctx) != nil:
			return
		default:
			quiet = true
			continue
		}
		switch message := message.(type) {
		case *redis.Subscription:
			gap() // the client may have connected anew by itself
		case *redis.Message:
			on(message.Payload)
		}
	}
}
