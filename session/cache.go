package session

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/lengthprefix"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Cache keeps sessions that the store has told of, unsealed and immutable (A30), so that a request need not ask for what
// was asked a moment ago. What is in it says nothing about whether a session may still be used: that is Manager.Load's.
// Only what exists is kept, never that something does not.
//
// Several managers over one store may share one, at the same time or one after the other: what is known then survives
// a change of the configuration. They must have equal key rings.
type Cache struct {
	shards [cacheShards]shard
	// doubts counts how often everything came into doubt. What was asked for before the last time is asked for again.
	doubts  atomic.Uint64
	ledger  ledger
	watches watches
	recents recents
}

// CacheConfig bounds a cache. Zero values mean the defaults.
type CacheConfig struct {
	// Entries is how many sessions are kept; default 100,000.
	Entries int
	// Bytes is how much memory they may take, by estimate, with what callers keep beside them; default 256 MiB.
	Bytes int64
}

const (
	cacheShards         = 64
	defaultCacheEntries = 100_000
	defaultCacheBytes   = 256 << 20
	// knownOverhead is what an entry takes beside the session's record: its structure, its places in map and ring, and
	// what a caller usually keeps ready beside it, the groups apart.
	knownOverhead = 800
)

// NewCache returns an empty cache.
func NewCache(c CacheConfig) *Cache {
	cache := &Cache{watches: watches{
		open: map[digest]map[*watch]struct{}{}, nudged: map[digest]struct{}{}, wake: make(chan struct{}, 1),
	}}
	entries := max(1, cmp.Or(c.Entries, defaultCacheEntries)/cacheShards)
	bytes := max(1, cmp.Or(c.Bytes, defaultCacheBytes)/cacheShards)
	for i := range cache.shards {
		s := &cache.shards[i]
		s.entries, s.bytes = entries, bytes
		s.known, s.flights = map[digest]*known{}, map[digest]*flight{}
	}
	return cache
}

// Len counts the sessions in the cache.
func (c *Cache) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.ring)
		s.mu.RUnlock()
	}
	return n
}

// forgetReady drops what callers keep beside sessions: it belongs to a configuration that is gone.
func (c *Cache) forgetReady() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		for _, k := range s.ring {
			k.ready.Store(nil)
		}
		s.mu.RUnlock()
	}
}

// digest is the hash in a session's key.
type digest [16]byte

// digest is the same as that in Key, without its garbage.
func (id ID) digest() digest {
	const head = "\x08latchkey\x01s\x10"
	var buf [len(head) + len(id)]byte
	copy(buf[:], head)
	copy(buf[len(head):], id[:])
	h := sha256.Sum256(buf[:])
	return digest(h[:len(digest{})])
}

// hash is the digest in the key that HashKey makes of the same.
func hash(kind string, parts ...string) digest {
	h := sha256.Sum256(lengthprefix.Append(lengthprefix.Append(nil, "latchkey", kind), parts...))
	return digest(h[:len(digest{})])
}

// digestOf reads the digest out of a session's key.
func digestOf(key Key) (d digest, ok bool) {
	if len(key) != 24 || key[:2] != "s:" {
		return d, false
	}
	n, err := base64.RawURLEncoding.Decode(d[:], []byte(key[2:]))
	return d, err == nil && n == len(d)
}

