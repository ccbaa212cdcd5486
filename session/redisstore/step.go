package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// stepScript executes a session.Step on one server. Keys are those of the step in the order of its fields: the entry to
// take, the indexes that it leaves, the new entry, the indexes that it gets into, the entries to read, the stream to append to and the set of
// its owner, the index to list.
// Arguments are the time in ms, and for each of these how many there are. Then come, in the same order: the member that
// leaves each index, and its owner; value and TTL of the new entry; for each of its listings what enlistText needs; of the
// value to append itself, how many the stream may have, its TTL, when that ends, whether to set it, its name, and how many of an owner
// are kept; and the tag of the
// members to list, with the owner that stands for them (enlist.go).
//
// It is written to be short in commands, which are what a server spends its time on. MGET is newer in this store than the
// user that an operator may have made for it.
var stepScript = newScript(enlistText + keepText + `
local now, nk, na = ARGV[1], 0, 8
local function key() nk = nk + 1 return KEYS[nk] end
local function arg() na = na + 1 return ARGV[na] end
local n = {}
for i = 2, 8 do n[i] = tonumber(ARGV[i]) end
local taken = 1
if n[2] > 0 then taken = redis.call('DEL', key()) end
for i = 1, n[3] do
  local index, member, owner = key(), arg(), arg()
  if owner ~= '' and taken > 0 then redis.call('ZREM', index, member, owner) else redis.call('ZREM', index, member) end
end
if taken == 0 then return {'gone'} end
if n[4] > 0 then
  local name, value, ttl = key(), arg(), arg()
  if not redis.call('SET', name, value, 'PX', ttl, 'NX') then return {'exists'} end
end
local alone, listed = {}, n[8] > 0 and KEYS[#KEYS]
for i = 1, n[5] do
  local index, ends, kept, mark, member = key(), arg(), arg(), arg(), arg()
  local new = enlist(index, now, ends, kept, mark, member, arg(), arg(), index == listed)
  alone[index] = new and member or nil
end
local read = {}
if n[6] > 0 then
  local names = {}
  for i = 1, n[6] do names[i] = key() end
  read = redis.pcall('MGET', unpack(names))
  if read.err then
    for i = 1, n[6] do read[i] = redis.call('GET', names[i]) end
    read.err = nil
  end
end
local appended = 0
if n[7] > 0 then
  local stream, owner, found = key(), n[7] > 1 and key(), false
  local value, most, ttl, ends, extend, name, each = arg(), arg(), arg(), arg(), arg(), arg(), arg()
  for i = 1, n[6] do found = found or read[i] end
  if not found then
    local function add()
      local place = extend == '0' and redis.pcall('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '~', most, '*', '` + valueField + `', value)
      if not place or type(place) == 'table' then
        place = redis.call('XADD', stream, 'MAXLEN', '~', most, '*', '` + valueField + `', value)
        redis.call('PEXPIRE', stream, ttl)
      end
      appended = 1
      if owner then
        local changed, often = note(owner, place, name, ends)
        if changed > 1 then redis.call('PEXPIRE', owner, ttl) end
        if often then keep(owner, each) end
      end
    end
    pcall(add)
  end
end
local members = {}
if n[8] > 0 then
  local index, tag, owner = key(), arg(), arg()
  local all = alone[index] and {alone[index]} or redis.call('ZRANGEBYSCORE', index, '(' .. now, '+inf')
  for _, member in ipairs(all) do
    if string.sub(member, 1, #tag) == tag and member ~= owner and member ~= '` + mark1 + `' and member ~= '` + mark2 + `' then members[#members + 1] = member end
  end
end
return {'done', read, members, appended}`)

// Apply executes a step by one script, in one round trip. In a cluster the keys may be on several nodes: there the parts
// are executed one after the other.
func (s *Store) Apply(ctx context.Context, st session.Step) (done session.Outcome, err error) {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error { return session.CheckStep(st, now) })
	if err != nil {
		return done, err
	}
	defer cancel()
	if _, cluster := s.client.(*redis.ClusterClient); cluster {
		return session.InTurn(ctx, s, st)
	}
	keys, args := s.stepArguments(st, now)
	if len(keys) == 0 {
		return done, nil
	}
	term := s.guard.Term()
	said, err := s.runOn(ctx, s.once, stepScript, keys, args...)
	if err != nil {
		return done, s.answer(err)
	}
	return s.outcome(ctx, st, term, said)
}

