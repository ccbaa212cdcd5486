package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/failover"
)

// Store is a session.Store in Redis. It is safe for concurrent use. Several stores, in several processes, may share a
// database and a prefix.
type Store struct {
	guard   *failover.Guard
	client  redis.UniversalClient // the guard's
	lanes   *lanes
	writes  *lane // of commands that are sent once; nil where a write waits for replicas
	names   names
	secrets []string
	now     func() time.Time
	lasting lasting
	closing sync.Once
	closed  atomic.Bool
	err     error // of Close
}

var _ session.Store = (*Store)(nil)

// Open prepares a store. It makes no connection: a server that is down now may be up when it is needed; use Ping to
// check. Its errors concern the configuration.
func Open(cfg Config) (*Store, error) {
	opt, err := cfg.options()
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	s := &Store{names: names(cfg.prefix()), now: cfg.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.guard = failover.New(opt)
	s.client = s.guard.Client()
	s.lanes = newLanes(s.client)
	if !s.guard.Confirms() {
		s.writes = newLane(s.client)
	}
	for _, secret := range []string{opt.Password, opt.SentinelPassword} {
		if secret != "" {
			s.secrets = append(s.secrets, secret)
		}
	}
	return s, nil
}

// Get reads an entry with GET, on the way with other look-ups.
func (s *Store) Get(ctx context.Context, key session.Key) (session.Entry, error) {
	switch {
	case s.closed.Load():
		return session.Entry{}, session.ErrClosed
	case ctx.Err() != nil:
		return session.Entry{}, fmt.Errorf("%w: %w", session.ErrUnavailable, ctx.Err())
	}
	if err := session.CheckKey(key); err != nil {
		return session.Entry{}, err
	}
	name, term := s.names.entryKey(key), s.guard.Term()
	lane, err := s.lanes.of(ctx, name)
	if err != nil {
		return session.Entry{}, s.answer(err)
	}
	get := redis.NewStringCmd(ctx, "get", name)
	if err := lane.ask(ctx, &lookup{Cmder: get, turns: make(chan turn, 1)}); err != nil {
		return session.Entry{}, s.answer(err)
	}
	data, err := get.Bytes()
	if errors.Is(err, redis.Nil) {
		return session.Entry{}, s.absent(ctx, term)
	}
	if err != nil {
		return session.Entry{}, s.answer(err)
	}
	return decode(key, data)
}

// Replace writes an entry that exists in the given version, by a script.
func (s *Store) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error { return session.CheckEntry(e, now) })
	if err != nil {
		return 0, err
	}
	defer cancel()
	data := encode(e.Version+1, e.Expires, e.Value)
	old := binary.BigEndian.AppendUint64(nil, e.Version)
	term := s.guard.Term()
	outcome, err := s.run(ctx, s.once, replaceScript, s.names.entryKey(e.Key), old, data, ttl(e.Expires, now))
	switch {
	case err != nil:
		return 0, s.answer(err)
	case outcome == replaced:
		return e.Version + 1, nil
	case outcome == otherVersion:
		return 0, session.ErrConflict
	case outcome == gone:
		return 0, s.absent(ctx, term)
	}
	return 0, fmt.Errorf("%w: redis: replacing answers %v", session.ErrUnavailable, outcome)
}

// Remove deletes an entry and returns it, by a script (GETDEL is newer than Redis 6.0).
func (s *Store) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return session.CheckKey(key) })
	if err != nil {
		return session.Entry{}, err
	}
	defer cancel()
	term := s.guard.Term()
	outcome, err := s.run(ctx, s.once, removeScript, s.names.entryKey(key))
	if err == nil || errors.Is(err, redis.Nil) {
		s.unlist(ctx, from, err == nil) // after the entry, never before: a live session stays listed (A45)
	}
	if errors.Is(err, redis.Nil) {
		return session.Entry{}, s.absent(ctx, term)
	}
	if err != nil {
		return session.Entry{}, s.answer(err)
	}
	data, _ := outcome.(string)
	return decode(key, []byte(data))
}

// Members reads a sorted set with ZRANGEBYSCORE. Members with the same time are sorted by name.
func (s *Store) Members(ctx context.Context, index session.Key, before time.Time, limit int) ([]session.Key, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return session.CheckKey(index) })
	if err != nil {
		return nil, err
	}
	defer cancel()
	if limit <= 0 {
		return nil, nil
	}
	within := &redis.ZRangeBy{Min: "(" + strconv.FormatInt(s.now().UnixMilli(), 10), Max: "+inf", Count: min(int64(limit), math.MaxInt32) + marks}
	if !before.IsZero() {
		within.Max = "(" + strconv.FormatInt(before.Add(time.Millisecond-1).UnixMilli(), 10)
	}
	term := s.guard.Term()
	names, err := s.client.ZRangeByScore(ctx, s.names.indexKey(index), within).Result()
	if err == nil {
		err = s.guard.StillMaster(ctx, term)
	}
	if err != nil {
		return nil, s.answer(err)
	}
	keys := make([]session.Key, 0, len(names))
	for _, name := range names {
		if name != mark1 && name != mark2 && len(keys) < limit {
			keys = append(keys, session.Key(name))
		}
	}
	return keys, nil
}

// Delist removes members of a sorted set with ZREM.
func (s *Store) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	args := make([]any, len(members))
	ctx, cancel, err := s.begin(ctx, func() error {
		errs := []error{session.CheckKey(index)}
		for i, member := range members {
			args[i] = string(member)
			errs = append(errs, session.CheckKey(member))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return err
	}
	defer cancel()
	if len(args) == 0 {
		return nil
	}
	_, err = s.again(ctx, s.names.indexKey(index), append([]any{"zrem", s.names.indexKey(index)}, args...)...)
	return s.answer(err)
}

// absent returns ErrNotFound if the server that answered is still the master: the answer of any other server never ends
// a session.
func (s *Store) absent(ctx context.Context, term uint64) error {
	if err := s.guard.StillMaster(ctx, term); err != nil {
		return s.answer(err)
	}
	return session.ErrNotFound
}

// Ping asks the server.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel, err := s.begin(ctx, func() error { return nil })
	if err != nil {
		return err
	}
	defer cancel()
	return s.answer(s.client.Ping(ctx).Err())
}

// Close closes the connections. Calls in progress return ErrClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.err = s.guard.Close()
	})
	if s.err != nil {
		return fmt.Errorf("closing redis: %w", s.redact(s.err))
	}
	return nil
}

// begin starts a call. It first checks whether the store is closed, then ctx, then the arguments. The call has a
// timeout even if ctx has none.
func (s *Store) begin(ctx context.Context, check func() error) (context.Context, context.CancelFunc, error) {
	if s.closed.Load() {
		return nil, nil, session.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", session.ErrUnavailable, err)
	}
	if err := check(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	return ctx, cancel, nil
}

// answer converts a failure to an error of the contract. redis.Nil is handled before.
func (s *Store) answer(err error) error {
	switch {
	case err == nil:
		return nil
	case s.closed.Load() || errors.Is(err, redis.ErrClosed):
		return session.ErrClosed
	}
	return fmt.Errorf("%w: redis: %w", session.ErrUnavailable, s.redact(err))
}

// redact removes the password from an error: a server that does not know a command repeats its arguments.
func (s *Store) redact(err error) error {
	text := err.Error()
	for _, secret := range s.secrets {
		if strings.Contains(text, secret) {
			return errors.New("an error that quotes a password")
		}
	}
	return err
}
