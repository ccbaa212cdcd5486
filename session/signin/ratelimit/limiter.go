package ratelimit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Rate is a limit: N times at once, and then N times in each Per. The zero value means no limit.
type Rate struct {
	N   int
	Per time.Duration
}

// limited reports whether the rate limits anything.
func (r Rate) limited() bool { return r.N > 0 && r.Per > 0 }

const (
	// Slots is how many clients are distinguished at a time. All of them take less than half a megabyte.
	Slots = 16384
	ways  = 4
	// networkBits is the number of bits of an IPv6 address that a client cannot vary: a single host gets a /64.
	networkBits = 64
)

// Limiter is a table of token buckets, one for each recent client and purpose. If the table is full, the fullest bucket
// is dropped, so that clients that exceed the limit are forgotten last. It is safe for concurrent use; a nil one limits
// nothing.
type Limiter struct {
	// each is the time in which a bucket gets one token, all the time in which it gets all that it holds.
	each, all time.Duration
	seed      maphash.Seed
	// sets is nil until the first bucket: most limiters of most configurations never have one.
	sets atomic.Pointer[sets]
}

type sets [Slots / ways]set

// A bucket is the time at which it is full again, in nanoseconds since 1970. One whose time is past is full.
type set struct {
	mu      sync.Mutex
	keys    [ways]uint64
	buckets [ways]int64
}

// New returns a limiter; nil if the rate means no limit.
func New(r Rate) *Limiter {
	if !r.limited() {
		return nil
	}
	each := max(1, r.Per/time.Duration(r.N))
	return &Limiter{each: each, all: each * time.Duration(r.N), seed: maphash.MakeSeed()}
}

// Allow counts one request of a client for a purpose. If it exceeds the limit, ok is false, nothing is counted, and
// wait is the time until the next one is allowed. IPv6 addresses of one /64 are one client; so are all clients with an
// unknown address.
func (l *Limiter) Allow(client netip.Addr, purpose string, now time.Time) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	return l.allow(l.key(client, purpose), now)
}

// GiveBack makes up for one request that Allow has counted. A bucket that was dropped meanwhile has lost nothing.
func (l *Limiter) GiveBack(client netip.Addr, purpose string) {
	if l == nil {
		return
	}
	s, key := l.open(l.key(client, purpose))
	defer s.mu.Unlock()
	if i, known := s.find(key); known {
		s.buckets[i] -= int64(l.each)
	}
}

// Exceeded reports whether Allow would refuse a client now, and for how long. It counts nothing.
func (l *Limiter) Exceeded(client netip.Addr, purpose string, now time.Time) (wait time.Duration, exceeded bool) {
	if l == nil {
		return 0, false
	}
	s, key := l.open(l.key(client, purpose))
	defer s.mu.Unlock()
	i, known := s.find(key)
	if !known {
		return 0, false
	}
	_, wait = l.taken(s.buckets[i], now)
	return wait, wait > 0
}

func (l *Limiter) allow(key uint64, now time.Time) (wait time.Duration, ok bool) {
	s, key := l.open(key)
	defer s.mu.Unlock()
	i, known := s.find(key)
	if !known {
		s.keys[i], s.buckets[i] = key, now.UnixNano()
	}
	full, wait := l.taken(s.buckets[i], now)
	if wait > 0 {
		return wait, false
	}
	s.buckets[i] = full
	return 0, true
}

// taken returns a bucket after one more token is taken, and how long it is until there is one; 0 if there is one now.
func (l *Limiter) taken(bucket int64, now time.Time) (full int64, wait time.Duration) {
	full = max(bucket, now.UnixNano()) + int64(l.each)
	return full, max(0, time.Duration(full-now.UnixNano())-l.all)
}

// open locks the set of a key. The key is not 0, which stands for a slot that is free.
func (l *Limiter) open(key uint64) (*set, uint64) {
	key = max(key, 1)
	all := l.sets.Load()
	if all == nil {
		l.sets.CompareAndSwap(nil, new(sets))
		all = l.sets.Load()
	}
	s := &all[key%uint64(len(all))]
	s.mu.Lock()
	return s, key
}

// network returns what counts as one client: an IPv4 address, or a network of IPv6.
func network(client netip.Addr) netip.Addr {
	client = client.Unmap().WithZone("")
	if client.Is6() {
		all, _ := client.Prefix(networkBits)
		client = all.Addr()
	}
	return client
}

// key is unpredictable, so that an attacker cannot choose addresses that share a set with another client's.
func (l *Limiter) key(client netip.Addr, purpose string) uint64 {
	client = network(client)
	addr := client.As16()
	if !client.IsValid() {
		purpose += "?" // distinguishes an unknown address from an address of zeros
	}
	return maphash.String(l.seed, string(addr[:])+purpose)
}

// find returns the bucket of a key. If there is none, it returns the fullest, which the key may have.
func (s *set) find(key uint64) (i int, known bool) {
	fullest := 0
	for i := range s.keys {
		if s.keys[i] == key {
			return i, true
		}
		if s.buckets[i] < s.buckets[fullest] {
			fullest = i
		}
	}
	return fullest, false
}
