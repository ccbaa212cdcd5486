package session

import (
	"context"
	"errors"
	"fmt"
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

// MaxKey is the longest key a store takes, in bytes.
const MaxKey = 128

// latest is the last time a store takes. It keeps milliseconds since 1970 far from every 64-bit edge, here and in
// a server that adds its own clock to a TTL (A48).
var latest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// CheckKey tells whether every store takes the key: 1 to MaxKey bytes out of A-Z a-z 0-9 : . _ -. The alphabet has
// no byte that a store, a log or a cluster's hash tags could read as more than a letter (A32). The error is a
// mistake of the caller and none of the four sentinels.
func CheckKey(k Key) error {
	if len(k) == 0 || len(k) > MaxKey {
		return fmt.Errorf("store key of %d bytes, want 1 to %d", len(k), MaxKey)
	}
	for i := range len(k) {
		switch c := k[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == ':', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("store key with byte %#02x at %d, outside A-Z a-z 0-9 : . _ -", c, i)
		}
	}
	return nil
}

// CheckEntry tells whether every store takes the entry at the given time: a good key, a value of at most MaxValue
// bytes and an end that lies ahead. An entry that has ended already is refused rather than dropped in silence, so
// nobody believes to hold a lease that never was.
func CheckEntry(e Entry, now time.Time) error {
	if err := CheckKey(e.Key); err != nil {
		return err
	}
	if len(e.Value) > MaxValue {
		return fmt.Errorf("store value of %d bytes, want at most %d", len(e.Value), MaxValue)
	}
	return CheckUntil(e.Expires, now)
}

// CheckListings tells whether every store takes the listings at the given time.
func CheckListings(in []Listing, now time.Time) error {
	for _, l := range in {
		if err := CheckKey(l.Index); err != nil {
			return err
		}
		if err := CheckKey(l.Member); err != nil {
			return err
		}
		if err := CheckUntil(l.Until, now); err != nil {
			return err
		}
	}
	return nil
}

// CheckUntil tells whether every store takes the time as the end of an entry or of a listing. Stores keep times to
// the millisecond, rounded down; the end must lie ahead of now by that measure.
func CheckUntil(until, now time.Time) error {
	switch {
	case until.IsZero():
		return fmt.Errorf("store entry without an end: every key has a TTL")
	case until.After(latest):
		return fmt.Errorf("store entry that ends after the year 9998")
	case until.UnixMilli() <= now.UnixMilli():
		return fmt.Errorf("store entry that has ended already, %v ago", now.Sub(until).Round(time.Millisecond))
	}
	return nil
}
