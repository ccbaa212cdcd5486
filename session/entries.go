package session

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	defaultCacheEntries = 100_000

	cacheShards = 64
	// entryOverhead is the memory of an entry besides the session's record: its structure, its places in map and ring,
	// and what callers usually keep with it, without the groups.
	entryOverhead = 800
	// roomFor is for how many sessions the table of a shard has room from the start, so that no request waits while it grows. The room
	// of all is 2.8 MB. A garbage collection does not look into it, and is rarer by what it takes.
	roomFor = defaultCacheEntries / cacheShards
)

// entries are the sessions read from the store, by the digest of their ID. A result of a read is added only if nothing
// has changed since the read began. generation records that:
//
//  1. take a generation
//  2. ask the store
//  3. keep or wrote, with that generation
//
// If there is a drop in between, keep does nothing. If there is a doubt in between, fresh refuses the entry.
type entries struct {
	shards [cacheShards]shard
	// doubts counts how often all entries came into doubt. An entry that was read before the last time is read again.
	doubts atomic.Uint64
	// dropped is called for each session that may have changed, doubted when any of them may have. Neither may block.
	// dropped is called with a lock held.
	dropped func(digest)
	doubted func()
}

func newEntries(count int, bytes int64, dropped func(digest), doubted func()) *entries {
	c := &entries{dropped: dropped, doubted: doubted}
	for i := range c.shards {
		s := &c.shards[i]
		s.count, s.bytes = max(1, count/cacheShards), max(1, bytes/cacheShards)
		s.known, s.flights = make(map[digest]uint32, min(s.count, roomFor)), map[digest]*flight{}
	}
	return c
}

// forgetReady drops the values that callers keep with sessions. They belong to a configuration that has stopped.
func (c *entries) forgetReady() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		for _, e := range s.ring {
			e.ready.Store(nil)
		}
		s.mu.RUnlock()
	}
}

// entry is a session as the store has it, and the time at which it was read.
type entry struct {
	Session
	digest digest
	// head is Stamp.Head of the sealed record.
	head [keyring.HeadSize]byte
	size int32  // records are well under a megabyte
	slot uint32 // position in the ring
	used atomic.Bool

	// asked is the time of the last read from the store, in nanoseconds since 1970. doubts is the cache's count at that
	// time.
	asked, doubts, failed, failedDoubts atomic.Int64
}

// asEntry returns the entry of a session that was read or written as this record. Its packed record is a piece of memory of its
// own: an entry with room behind it would be larger than 512 bytes, and of such pieces Go's garbage collector takes twice as
// long to look at one than at a small one and one without pointers.
func (s *Record) asEntry(r sealedRecord) *entry {
	packed := r.packed
	if cap(packed) > len(packed)+len(packed)/8 {
		packed = bytes.Clone(packed)
	}
	s.sealedUnder, _ = keyring.SealedBy(r.sealed)
	e := &entry{Session: s.view(packed), digest: s.ID.digest(), head: (&Entry{Value: r.sealed}).Stamp().Head, size: int32(len(packed)) + entryOverhead} //nolint:gosec // bounded by MaxValue
	for _, group := range s.Groups {                                                                                                                    // packed they are small, but callers keep them as text
		e.size += int32(len(group)) + 1 //nolint:gosec // bounded by MaxValue
	}
	s.session = &e.Session
	return e
}

// stamp returns the stamp of the record in the store.
func (e *entry) stamp() Stamp { return Stamp{Version: e.version, Head: e.head} }

// shard is a part of a cache. An entry is evicted if it was not used since the clock hand last passed it.
type shard struct {
	count int
	bytes int64

	mu sync.RWMutex
	// known are positions in the ring. A map without pointers is not looked at by a garbage collection.
	known   map[digest]uint32
	ring    []*entry
	hand    int
	size    int64
	flights map[digest]*flight
	// drops counts drops and writes. A read that began earlier may have an older result, which must not be kept.
	drops uint64

	hits, misses, evictions atomic.Uint64
}

// flight is one read from the store for which several requests wait.
type flight struct {
	done    chan struct{}
	session *Session
	err     error
}

func (c *entries) shard(d digest) *shard { return &c.shards[d[0]%cacheShards] }

func (c *entries) get(d digest) *entry {
	s := c.shard(d)
	s.mu.RLock()
	e := s.find(d)
	s.mu.RUnlock()
	if e != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return e
}

// find returns the entry of a session, nil if there is none. The caller has the lock.
func (s *shard) find(d digest) *entry {
	if slot, ok := s.known[d]; ok {
		return s.ring[slot]
	}
	return nil
}