// outcome reads what stepScript returns.
func (s *Store) outcome(ctx context.Context, st session.Step, term uint64, said any) (done session.Outcome, err error) {
	parts, _ := said.([]any)
	switch {
	case len(parts) == 1 && parts[0] == "gone":
		return done, s.absent(ctx, term)
	case len(parts) == 1 && parts[0] == "exists":
		return done, session.ErrConflict
	case len(parts) != 4 || parts[0] != "done":
		return done, fmt.Errorf("%w: redis: a step answers %v", session.ErrUnavailable, said)
	}
	read, _ := parts[1].([]any)
	members, _ := parts[2].([]any)
	if len(read) != len(st.Read) {
		return done, fmt.Errorf("%w: redis: %d values of %d keys", session.ErrUnavailable, len(read), len(st.Read))
	}
	for i, value := range read {
		data, ok := value.(string)
		if !ok {
			continue
		}
		e, err := decode(st.Read[i], []byte(data))
		if err != nil {
			return session.Outcome{}, err
		}
		done.Entries = append(done.Entries, e)
	}
	if done.Appended = parts[3] == int64(1); done.Appended {
		s.lasting.set(string(st.Append.Stream), st.Append.Until)
	}
	for _, member := range members {
		name, _ := member.(string)
		done.Members = append(done.Members, session.Key(name))
	}
	if len(st.Read) > 0 || st.List != "" { // as in absent
		if err := s.guard.StillMaster(ctx, term); err != nil {
			return session.Outcome{}, s.answer(err)
		}
	}
	return done, nil
}

func (s *Store) stepArguments(st session.Step, now time.Time) (keys []string, args []any) {
	args = []any{now.UnixMilli(), 0, len(st.From), 0, len(st.In), len(st.Read), 0, 0}
	if st.Take != "" {
		args[1], keys = 1, append(keys, s.names.entryKey(st.Take))
	}
	for _, l := range st.From {
		keys, args = append(keys, s.names.indexKey(l.Index)), append(args, string(l.Member), string(l.Owner))
	}
	if st.Create.Key != "" {
		args[3], keys = 1, append(keys, s.names.entryKey(st.Create.Key))
		args = append(args, encode(1, st.Create.Expires, st.Create.Value), ttl(st.Create.Expires, now))
	}
	owner := session.Key("")
	for i, l := range st.In {
		if i > 0 || l.Index != st.List {
			l.Owner = ""
		}
		owner += l.Owner
		keys, args = append(keys, s.names.indexKey(l.Index)), append(args, enlisting(l, now)...)
	}
	for _, key := range st.Read {
		keys = append(keys, s.names.entryKey(key))
	}
	if a := st.Append; a != nil {
		args[6], keys = 1, append(keys, s.names.streamKey(string(a.Stream)))
		if a.Owner != "" {
			args[6], keys = 2, append(keys, s.names.ownerKey(string(a.Owner)))
		}
		args = append(args, a.Value, a.Most, ttl(a.Until, now), a.Until.UnixMilli(), s.lasting.extends(string(a.Stream), a.Until), string(a.Stream), journal.MaxOwned)
	}
	if st.List != "" {
		args[7], keys = 1, append(keys, s.names.indexKey(st.List))
		args = append(args, st.Tag, string(owner))
	}
	return keys, args
}

// Create writes a new entry with its listings, as a step. In a cluster it uses SET NX, and then writes the listings: the
// nodes would be written at the same time, so that a listing could appear before its entry.
func (s *Store) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	now := s.now()
	ctx, cancel, err := s.begin(ctx, func() error {
		return errors.Join(session.CheckEntry(e, now), session.CheckListings(in, now))
	})
	if err != nil {
		return err
	}
	defer cancel()
	if _, cluster := s.client.(*redis.ClusterClient); !cluster && len(in) > 0 {
		_, err := s.Apply(ctx, session.Step{Create: e, In: in})
		return err
	}
	set := onceCmd{redis.NewCmd(ctx, "set", s.names.entryKey(e.Key), encode(1, e.Expires, e.Value), "px", ttl(e.Expires, now), "nx")}
	err = s.write(ctx, s.names.entryKey(e.Key), set)
	if errors.Is(err, redis.Nil) {
		return session.ErrConflict
	}
	for i := 0; err == nil && i < len(in); i++ {
		err = s.list(ctx, in[i], now)
	}
	return s.answer(err)
}
