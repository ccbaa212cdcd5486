package session

import (
	"encoding/binary"
	"math/rand/v2"
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
	get func(digest) *entry
	put func(*entry)
	// settle waits until what was put in is in.
	settle func()
}

func atOnce() {}

// comparedCaches are the ways to keep sessions; the last two are bounds for what speed can be had, as they
// forget nobody.
var comparedCaches = []struct {
	name    string
	bounded bool
	make    func(entries int) comparedCache
}{
	{"ours", true, func(entries int) comparedCache {
		c := newEntries(entries, defaultCacheBytes, func(digest) {}, func() {})
		return comparedCache{c.get, func(k *entry) {
			s := c.shard(k.digest)
			s.mu.Lock()
			s.put(k, generation{at: time.Now()})
			s.mu.Unlock()
		}, atOnce}
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
			c.Wait,
		}
	}},
	{"one map, one lock", false, func(int) comparedCache {
		var mu sync.RWMutex
		m := map[digest]*entry{}
		return comparedCache{
			func(d digest) *entry { mu.RLock(); defer mu.RUnlock(); return m[d] },
			func(k *entry) { mu.Lock(); defer mu.Unlock(); m[k.digest] = k },
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
			atOnce,
		}
	}},
}

// BenchmarkCaches compares our cache with a well-kept library, and with what forgets nobody: time of a look-up by all
// processors at once, and how many of them find somebody. Who is missed is put in, as after asking the store.
func BenchmarkCaches(b *testing.B) {
	everybody := make([]*entry, comparedPeople)
	for i := range everybody {
		id := NewToken().ID
		everybody[i] = &entry{digest: id.digest(), Session: Session{ID: id}}
	}
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
					compareCache(b, kind.make(room.entries), everybody, order)
				})
			}
		}
	}
}

func compareCache(b *testing.B, c comparedCache, everybody []*entry, order []uint32) {
	for _, i := range order { // as it is after a while
		if k := everybody[i]; c.get(k.digest) == nil {
			c.put(k)
		}
	}
	c.settle()
	var starts, looked, hits atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		at, found, n := int(starts.Add(1))*7919, int64(0), int64(0)
		for ; pb.Next(); at++ {
			k := everybody[order[at%len(order)]]
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
