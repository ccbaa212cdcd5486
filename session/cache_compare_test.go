package session

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto"
)

// people is how many sessions the comparison has.
const comparedPeople = 50_000

// A comparedCache is what the hot path needs of a cache.
type comparedCache struct {
	get  func(digest) *entry
	put  func(*entry)
	drop func(digest)
	// settle waits until what was put in is in.
	settle, end func()
}

func atOnce() {}

type comparedKind struct {
	name    string
	bounded bool
	make    func(entries int) comparedCache
}

// comparedCaches are the ways to keep sessions. The last two show the speed without a bound: they forget no session.
// testdata/caches adds one.
var comparedCaches = []comparedKind{
	{"ours", true, func(entries int) comparedCache {
		c := newEntries(entries, defaultCacheBytes, func(digest) {}, func() {})
		return comparedCache{c.get, func(k *entry) {
			s := c.shard(k.digest)
			s.mu.Lock()
			s.put(k, generation{at: time.Now()})
			s.mu.Unlock()
		}, c.drop, atOnce, atOnce}
	}},
	{"ristretto", true, func(entries int) comparedCache {
		c, err := ristretto.NewCache(&ristretto.Config{
			NumCounters: int64(10 * entries), MaxCost: int64(entries), BufferItems: 64, IgnoreInternalCost: true,
		})
		if err != nil {
			panic(err)
		}
		// Sixteen bytes make no key of it, and eight can be made to collide only by who knows the ids.
		key := func(d digest) uint64 { return binary.LittleEndian.Uint64(d[:]) }
		return comparedCache{
			func(d digest) *entry {
				k, _ := c.Get(key(d))
				if k == nil {
					return nil
				}
				return k.(*entry)
			},
			func(k *entry) { c.Set(key(k.digest), k, 1) },
			func(d digest) { c.Del(key(d)) },
			c.Wait,
			c.Close,
		}
	}},
	{"one map, one lock", false, func(int) comparedCache {
		var mu sync.RWMutex
		m := map[digest]*entry{}
		return comparedCache{
			func(d digest) *entry { mu.RLock(); defer mu.RUnlock(); return m[d] },
			func(k *entry) { mu.Lock(); defer mu.Unlock(); m[k.digest] = k },
			func(d digest) { mu.Lock(); defer mu.Unlock(); delete(m, d) },
			atOnce,
			atOnce,
		}
	}},
	{"sync.Map", false, func(int) comparedCache {
		var m sync.Map
		return comparedCache{
			func(d digest) *entry {
				k, _ := m.Load(d)
				if k == nil {
					return nil
				}
				return k.(*entry)
			},
			func(k *entry) { m.Store(k.digest, k) },
			func(d digest) { m.Delete(d) },
			atOnce,
			atOnce,
		}
	}},
}

// BenchmarkCaches compares our cache with libraries, and with what forgets no session: time of a look-up by all processors
// at once, how many of them find a session, and what the cache takes beside the session. A session that is missed is put in,
// as after asking the store.
func BenchmarkCaches(b *testing.B) {
	sessions := comparedSessions()
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.07, 8, comparedPeople-1)
	patterns := []struct {
		name string
		next func() uint64
	}{{"uniform", func() uint64 { return random.Uint64N(comparedPeople) }}, {"zipf", zipf.Uint64}}
	for _, p := range patterns {
		order := make([]uint32, 1<<20)
		for i := range order {
			order[i] = uint32(p.next()) //nolint:gosec // below comparedPeople
		}
		for _, room := range []struct {
			name    string
			entries int
		}{{"room for all", 2 * comparedPeople}, {"room for a fifth", comparedPeople / 5}} {
			for _, kind := range comparedCaches {
				if !kind.bounded && room.entries < comparedPeople {
					continue
				}
				b.Run(p.name+"/"+room.name+"/"+kind.name, func(b *testing.B) {
					before := heapInUse()
					c := kind.make(room.entries)
					defer c.end()
					for _, i := range order { // as it is after a while
						if k := sessions[i]; c.get(k.digest) == nil {
							c.put(k)
						}
					}
					c.settle()
					kept := float64(heapInUse()-before) / float64(min(room.entries, comparedPeople))
					compareCache(b, c, sessions, order)
					b.ReportMetric(kept, "B/session")
				})
			}
		}
	}
}

// BenchmarkCachesDrop drops sessions that were just put in, and counts those that are served afterwards: at once, or once
// the cache has come to rest.
func BenchmarkCachesDrop(b *testing.B) {
	sessions := comparedSessions()
	for _, kind := range comparedCaches {
		b.Run(kind.name, func(b *testing.B) {
			c := kind.make(2 * comparedPeople)
			defer c.end()
			for _, k := range sessions {
				c.put(k)
			}
			c.settle()
			var starts, served atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				n := int64(0)
				for at := int(starts.Add(1)) * 7919; pb.Next(); at++ {
					k := sessions[at%len(sessions)]
					c.drop(k.digest)
					c.put(k)
					c.drop(k.digest)
					if c.get(k.digest) != nil {
						n++
					}
				}
				served.Add(n)
			})
			b.StopTimer()
			c.settle()
			for _, k := range sessions[:min(len(sessions), b.N)] {
				if b.N >= len(sessions) && c.get(k.digest) != nil {
					served.Add(1)
				}
			}
			b.ReportMetric(float64(served.Load()), "served-after-drop")
		})
	}
}

func comparedSessions() []*entry {
	sessions := make([]*entry, comparedPeople)
	for i := range sessions {
		id := NewToken().ID
		sessions[i] = &entry{digest: id.digest(), Session: Session{ID: id}}
	}
	return sessions
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // bytes of this process
}

func compareCache(b *testing.B, c comparedCache, sessions []*entry, order []uint32) {
	var starts, looked, hits atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		at, found, n := int(starts.Add(1))*7919, int64(0), int64(0)
		for ; pb.Next(); at++ {
			k := sessions[order[at%len(order)]]
			n++
			if c.get(k.digest) != nil {
				found++
				continue
			}
			c.put(k)
		}
		looked.Add(n)
		hits.Add(found)
	})
	b.ReportMetric(100*float64(hits.Load())/float64(looked.Load()), "%hit")
}
