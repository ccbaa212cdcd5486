package redisstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

var _ journal.Journal = (*Store)(nil)

const (
	// valueField is the only field of an entry in a stream.
	valueField = "v"
	// trimStep is how many entries one XTRIM removes at most: a few milliseconds of the server's time.
	trimStep = 10_000
)

// keepText begins scripts that note the owners of values (ownScript describes their sets): note adds a place in a stream, and
// returns how many members have changed, and whether it is one of the few by which the set is cut back, by keep.
const keepText = `
local function note(owner, place, stream, ends)
  local milli, seq = string.match(place, '^(%d+)-(%d+)$')
  local member = string.char(97 + #seq) .. place .. ' ' .. stream
  return redis.call('ZADD', owner, 'CH', milli, member, ends, '` + ownMark + `'), tonumber(milli) % 8 == 0
end
local function keep(owner, most)
  local old = redis.call('ZRANGE', owner, 0, -2 - most)
  if #old > 0 then redis.call('ZREM', owner, unpack(old)) end
end`

// appendScript has the stream as its first key, and after it the sets of owners. Arguments are the largest number of
// entries, the TTL in ms, how many of the newest entries to search for a repeated batch (0 for none), whether the TTL is
// to be set even if the stream exists, how many of an owner's entries to keep, how many values there are, and when the TTL ends
// in ms; then the values, and for each the number of the key of its owner's set (0 for none). It returns the positions of the
// values, in their order. The first write is the first XADD, so if the server refuses it, nothing is written.
//
// A stream that exists has a TTL. NOMKSTREAM is newer than Redis 6.0.
//
// The sets are described at ownScript. Now and then a set is cut back to what is kept of it: before a batch
// that has several entries of its owner, so that it never has more than 128 members, else by chance of the time. A set has ownMark as one more member, with the time at which its
// TTL ends. ZADD answers whether that is new or has changed, so that the TTL is set by the first entry of a day only.
var appendScript = newScript(keepText + `
local most, ttl, values, at = ARGV[1], ARGV[2], tonumber(ARGV[6]), {}
if ARGV[3] ~= '0' then
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[3])
  for i, entry in ipairs(newest) do
    if entry[2][2] == ARGV[8] then
      redis.call('PEXPIRE', KEYS[1], ttl)
      for j = i, math.max(1, i - values + 1), -1 do at[#at + 1] = newest[j][1] end
      break
    end
  end
end
if #at == 0 then
  local extend = ARGV[4] == '1'
  for i = 8, 7 + values do
    local place = not extend and redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', '~', most, '*', '` + valueField + `', ARGV[i])
    if not place or type(place) == 'table' then
      place, extend = redis.call('XADD', KEYS[1], 'MAXLEN', '~', most, '*', '` + valueField + `', ARGV[i]), true
    end
    at[#at + 1] = place
  end
  if extend then redis.call('PEXPIRE', KEYS[1], ttl) end
end
local adds, extend = {}, {}
for i = 1, #at do
  local owner = KEYS[tonumber(ARGV[7 + values + i] or 0)]
  if owner then adds[owner] = (adds[owner] or 0) + 1 end
end
for owner, n in pairs(adds) do
  if n > 1 then keep(owner, ARGV[5] - n) end
end
for i, place in ipairs(at) do
  local owner = KEYS[tonumber(ARGV[7 + values + i] or 0)]
  if owner then
    local changed, often = note(owner, place, ARGV[#ARGV], ARGV[7])
    extend[owner] = extend[owner] or changed > 1 or ARGV[3] ~= '0'
    if adds[owner] == 1 and often then keep(owner, ARGV[5]) end
  end
end
for owner in pairs(adds) do
  if extend[owner] then redis.call('PEXPIRE', owner, ttl) end
end
return at`)

// Append adds the values to a stream with XADD, in a script that also extends the TTL of the key, and notes the owners of
// the values. In a cluster the owners' sets may be on other nodes: they are written afterwards.
func (s *Store) Append(ctx context.Context, stream string, b journal.Batch) error {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckBatch(stream, b, now) })
	if err != nil {
		return err
	}
	defer cancel()
	_, cluster := s.client.(*redis.ClusterClient)
	keys, args := s.appendArguments(stream, b, now, !cluster)
	at, err := s.runOn(ctx, s.once, appendScript, keys, args...)
	if err == nil && cluster {
		err = s.own(ctx, stream, at, b, now)
	}
	if err == nil {
		s.lasting.set(stream, b.Until)
	}
	return s.answer(err)
}

func (s *Store) appendArguments(stream string, b journal.Batch, now time.Time, owned bool) (keys []string, args []any) {
	window := 0
	if b.Again {
		window = journal.AgainWindow
	}
	keys = []string{s.names.streamKey(stream)}
	args = []any{b.Most, ttl(b.Until, now), window, s.lasting.extends(stream, b.Until), journal.MaxOwned, len(b.Values), b.Until.UnixMilli()}
	for _, v := range b.Values {
		args = append(args, v)
	}
	if !owned {
		return keys, args
	}
	// Of each owner the last ones, never more at once: a set with more than 128 members takes twice the memory from then
	// on.
	numbers, noted := map[string]int{}, map[string]int{}
	set := make([]any, len(b.Owners), len(b.Owners)+1)
	for i, owner := range slices.Backward(b.Owners) {
		if noted[owner]++; owner == "" || noted[owner] > journal.MaxOwned {
			set[i] = 0
			continue
		}
		if numbers[owner] == 0 {
			keys = append(keys, s.names.ownerKey(owner))
			numbers[owner] = len(keys)
		}
		set[i] = numbers[owner]
	}
	return keys, append(append(args, set...), stream)
}

// AppendsInStep reports whether Apply appends to the log too. In a cluster the stream may be on another node.
func (s *Store) AppendsInStep() bool {
	_, cluster := s.client.(*redis.ClusterClient)
	return !cluster
}

// maxLasting bounds the streams of which it is remembered until when they last.
const maxLasting = 16

// lasting remembers until when streams last that this process has appended to, so that a TTL is not set again and again.
// The zero value is ready to use.
type lasting struct {
	mu sync.Mutex
	by map[string]time.Time
}

// extends is 1 if the TTL of a stream is to be set even if the stream exists, else 0.
func (l *lasting) extends(stream string, until time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.Equal(l.by[stream]) {
		return 0
	}
	return 1
}

func (l *lasting) set(stream string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil || len(l.by) >= maxLasting {
		l.by = map[string]time.Time{}
	}
	l.by[stream] = until
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
	messages, err := read(ctx, s.names.streamKey(stream)).Result()
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
	n, err := s.client.XLen(ctx, s.names.streamKey(stream)).Result()
	return int(n), s.answer(err)
}

// Trim removes entries with XTRIM, at most trimStep at once.
func (s *Store) Trim(ctx context.Context, stream string, keep int) (int, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckTrim(stream, keep) })
	if err != nil {
		return 0, err
	}
	defer cancel()
	key := s.names.streamKey(stream)
	n, err := s.client.XLen(ctx, key).Result()
	if err != nil || n <= int64(keep) {
		return 0, s.answer(err)
	}
	removed, err := s.client.XTrimMaxLen(ctx, key, max(int64(keep), n-trimStep)).Result()
	return int(removed), s.answer(err)
}
