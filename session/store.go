package session

import (
	"context"
	"errors"
	"time"
)

// What a store can answer. Callers tell these four apart: only ErrNotFound says that something is definitely not
// there. Whatever else a store returns counts as ErrUnavailable, and an unavailable store never ends a session.
var (
	// ErrNotFound: the entry does not exist, has expired or was removed. Never returned for a failure.
	ErrNotFound = errors.New("not found")
	// ErrConflict: Create met an entry that exists already, or Replace met another version.
	ErrConflict = errors.New("conflict")
	// ErrClosed: the store was closed, for instance by a reload that an old request outlived.
	ErrClosed = errors.New("store closed")
	// ErrUnavailable: the store could not be asked, or did not answer in time.
	ErrUnavailable = errors.New("store unavailable")
)

// MaxValue is the largest value a store takes, in bytes. What fits when it is written fits when it is read (A47).
const MaxValue = 64 << 10

// Key names an entry, an index or a member: a short lower-case kind, a colon and a hash, as built by this package
// ("s:", then 22 characters of base64url). A store never interprets it, and no key is ever something that a client
// chose or saw (A32).
type Key string

// Entry is one sealed value.
type Entry struct {
	Key   Key
	Value []byte
	// Version is counted by the store: 1 after Create, one more after each Replace.
	Version uint64
	// Expires is when the store may forget the entry; from then on Get answers ErrNotFound. Never zero: every key
	// has a TTL. It bounds garbage only; the limits of a session are enforced by whoever reads the record.
	Expires time.Time
}

// Listing is a member of an index until a time.
type Listing struct {
	Index, Member Key
	Until         time.Time
}

// Entries is the part of a store that keeps values. Every method is safe for concurrent use, and a write that has
// returned nil is seen by every later read through any replica of the same store.
type Entries interface {
	// Create writes a new entry; Version is ignored. ErrConflict if the key exists (and has not expired), so one
	// of several callers wins: a lease, or a state that may be spent once. The listings are made after the entry, so
	// that nobody meets one without it; where one cannot be made the entry may be left, and the error says so much.
	Create(ctx context.Context, e Entry, in ...Listing) error
	// Get returns the entry. ErrNotFound if there is none.
	Get(ctx context.Context, key Key) (Entry, error)
	// Replace writes Value and Expires of an existing entry whose version is e.Version and returns the new
	// version. ErrNotFound if the entry is gone: a write in flight never revives what was removed. ErrConflict if
	// somebody else was first.
	Replace(ctx context.Context, e Entry) (version uint64, err error)
	// GetAll returns those of the entries that exist, in the order of their keys; an absent one is no error.
	GetAll(ctx context.Context, keys ...Key) ([]Entry, error)
	// Remove deletes the entry and returns what it was. Of several callers exactly one gets the entry, the others
	// ErrNotFound. The listings are dropped after the entry, also by who does not get it; one that cannot be dropped
	// is no error, for it points at nothing.
	Remove(ctx context.Context, key Key, from ...Listing) (Entry, error)
}

// Indexes is the part of a store that keeps sets of keys, so that nothing ever scans. An index may name members
// whose entry is gone: whoever meets ErrNotFound delists it. Members stay unique.
type Indexes interface {
	// Enlist puts a member into an index until the given time, replacing the time of an earlier listing. Members
	// whose time has passed are dropped on the way; an index lives as long as its last member.
	Enlist(ctx context.Context, index, member Key, until time.Time) error
	// Members returns members in the order of their times, at most limit of them: only those whose time is before
	// the given one, or all if it is zero. An index that does not exist is empty, not an error. A member whose
	// time has passed is never returned.
	Members(ctx context.Context, index Key, before time.Time, limit int) ([]Key, error)
	// Delist removes members; an absent one is no error.
	Delist(ctx context.Context, index Key, members ...Key) error
}

// Store keeps entries and indexes. Package storetest holds the contract as a test suite.
type Store interface {
	Entries
	Indexes
	// Ping tells whether the store answers: nil, ErrUnavailable or ErrClosed.
	Ping(ctx context.Context) error
	// Close releases it. Every later call answers ErrClosed; closing twice is no error.
	Close() error
}
