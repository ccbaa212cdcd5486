package session

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	cacheShards = 64
	// entryOverhead is what an entry takes beside the session's record: its structure, its places in map and ring, and
	// what a caller usually keeps ready beside it, the groups apart.
	entryOverhead = 800
)

// entries are the sessions that the store has told of, by the digest of their id. What is read from the store is put in only
// if nothing has changed since the read began, which generation tells:
//
//  1. take a generation
//  2. ask the store
//  3. keep or wrote, with that generation
//
// A drop in between makes keep do nothing. A doubt in between makes the entry one that fresh refuses.
type entries struct {
	shards [cacheShards]shard
	// doubts counts how often everything came into doubt. An entry that was read before the last time is read again.
	doubts atomic.Uint64
	// dropped is told of each session that may have changed, doubted that any of them may have. Neither may block. dropped
	// is called with a lock held.
	dropped func(digest)
	doubted func()
}

func newEntries(count int, bytes int64, dropped func(digest), doubted func()) *entries {
	c := &entries{dropped: dropped, doubted: doubted}
	for i := range c.shards {
		s := &c.shards[i]
		s.count, s.bytes = max(1, count/cacheShards), max(1, bytes/cacheShards)
		s.known, s.flights = map[digest]*entry{}, map[digest]*flight{}
	}
	return c
}

// forgetReady drops what callers keep beside sessions: it belongs to a configuration that is gone.
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

// entry is a session as the store has it, and since when that is entry.
type entry struct {
	Session
	digest digest
	// seal ends the sealed record and is different each time one is written. With the version it tells whether the
	// store still holds the same record, even after a failover that lost a write and counted anew.
	seal [keyring.TagSize]byte
	size int32 // a record is well under a megabyte
	used atomic.Bool
	slot int // in the ring

	// asked is when the store was last asked, in nanoseconds since 1970, doubts what the cache had counted by then.
	asked, doubts, failed, failedDoubts atomic.Int64
}

// asEntry is what is entry of a session once it was read, or written, as this record.
func (s *Record) asEntry(r sealedRecord) *entry {
	packed := r.packed
	if cap(packed) > len(packed)+len(packed)/8 {
		packed = bytes.Clone(packed)
	}
	s.sealedUnder, _ = keyring.SealedBy(r.sealed)
	e := &entry{Session: s.view(packed), digest: s.ID.digest(), seal: sealOf(r.sealed), size: int32(len(packed)) + entryOverhead} //nolint:gosec // bounded by MaxValue
	for _, group := range s.Groups {                                                                                              // packed they take little, but callers keep them ready as text
		e.size += int32(len(group)) + 1 //nolint:gosec // bounded by MaxValue
	}
	s.session = &e.Session
	return e
}

// sealOf returns what entry.seal is for a sealed value.
func sealOf(sealed []byte) (tag [keyring.TagSize]byte) {
	copy(tag[:], sealed[max(0, len(sealed)-keyring.TagSize):])
	return tag
}

// shard is a part of a cache. Evicted is who was not used since the hand last came by.
type shard struct {
	count int
	bytes int64

	mu      sync.RWMutex
	known   map[digest]*entry
	ring    []*entry
	hand    int
	size    int64
	flights map[digest]*flight
	// drops counts what was dropped and written. Who asked the store before may have an older answer, and must not
	// keep it.
	drops uint64

	hits, misses, evictions atomic.Uint64
}

// flight is a generation to the store that several requests wait for.
type flight struct {
	done    chan struct{}
	session *Session
	err     error
}

func (c *entries) shard(d digest) *shard { return &c.shards[d[0]%cacheShards] }

func (c *entries) get(d digest) *entry {
	s := c.shard(d)
	s.mu.RLock()
	e := s.known[d]
	s.mu.RUnlock()
	if e != nil && !e.used.Load() {
		e.used.Store(true)
	}
	return e
}

// generation is taken before the store is read. A result that is older than a drop is not kept.
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

// keep takes up what the store has answered, unless something was dropped or written since it was asked.
func (c *entries) keep(e *entry, g generation) {
	s := c.shard(e.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drops == g.drops {
		s.put(e, g)
	}
}

// wrote takes up what was written after g, and lets nobody keep an older answer.
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

// drop forgets a session, and what is being asked about it: a request that comes from here on asks anew.
func (c *entries) drop(d digest) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(d)
	c.dropped(d)
}

// doubt makes everything be asked for again before it is next used. It is not forgotten: most of it will be the same,
// and while the store does not answer it is all there is.
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
	if e := s.known[d]; e != nil {
		s.remove(e)
	}
}

func (s *shard) put(e *entry, g generation) {
	if old := s.known[e.digest]; old != nil {
		s.remove(old)
	}
	if int64(e.size) > s.bytes {
		return
	}
	e.confirm(g)
	for len(s.ring) >= s.count || s.size+int64(e.size) > s.bytes {
		s.evict()
	}
	e.slot = len(s.ring)
	s.ring = append(s.ring, e)
	s.known[e.digest] = e
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
	s.ring[e.slot] = s.ring[last]
	s.ring[e.slot].slot = e.slot
	s.ring[last] = nil
	s.ring = s.ring[:last]
	s.size -= int64(e.size)
	delete(s.known, e.digest)
}

// join returns the generation about a session that is under way, or opens one, which the caller then must land.
func (c *entries) join(d digest) (f *flight, opened bool) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[d]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{}), err: ErrUnavailable} // unless somebody lands it with an answer
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

// confirm notes that the store has answered for e: it holds what it held when g was asked. The count is written last
// and read first, so that no reader takes a new count with an old time.
func (e *entry) confirm(g generation) {
	e.failed.Store(0)
	e.asked.Store(g.at.UnixNano())
	e.doubts.Store(int64(g.doubts)) //nolint:gosec // counts gaps in a feed
}

// fresh reports whether the store was asked within the bound. A clock that was set back is no reason to trust longer.
func (c *entries) fresh(e *entry, now time.Time, bound time.Duration) bool {
	return uint64(e.doubts.Load()) == c.doubts.Load() && e.within(now, bound) //nolint:gosec // as written by confirm
}

func (e *entry) within(now time.Time, bound time.Duration) bool {
	age := now.UnixNano() - e.asked.Load()
	return age >= 0 && age < int64(bound)
}

// known counts what is in, and what look-ups found.
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

// Known counts what a manager's cache holds.
type Known struct {
	// Sessions are in the cache; Watched have something open that Watch looks after.
	Sessions, Watched int
	// Bytes is what the sessions take, by estimate. Hits counts look-ups that were answered without asking the store,
	// Misses those that were not, Evictions sessions that made room for others.
	Bytes                   int64
	Hits, Misses, Evictions uint64
}
