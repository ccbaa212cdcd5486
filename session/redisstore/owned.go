package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore/failover"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// ownScript, for a cluster: arguments are how many to keep, the TTL in ms, then time and position of each entry. A position begins
// with the length of its sequence number, so that members with the same score are sorted by these numbers. A sorted set
// is used, because a stream takes four kilobytes for its first entry. The surplus is removed with ZREM, because removal
// by rank is another command that a user would need permission for.
var ownScript = newScript(`
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
local old = redis.call('ZRANGE', KEYS[1], 0, -1 - ARGV[1])
if #old > 0 then redis.call('ZREM', KEYS[1], unpack(old)) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

// ownMark is no entry; see appendScript. A gateway of an earlier version takes it for one that is gone: its position is that of
// no entry.
const ownMark = "b0-1 "

// own records the owners of a batch's values in a cluster, for all owners in one round trip. The positions are known only
// after the stream is written, and the keys are on other nodes, so this is a second round trip; no caller waits for it.
// If it fails, the batch is repeated, found in the stream, and own is called again.
func (s *Store) own(ctx context.Context, stream string, at any, b journal.Batch, now time.Time) error {
	places, _ := at.([]any)
	noted := map[string][]any{}
	for i, owner := range b.Owners {
		if owner == "" || i >= len(places) {
			continue
		}
		place, ok := places[i].(string)
		if !ok {
			return fmt.Errorf("the place of an entry is a %T", places[i])
		}
		milli, seq, _ := strings.Cut(place, "-")
		noted[owner] = append(noted[owner], milli, string(rune('a'+len(seq)))+place+" "+stream)
	}
	if len(noted) == 0 {
		return nil
	}
	for owner, args := range noted {
		// Never more at once: a set with more than 128 members takes twice the memory from then on.
		args = args[max(0, len(args)-2*journal.MaxOwned):]
		noted[owner] = append([]any{journal.MaxOwned, ttl(b.Until, now)}, args...)
	}
	p := s.client.Pipeline()
	answers := map[string]*redis.Cmd{}
	for owner, args := range noted {
		answers[owner] = p.Do(ctx, append([]any{"evalsha", ownScript.Hash(), 1, s.names.ownerKey(owner)}, args...)...)
	}
	if sent, err := p.Exec(ctx); failover.Unsent(err, sent) {
		return err
	}
	for owner, answer := range answers {
		err := answer.Err()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
			_, err = s.run(ctx, s.again, ownScript, s.names.ownerKey(owner), noted[owner]...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Owned reads the positions, and then the entries, each in one round trip.
func (s *Store) Owned(ctx context.Context, owner string, limit int) ([]journal.OwnedEntry, error) {
	ctx, cancel, err := s.begin(ctx, func() error { return journal.CheckOwned(owner, limit) })
	if err != nil {
		return nil, err
	}
	defer cancel()
	places, err := s.client.ZRange(ctx, s.names.ownerKey(owner), int64(-limit-1), -1).Result() // and the mark
	places = slices.DeleteFunc(places, func(place string) bool { return place == ownMark })
	places = places[max(0, len(places)-limit):]
	if err != nil || len(places) == 0 {
		return nil, s.answer(err)
	}
	slices.Reverse(places)
	type question struct {
		entry  journal.OwnedEntry
		answer *redis.XMessageSliceCmd
	}
	asked := make([]question, len(places))
	p := s.client.Pipeline()
	for i, place := range places {
		at, stream, _ := strings.Cut(place, " ")
		at = at[min(1, len(at)):]
		q := &asked[i]
		if q.entry.Position, err = journal.ParsePosition(at); err != nil {
			return nil, fmt.Errorf("%w: redis: an entry of an owner is not ours", session.ErrUnavailable)
		}
		q.entry.Stream, q.answer = stream, p.XRange(ctx, s.names.streamKey(stream), at, at)
	}
	if sent, err := p.Exec(ctx); failover.Unsent(err, sent) {
		return nil, s.answer(err)
	}
	var found []journal.OwnedEntry
	for i := range asked {
		messages, err := asked[i].answer.Result()
		if err != nil {
			return nil, s.answer(err)
		}
		if len(messages) == 0 {
			continue // trimmed meanwhile
		}
		value, ok := messages[0].Values[valueField].(string)
		if !ok {
			return nil, fmt.Errorf("%w: redis: an entry of a stream is not ours", session.ErrUnavailable)
		}
		asked[i].entry.Value = []byte(value)
		found = append(found, asked[i].entry)
	}
	return found, nil
}
