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
	// feedQuiet is how long the feed may be silent before the server is pinged, and then how long the server may take
	// to answer.
	feedQuiet = 2 * time.Second
	// feedPause is how long a subscription that failed waits before the next try.
	feedPause = 250 * time.Millisecond
)

var _ session.Feed = (*Store)(nil)

// channel returns the name of the feed's channel. It depends on the prefix and not on the database, because Redis
// channels span all databases. The byte ~ separates channels from keys, for permissions that are given by pattern.
func (n names) channel() string { return string(n) + "~feed" }

// Publish implements session.Feed with PUBLISH. Redis forwards it to every node in a cluster and to replicas.
func (s *Store) Publish(ctx context.Context, message string) error {
	ctx, cancel, err := s.begin(ctx, func() error { return nil })
	if err != nil {
		return err
	}
	defer cancel()
	return s.answer(s.client.Publish(ctx, s.names.channel(), message).Err())
}

// Subscribe implements session.Feed with SUBSCRIBE on a separate connection. It reads messages one by one. The server
// disconnects a subscriber that is too slow, which is a gap like any other.
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

// listen subscribes once and returns when the subscription ends.
func (s *Store) listen(ctx context.Context, on func(string), gap func()) {
	sub := s.client.Subscribe(ctx, s.names.channel())
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
			gap() // the client may have reconnected by itself
		case *redis.Message:
			on(message.Payload)
		}
	}
}
