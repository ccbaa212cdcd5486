package session

import (
	"cmp"
)

// Cache is what a process knows of sessions beside the store. Several managers over one store may share one, at the same time
// or one after the other: what is known then survives a change of the configuration. They must have equal key rings.
//
// It keeps sessions that the store has told of, unsealed and immutable (A30), so that a request need not ask for what was
// asked a moment ago. What is in it says nothing about whether a session may still be used: that is Manager.Load's. Only what
// exists is kept, never that something does not.
//
// These rules hold over all of its parts, and their order matters:
//
//   - A write drops the entry after the store has answered, and before other replicas are told (writer.changed, entries.wrote).
//   - A message of another replica only drops or doubts. It never brings a value (Manager.heard).
//   - A gap in the messages puts everything in doubt first. Then what this process wrote is looked for and written again
//     (replay.gap).
//   - Revocations are read before an entry is used, and at least as often (loader.byID, revocations.settle).
//   - What is dropped or doubted is looked at soon if something is open for it (watches).
type Cache struct {
	entries     *entries
	revocations revocationList
	watches     watches
	writes      recentWrites
}

// CacheConfig bounds a cache. Zero values mean the defaults.
type CacheConfig struct {
	// Entries is how many sessions are kept; default 100,000.
	Entries int
	// Bytes is how much memory they may take, by estimate, with what callers keep beside them; default 256 MiB.
	Bytes int64
}

const (
	defaultCacheEntries = 100_000
	defaultCacheBytes   = 256 << 20
)

// NewCache returns an empty cache.
func NewCache(c CacheConfig) *Cache {
	cache := &Cache{watches: watches{
		open: map[digest]map[*watch]struct{}{}, nudged: map[digest]struct{}{}, wake: make(chan struct{}, 1),
	}}
	cache.entries = newEntries(cmp.Or(c.Entries, defaultCacheEntries), cmp.Or(c.Bytes, defaultCacheBytes), cache.watches.changed, cache.watches.doubted)
	return cache
}

// known tells how much is known here without asking the store.
func (c *Cache) known() Known {
	known := c.entries.known()
	known.Watched = c.watches.count()
	return known
}
