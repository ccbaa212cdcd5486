package ratelimit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a limit: N times at once, and then N times in each Per. The zero value means no limit.
type Rate struct {
	N   int
	Per time.Duration
}

// limited reports whether the rate limits anything.
func (r Rate) limited() bool { return r.N > 0 && r.Per > 0 }

const (
	// Slots is how many clients are distinguished at a time. A bucket takes about 100 bytes, so all of them take less
	// than two megabytes.
	Slots = 16384
	ways  = 4
	// networkBits is the number of bits of an IPv6 address that a client cannot vary: a single host gets a /64.
	networkBits = 64
)

// Limiter is a table of token buckets, one for each recent client and purpose. If the table is full, the fullest bucket
// is dropped, so that clients that exceed the limit are forgotten last. It is safe for concurrent use; a nil one limits
// nothing.
type Limiter struct {
	rate Rate
	seed maphash.Seed
	sets [Slots / ways]set
}

type set struct {
	mu      sync.Mutex
	keys    [ways]uint64
	buckets [ways]*rate.Limiter
}

// New returns a limiter; nil if the rate means no limit.
func New(r Rate) *Limiter {
	if !r.limited() {
		return nil
	}
	return &Limiter{rate: r, seed: maphash.MakeSeed()}
}

// Allow counts one request of a client for a purpose. If it exceeds the limit, ok is false, nothing is counted, and
// wait is the time until the next one is allowed. IPv6 addresses of one /64 are one client; so are all clients with an
// unknown address.
func (l *Limiter) Allow(client netip.Addr, purpose string, now time.Time) (wait time.Duration, ok bool) {
	if l == nil {
		return 0, true
	}
	key := l.key(client, purpose)
	s := &l.sets[key%uint64(len(l.sets))]
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := s.bucket(key, now, l.rate)
	r := bucket.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait <= 0 {
		return 0, true
	}
	r.CancelAt(now)
	return wait, false
}

// Exceeded reports whether Allow would refuse a client now, and for how long. It counts nothing.
func (l *Limiter) Exceeded(client netip.Addr, purpose string, now time.Time) (wait time.Duration, exceeded bool) {
	if l == nil {
		return 0, false
	}
	key := l.key(client, purpose)
	s := &l.sets[key%uint64(len(l.sets))]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.buckets {
		if s.buckets[i] == nil || s.keys[i] != key {
			continue
		}
		if lacks := 1 - s.buckets[i].TokensAt(now); lacks > 0 {
			return time.Duration(lacks * float64(l.rate.Per) / float64(l.rate.N)), true
		}
	}
	return 0, false
}

// key is unpredictable, so that an attacker cannot choose addresses that share a set with another client's.
func (l *Limiter) key(client netip.Addr, purpose string) uint64 {
	client = client.Unmap().WithZone("")
	if client.Is6() {
		network, _ := client.Prefix(networkBits)
		client = network.Addr()
	}
	addr := client.As16()
	if !client.IsValid() {
		purpose += "?" // distinguishes an unknown address from an address of zeros
	}
	return maphash.String(l.seed, string(addr[:])+purpose)
}

func (s *set) bucket(key uint64, now time.Time, r Rate) *rate.Limiter {
	fullest, most := 0, -1.0
	for i := range s.buckets {
		switch {
		case s.buckets[i] == nil:
			if most < float64(r.N)+1 {
				fullest, most = i, float64(r.N)+1
			}
		case s.keys[i] == key:
			return s.buckets[i]
		default:
			if tokens := s.buckets[i].TokensAt(now); tokens > most {
				fullest, most = i, tokens
			}
		}
	}
	s.keys[fullest] = key
	s.buckets[fullest] = rate.NewLimiter(rate.Limit(float64(r.N)/r.Per.Seconds()), r.N)
	return s.buckets[fullest]
}
