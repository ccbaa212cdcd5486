package redisstore

import (
	"context"
	"errors"
	"math/bits"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// An index is a sorted set: members by the times until which they are listed, in ms. It has a TTL of its own, which must not
// end before the last of these times. To set it for each member would be a command of its own for each list of each
// sign-in. An index that is kept (Listing.Kept) has two marks in it for that, which ZADD writes with the member: their time
// is one until which the TTL is known to last, rounded so that for a part of that time it does not change. ZADD answers how
// many of the three it has changed. With two or more, a mark is new or has another time, and the TTL is set. With one, which
// is the member, there is nothing to do. A single mark would not do: a member that is listed again until the same time
// counts as unchanged.
//
// An Owner (session.Listing) is listed with the time of the marks. If two have changed, one is the member and the other the
// Owner: it is new, so there is no other member to ask for. An Owner whose time has moved on looks like a new one: this happens
// at most once in the time of a mark, a fifth of a day for an index that is kept for three.
//
// What is true at any time: no member and no mark of an index has a time after the end of its TTL. It is true if a server
// stops within a script as well, because Redis keeps or replicates all of it or nothing. A server that refuses to set the
// TTL goes on after ZADD: then the marks are removed, so that the next member sets the TTL. A gateway of an earlier version
// takes the marks for members: it keeps the index at least until their time. If it removes them, because there is no entry
// of that name, the next member sets them and the TTL again.
const (
	mark1 = "."
	mark2 = ".."
	marks = 2
	// marksOf: how many times in the life of an index its marks are moved on, at most twice as often.
	marksOf = 8
	// cleanEvery: of the members of an index that is kept, one in so many removes those whose time has passed.
	cleanEvery = 16
)

// enlistText begins scripts that list members. Times are in ms: now and ends since 1970, kept is the TTL of an index that is
// kept (0: it lives as long as its last member), mark the time of its marks (0: it has none), owner an Owner (empty: none). It
// returns whether it knows that the owner has no other member: the owner is new or, where that is asked, the index is. An index
// that has no TTL yet is one that this ZADD has made; Redis 6 cannot tell (NX).
const enlistText = `
local function enlist(index, now, ends, kept, mark, member, clean, owner, asked)
  local changed, new = 2, false
  if mark ~= '0' and owner ~= '' then
    changed = redis.call('ZADD', index, 'CH', ends, member, mark, '` + mark1 + `', mark, '` + mark2 + `', mark, owner)
    new = changed == 2
    if new then changed = 1 end
  elseif mark ~= '0' then
    changed = redis.call('ZADD', index, 'CH', ends, member, mark, '` + mark1 + `', mark, '` + mark2 + `')
  else
    redis.call('ZADD', index, ends, member)
  end
  if clean == '1' then redis.call('ZREMRANGEBYSCORE', index, '-inf', now) end
  if kept == '0' then kept = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] - now end
  if changed > 1 then
    local set = asked and mark ~= '0' and redis.pcall('PEXPIRE', index, kept, 'NX')
    if set == 1 then return true end
    set = redis.pcall('PEXPIRE', index, kept)
    if type(set) == 'table' and set.err then
      if mark ~= '0' then redis.call('ZREM', index, '` + mark1 + `', '` + mark2 + `', owner) end
      error(set.err, 0)
    end
  end
  return new
end`

// enlistScript: now, then what enlisting returns.
var enlistScript = newScript(enlistText + `
enlist(KEYS[1], unpack(ARGV))
return 1`)

// enlisting returns the arguments of enlist in enlistText, from ends on.
func enlisting(l session.Listing, now time.Time) []any {
	kept, clean := int64(0), 1
	if !l.Kept.IsZero() {
		kept = ttl(l.Kept, now)
		if l.Member[len(l.Member)-1]%cleanEvery != 0 {
			clean = 0
		}
	}
	return []any{l.Until.UnixMilli(), kept, markOf(l, now), string(l.Member), clean, string(l.Owner)}
}

// markOf returns the time of the marks that an index has with a member, in ms; 0 if it has none. It is a multiple of a power
// of two, no later than the end of the TTL that the index is given for it, and later than the end of the member by more than
// clocks of gateways differ. If there is no such time, the TTL is set for each member.
func markOf(l session.Listing, now time.Time) int64 {
	if l.Kept.IsZero() {
		return 0
	}
	share := ttl(l.Kept, now) / marksOf
	if share <= 0 {
		return 0
	}
	between := int64(1) << (bits.Len64(uint64(share)) - 1)
	if mark := l.Kept.UnixMilli() / between * between; mark-between >= l.Until.UnixMilli() {
		return mark
	}
	return 0
}

// list adds a member to an index, without its owner.
func (s *Store) list(ctx context.Context, l session.Listing, now time.Time) error {
	l.Owner = ""
	args := append([]any{now.UnixMilli()}, enlisting(l, now)...)
	_, err := s.run(ctx, s.again, enlistScript, s.names.indexKey(l.Index), args...)
	return err
}

// Enlist adds a member to a sorted set, in a script that also removes old members and extends the TTL.
func (s *Store) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error {
		return errors.Join(session.CheckKey(index), session.CheckMember(member), session.CheckUntil(until, now))
	})
	if err != nil {
		return err
	}
	defer cancel()
	return s.answer(s.list(ctx, session.Listing{Index: index, Member: member, Until: until}, now))
}
