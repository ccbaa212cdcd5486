package session

import (
	"cmp"
	"sync/atomic"
)

// Cache contains the sessions that a process has read from the store. Several managers with the same store may share
// one, at the same time or one after the other, so that it survives a change of the configuration. Their key rings must
// be equal.
//
// It keeps sessions unsealed and immutable (A30), so that a request need not read again what was just read. Being in
// the cache does not mean that a session may still be used: Manager.Load decides that. The cache only keeps existing
// sessions, never the fact that one does not exist.
//
// These rules apply to all of its parts, and their order matters:
//
//   - A write drops the entry after the store has answered, and before other replicas are notified (writer.changed,
//     entries.wrote).
//   - A message of another replica only drops or doubts entries. It never contains a value (Manager.heard).
//   - A gap in the messages first puts all entries in doubt. Then this process repeats its writes that are lost
//     (replay.gap).
//   - Revocations are read before an entry is used, and at least as often (loader.byID, revocations.settle).
//   - A dropped or doubted session with open streams is checked soon (watches).
type Cache struct {
	entries     *entries
	revocations revocationList
	watches     watches
	writes      recentWrites
	// tokens counts the messages that tokens of programs have changed.
	tokens atomic.Uint64
}

// CacheConfig limits a cache. Zero values mean the defaults.
type CacheConfig struct {
	// Entries is how many sessions are kept; default 100,000.
	Entries int
	// Bytes is the memory that they may take, estimated, including what callers keep with them; default 256 MiB.
	Bytes int64
}

const defaultCacheBytes = 256 << 20

// NewCache returns an empty cache.
func NewCache(c CacheConfig) *Cache {
	cache := new(Cache)
	cache.watches.init()
	cache.entries = newEntries(cmp.Or(c.Entries, defaultCacheEntries), cmp.Or(c.Bytes, defaultCacheBytes), cache.watches.changed, cache.watches.doubted)
	return cache
}

// known returns the size of the cache.
func (c *Cache) known() Known {
	known := c.entries.known()
	known.Watched = c.watches.count()
	return known
}
