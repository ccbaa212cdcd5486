package session

import (
	"context"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// What the tests outside the package need to know of its inside.
const (
	TouchQueue   = touchQueue
	TouchTimeout = touchTimeout
	MaxApps      = maxApps
	RecordGrowth = recordGrowth
	UpdateTries  = updateTries
	ExpiredGrace = expiredGrace
	MaxAsking    = maxAsking
	MaxMade      = maxMade
)

var (
	ErrMalformed  = pack.ErrMalformed
	ErrTouchQueue = errTouchQueue
	ErrTouchClose = errTouchClose
)

// Made reports whether the record of a new session is kept for the first page.
func (s *Session) Made() bool {
	v := s.ready.Load()
	if v == nil {
		return false
	}
	_, made := (*v).(*madeRecord)
	return made
}

// TableGrowth returns how many bytes the tables of a cache of a size take for n sessions beyond their room.
func TableGrowth(n, size int) uint64 {
	c, made := newEntries(size, math.MaxInt64, func(digest) {}, func() {}), make([]digest, n)
	for i := range made {
		made[i] = ID([]byte(NewRandom(len(ID{})))).digest()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i, d := range made {
		c.shard(d).known[d] = uint32(i) //nolint:gosec // small
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Places returns the indexes that list a user's session.
func Places(who Identity, sid string, id ID) []Key {
	s := Record{ID: id, Identity: who, ProviderSession: sid}
	var in []Key
	for _, l := range s.listings(time.Time{}, time.Time{}) {
		in = append(in, l.Index)
	}
	return in
}

// ListedFor returns the sessions that are listed for a person, as Made.Listed.
func ListedFor(ctx context.Context, in Indexes, who Identity) ([]Key, error) {
	return personBucket(who).sessions(ctx, in)
}

// PersonListing lists a session among those of a person.
func PersonListing(who Identity, key Key, until time.Time) Listing {
	return personBucket(who).listing(key, until)
}

// SessionOf is what a manager returns of such a session.
func SessionOf(s *Record) *Session {
	plain, _ := s.encode()
	packed, err := pack.ShortLived(plain) // not compressed: tests make thousands
	if err != nil {
		panic(err)
	}
	live := s.view(packed)
	return &live
}

// DigestIsKeys reports whether the cache finds by an id what it is told of by that id's key.
func DigestIsKeys(id ID) bool {
	d, ok := digestOf(id.Key())
	return ok && d == id.digest()
}

// DigestOf reports whether a key is one that a session may have.
func DigestOf(key Key) bool {
	_, ok := digestOf(key)
	return ok
}

// Of returns all live sessions of a person, in the order in which they end at the latest. That a record cannot be read is
// an error here.
func (m *Manager) Of(ctx context.Context, who Identity) ([]*Record, error) {
	own, err := m.Own(ctx, who, math.MaxInt)
	if err == nil && own.Unreadable > 0 {
		err = keyring.ErrUnsealable
	}
	slices.Reverse(own.Sessions)
	return own.Sessions, err
}

// LoadRecord is Load for a caller that needs the whole record.
func (m *Manager) LoadRecord(ctx context.Context, token Token) (*Record, error) {
	s, err := m.Load(ctx, token)
	if err != nil {
		return nil, err
	}
	return s.Record()
}

// Len counts the sessions in the cache.
func (c *Cache) Len() int { return c.known().Sessions }

// TouchDue reports whether a use at that time would be written.
func (s *Record) TouchDue(at time.Time, now Limits) bool { return s.touchDue(at, now) }

// stream is a Holder for tests.
type stream struct {
	Watch
	Terms
	id   ID
	over func(error) (cut bool, rest func())
}

func (s *stream) Session() ID { return s.id }

func (s *stream) Over(cause error) (cut bool, rest func()) { return s.over(cause) }

// WatchShard is the part of the list of open streams in which those of a session are.
func WatchShard(id ID) int { return int(id.digest()[0] % watchShards) }

// Hold watches a session for a function; stop ends that.
func (m *Manager) Hold(id ID, terms Terms, over func(error)) (stop func()) {
	return m.HoldAs(id, terms, func(cause error) (bool, func()) { return false, func() { over(cause) } })
}

// HoldAs watches a session for a function that answers as a Holder does; stop ends that.
func (m *Manager) HoldAs(id ID, terms Terms, over func(error) (cut bool, rest func())) (stop func()) {
	s := &stream{Terms: terms, id: id, over: over}
	m.Watch(&s.Watch, s)
	return func() { m.Unwatch(&s.Watch, s) }
}
