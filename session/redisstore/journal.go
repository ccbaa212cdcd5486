package redisstore

import (
	"context"
	"fmt"
	"math"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

var _ journal.Journal = (*Store)(nil)

// streamKey marks streams with a byte that keys of entries and indexes cannot contain.
func (s *Store) streamKey(stream string) string { return s.prefix + "+" + stream }

const (
	// valueField is the only field of an entry in a stream.
	valueField = "v"
	// trimStep is how many entries one XTRIM removes at most: a few milliseconds of the server's time.
	trimStep = 10_000
)

// appendScript: arguments are the largest number of entries, the TTL in ms, how many of the newest entries to search
// for a repeated batch (0 for none), and the values. It returns the positions of the values, in their order. The first
// write is the first XADD, so if the server refuses it, nothing is written.
var appendScript = newScript(`
if ARGV[3] ~= '0' then
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[3])
  for i, entry in ipairs(newest) do
    if entry[2][2] == ARGV[4] then
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
      local at = {}
      for j = i, math.max(1, i - #ARGV + 4), -1 do at[#at + 1] = newest[j][1] end
      return at
    end
  end
end
local at = {}
for i = 4, #ARGV do
  at[#at + 1] = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', '` + valueField + `', ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return at`)

// Append adds the values to a stream with XADD, in a script that also extends the TTL of the key.
func (s *Store) Append(ctx context.Context, stream string, b journal.Batch) error {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckBatch(stream, b, now) })
	if err != nil {
		return err
	}
	defer cancel()
	window := 0
	if b.Again {
		window = journal.AgainWindow
	}
	args := []any{b.Most, ttl(b.Until, now), window}
	for _, v := range b.Values {
		args = append(args, v)
	}
	at, err := s.run(ctx, s.once, appendScript, s.streamKey(stream), args...)
	if err == nil {
		err = s.own(ctx, stream, at, b, now)
	}
	return s.answer(err)
}

// Before reads a stream with XREVRANGE.
func (s *Store) Before(ctx context.Context, stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	end := "+"
	switch {
	case p.IsZero():
	case p.Seq > 0: // "(" to exclude a position needs a newer version than Redis 6.0
		end = journal.Position{Milli: p.Milli, Seq: p.Seq - 1}.String()
	default:
		end = journal.Position{Milli: p.Milli - 1, Seq: math.MaxUint64}.String()
	}
	return s.readStream(ctx, stream, limit, func(ctx context.Context, key string) *redis.XMessageSliceCmd {
		return s.client.XRevRangeN(ctx, key, end, "-", int64(limit))
	})
}

// After reads a stream with XRANGE.
func (s *Store) After(ctx context.Context, stream string, p journal.Position, limit int) ([]journal.Entry, error) {
	next := journal.Position{Milli: p.Milli, Seq: p.Seq + 1}
	if next.Seq == 0 {
		next.Milli++
	}
	return s.readStream(ctx, stream, limit, func(ctx context.Context, key string) *redis.XMessageSliceCmd {
		return s.client.XRangeN(ctx, key, next.String(), "+", int64(limit))
	})
}

func (s *Store) readStream(ctx context.Context, stream string, limit int, read func(context.Context, string) *redis.XMessageSliceCmd) ([]journal.Entry, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckRead(stream, limit) })
	if err != nil {
		return nil, err
	}
	defer cancel()
	messages, err := read(ctx, s.streamKey(stream)).Result()
	if err != nil {
		return nil, s.answer(err)
	}
	found := make([]journal.Entry, len(messages))
	for i, m := range messages {
		at, err := journal.ParsePosition(m.ID)
		value, ok := m.Values[valueField].(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("%w: redis: an entry of a stream is not ours", session.ErrUnavailable)
		}
		found[i] = journal.Entry{Position: at, Value: []byte(value)}
	}
	return found, nil
}

// Len returns the result of XLEN.
func (s *Store) Len(ctx context.Context, stream string) (int, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckStream(stream) })
	if err != nil {
		return 0, err
	}
	defer cancel()
	n, err := s.client.XLen(ctx, s.streamKey(stream)).Result()
	return int(n), s.answer(err)
}

// Trim removes entries with XTRIM, at most trimStep at once.
func (s *Store) Trim(ctx context.Context, stream string, keep int) (int, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckTrim(stream, keep) })
	if err != nil {
		return 0, err
	}
	defer cancel()
	key := s.streamKey(stream)
	n, err := s.client.XLen(ctx, key).Result()
	if err != nil || n <= int64(keep) {
		return 0, s.answer(err)
	}
	removed, err := s.client.XTrimMaxLen(ctx, key, max(int64(keep), n-trimStep)).Result()
	return int(removed), s.answer(err)
}