// generation is taken before a read from the store. A result that is older than a drop is not kept.
type generation struct {
	at            time.Time
	doubts, drops uint64
}

func (c *entries) generation(d digest, at time.Time) generation {
	s := c.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return generation{at: at, doubts: c.doubts.Load(), drops: s.drops}
}

// keep adds the result of a read, unless something was dropped or written since the read began.
func (c *entries) keep(e *entry, g generation) {
	s := c.shard(e.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drops == g.drops {
		s.put(e, g)
	}
}

// wrote adds what was written after g, and prevents that older results are kept.
func (c *entries) wrote(e *entry, g generation) {
	s := c.shard(e.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.drops == g.drops
	s.drop(e.digest)
	if same {
		s.put(e, g)
	}
}

// drop removes a session, and detaches the read in progress: requests from now on read again.
func (c *entries) drop(d digest) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(d)
	c.dropped(d)
}

// doubt makes all entries be read again before their next use. They are not removed: most of them are unchanged, and
// they are all that is available while the store does not answer.
func (c *entries) doubt() {
	c.doubts.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.flights)
		s.mu.Unlock()
	}
	c.doubted()
}

func (s *shard) drop(d digest) {
	s.drops++
	delete(s.flights, d)
	if e := s.find(d); e != nil {
		s.remove(e)
	}
}

func (s *shard) put(e *entry, g generation) {
	if old := s.find(e.digest); old != nil {
		s.remove(old)
	}
	if int64(e.size) > s.bytes {
		return
	}
	e.confirm(g)
	for len(s.ring) >= s.count || s.size+int64(e.size) > s.bytes {
		s.evict()
	}
	e.slot = uint32(len(s.ring)) //nolint:gosec // at most CacheConfig.Entries
	s.ring = append(s.ring, e)
	s.known[e.digest] = e.slot
	s.size += int64(e.size)
}

func (s *shard) evict() {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		if e := s.ring[s.hand]; !e.used.Swap(false) {
			s.remove(e)
			s.evictions.Add(1)
			return
		}
		s.hand++
	}
}

func (s *shard) remove(e *entry) {
	last := len(s.ring) - 1
	moved := s.ring[last]
	s.ring[e.slot], moved.slot = moved, e.slot
	s.known[moved.digest] = e.slot
	s.ring[last] = nil
	s.ring = s.ring[:last]
	s.size -= int64(e.size)
	delete(s.known, e.digest)
}

// join returns the read in progress for a session, or starts one, which the caller must then finish with land.
func (c *entries) join(d digest) (f *flight, opened bool) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[d]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{}), err: ErrUnavailable} // land replaces it by the result
	s.flights[d] = f
	return f, true
}

func (c *entries) land(d digest, f *flight) {
	s := c.shard(d)
	s.mu.Lock()
	if s.flights[d] == f {
		delete(s.flights, d)
	}
	s.mu.Unlock()
	close(f.done)
}

// confirm records that the store still had e when g was taken. The count is written last and read first, so that no
// reader combines a new count with an old time.
func (e *entry) confirm(g generation) {
	e.failed.Store(0)
	e.asked.Store(g.at.UnixNano())
	e.doubts.Store(int64(g.doubts)) //nolint:gosec // counts gaps in a feed
}

// fresh reports whether the store was read within the bound. After the clock was set back an entry is not fresh.
func (c *entries) fresh(e *entry, now time.Time, bound time.Duration) bool {
	return uint64(e.doubts.Load()) == c.doubts.Load() && e.within(now, bound) //nolint:gosec // as written by confirm
}

func (e *entry) within(now time.Time, bound time.Duration) bool {
	age := now.UnixNano() - e.asked.Load()
	return age >= 0 && age < int64(bound)
}

// known returns the size of the cache and the counts of look-ups.
func (c *entries) known() Known {
	var known Known
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		known.Sessions += len(s.ring)
		known.Bytes += s.size
		s.mu.RUnlock()
		known.Hits += s.hits.Load()
		known.Misses += s.misses.Load()
		known.Evictions += s.evictions.Load()
	}
	return known
}

// Known is the size of a manager's cache, and its use.
type Known struct {
	// Sessions are in the cache. Watched is how many of them have open streams.
	Sessions, Watched int
	// Bytes is the estimated memory of the sessions. Hits counts look-ups that did not read from the store, Misses
	// those that did. Evictions counts sessions removed to make space for others.
	Bytes                   int64
	Hits, Misses, Evictions uint64
}
