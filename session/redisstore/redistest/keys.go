package redistest

import (
	"context"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
)

// Forever is what Keys reports for a key without a TTL.
const Forever = time.Duration(-1)

// Keys returns every key of database db that starts with prefix, and its TTL, up to what a Duration holds. Only a
// test may scan.
func (s *Server) Keys(db int, prefix string) map[string]time.Duration {
	s.t.Helper()
	found := map[string]time.Duration{}
	s.each(db, prefix, func(_ context.Context, _ *redis.Conn, key string, ttl int64) error {
		if found[key] = Forever; ttl >= 0 {
			found[key] = time.Duration(min(ttl, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
		}
		return nil
	})
	return found
}

// Age lets the keys of database db that start with prefix grow older by d at once: TTLs shrink, and what ends goes.
// Together with a client whose clock moves on by d this is the passing of time, without the waiting.
func (s *Server) Age(db int, prefix string, d time.Duration) {
	s.t.Helper()
	s.each(db, prefix, func(ctx context.Context, c *redis.Conn, key string, ttl int64) error {
		switch left := ttl - d.Milliseconds(); {
		case ttl < 0:
			return nil
		case left <= 0:
			return c.Del(ctx, key).Err()
		default:
			return c.Do(ctx, "pexpire", key, left).Err()
		}
	})
}

func (s *Server) each(db int, prefix string, do func(ctx context.Context, c *redis.Conn, key string, ttl int64) error) {
	s.t.Helper()
	ctx := context.Background()
	c := s.control.Conn()
	defer c.Close() //nolint:errcheck // only gives the connection back
	err := c.Select(ctx, db).Err()
	for cursor := uint64(0); err == nil; {
		var keys []string
		if keys, cursor, err = c.Scan(ctx, cursor, prefix+"*", 1000).Result(); err != nil {
			break
		}
		for _, key := range keys {
			var ttl int64
			if ttl, err = c.Do(ctx, "pttl", key).Int64(); err == nil && ttl != -2 { // gone in between
				err = do(ctx, c, key, ttl)
			}
			if err != nil {
				break
			}
		}
		if cursor == 0 {
			break
		}
	}
	if err == nil {
		err = c.Select(ctx, 0).Err()
	}
	if err != nil {
		s.t.Fatalf("reading keys: %v", err)
	}
}