// known is a session as the store has it, and since when that is known.
type known struct {
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

// knownAs is what is known of a session once it was read, or written, as this record.
func (s *Record) knownAs(r record) *known {
	packed := r.packed
	if cap(packed) > len(packed)+len(packed)/8 {
		packed = bytes.Clone(packed)
	}
	s.sealedUnder, _ = keyring.SealedBy(r.sealed)
	k := &known{Session: s.livesOn(packed), digest: s.ID.digest(), seal: sealOf(r.sealed), size: int32(len(packed)) + knownOverhead} //nolint:gosec // bounded by MaxValue
	for _, group := range s.Groups {                                                                                                 // packed they take little, but callers keep them ready as text
		k.size += int32(len(group)) + 1 //nolint:gosec // bounded by MaxValue
	}
	s.session = &k.Session
	return k
}

// sealOf returns what known.seal is for a sealed value.
func sealOf(sealed []byte) (tag [keyring.TagSize]byte) {
	copy(tag[:], sealed[max(0, len(sealed)-keyring.TagSize):])
	return tag
}

// shard is a part of a cache. Evicted is who was not used since the hand last came by.
type shard struct {
	entries int
	bytes   int64

	mu      sync.RWMutex
	known   map[digest]*known
	ring    []*known
	hand    int
	size    int64
	flights map[digest]*flight
	// drops counts what was dropped and written. Who asked the store before may have an older answer, and must not
	// keep it.
	drops uint64

	hits, misses, evictions atomic.Uint64
}

// flight is a question to the store that several requests wait for.
type flight struct {
	done chan struct{}
	live *Session
	err  error
}

func (c *Cache) shard(d digest) *shard { return &c.shards[d[0]%cacheShards] }

func (c *Cache) get(d digest) *known {
	s := c.shard(d)
	s.mu.RLock()
	k := s.known[d]
	s.mu.RUnlock()
	if k != nil && !k.used.Load() {
		k.used.Store(true)
	}
	return k
}

// question is the state of a cache when the store was asked.
type question struct {
	at            time.Time
	doubts, drops uint64
}

func (c *Cache) question(d digest, at time.Time) question {
	s := c.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return question{at: at, doubts: c.doubts.Load(), drops: s.drops}
}

// keep takes up what the store has answered, unless something was dropped or written since it was asked.
func (c *Cache) keep(k *known, q question) {
	s := c.shard(k.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drops == q.drops {
		s.put(k, q)
	}
}

// wrote takes up what was written after q, and lets nobody keep an older answer.
func (c *Cache) wrote(k *known, q question) {
	s := c.shard(k.digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.drops == q.drops
	s.drop(k.digest)
	if same {
		s.put(k, q)
	}
}

// drop forgets a session, and what is being asked about it: a request that comes from here on asks anew.
func (c *Cache) drop(d digest) {
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(d)
	c.watches.changed(d)
}

// doubt makes everything be asked for again before it is next used. It is not forgotten: most of it will be the same,
// and while the store does not answer it is all there is.
func (c *Cache) doubt() {
	c.doubts.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.flights)
		s.mu.Unlock()
	}
	c.watches.doubted()
}

func (s *shard) drop(d digest) {
	s.drops++
	delete(s.flights, d)
	if k := s.known[d]; k != nil {
		s.remove(k)
	}
}

func (s *shard) put(k *known, q question) {
	if old := s.known[k.digest]; old != nil {
		s.remove(old)
	}
	if int64(k.size) > s.bytes {
		return
	}
	k.confirm(q)
	for len(s.ring) >= s.entries || s.size+int64(k.size) > s.bytes {
		s.evict()
	}
	k.slot = len(s.ring)
	s.ring = append(s.ring, k)
	s.known[k.digest] = k
	s.size += int64(k.size)
}

func (s *shard) evict() {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		if k := s.ring[s.hand]; !k.used.Swap(false) {
			s.remove(k)
			s.evictions.Add(1)
			return
		}
		s.hand++
	}
}

func (s *shard) remove(k *known) {
	last := len(s.ring) - 1
	s.ring[k.slot] = s.ring[last]
	s.ring[k.slot].slot = k.slot
	s.ring[last] = nil
	s.ring = s.ring[:last]
	s.size -= int64(k.size)
	delete(s.known, k.digest)
}

// join returns the question about a session that is under way, or opens one, which the caller then must land.
func (c *Cache) join(d digest) (f *flight, opened bool) {
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

func (c *Cache) land(d digest, f *flight) {
	s := c.shard(d)
	s.mu.Lock()
	if s.flights[d] == f {
		delete(s.flights, d)
	}
	s.mu.Unlock()
	close(f.done)
}

// confirm notes that the store has answered for k: it holds what it held when q was asked. The count is written last
// and read first, so that no reader takes a new count with an old time.
func (k *known) confirm(q question) {
	k.failed.Store(0)
	k.asked.Store(q.at.UnixNano())
	k.doubts.Store(int64(q.doubts)) //nolint:gosec // counts gaps in a feed
}

// fresh reports whether the store was asked within the bound. A clock that was set back is no reason to trust longer.
func (c *Cache) fresh(k *known, now time.Time, bound time.Duration) bool {
	return uint64(k.doubts.Load()) == c.doubts.Load() && k.within(now, bound) //nolint:gosec // as written by confirm
}

func (k *known) within(now time.Time, bound time.Duration) bool {
	age := now.UnixNano() - k.asked.Load()
	return age >= 0 && age < int64(bound)
}
