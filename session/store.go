package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// The errors of a store. Callers distinguish these four: only ErrNotFound means that something certainly does not
// exist. Any other error of a store counts as ErrUnavailable, and an unavailable store never ends a session.
var (
	// ErrNotFound: the entry does not exist, has expired or was removed. It is never returned for a failure.
	ErrNotFound = errors.New("not found")
	// ErrConflict: for Create, the entry already exists; for Replace, it has another version.
	ErrConflict = errors.New("conflict")
	// ErrClosed: the store was closed, for instance by a reload during an old request.
	ErrClosed = errors.New("store closed")
	// ErrUnavailable: the store could not be reached, or did not answer in time.
	ErrUnavailable = errors.New("store unavailable")
)

// MaxValue is the largest value that a store accepts, in bytes. A value that can be written can also be read (A47).
const MaxValue = 64 << 10

// Key names an entry, an index or a member: a short lower-case kind, a colon and a hash, as built by this package
// ("s:", then 22 characters of base64url). A store never interprets it. A client never chooses or sees a key (A32).
type Key string

// Entry is one sealed value.
type Entry struct {
	Key   Key
	Value []byte
	// Version is counted by the store: 1 after Create, and one more after each Replace.
	Version uint64
	// Expires is when the store may delete the entry; from then on Get returns ErrNotFound. It is never zero: every key
	// has a TTL. It only limits garbage; code that reads the record enforces the limits of a session.
	Expires time.Time
}

// Listing is a member of an index until a time.
type Listing struct {
	Index, Member Key
	Until         time.Time
	// Owner, if it is set, is a member that stands for all members of this member's owner, for a step that lists them
	// (Step.List). A member with an Owner is listed once and has a name of its own. A store may list the Owner beside it, and
	// then leave the question out where the Owner was not listed yet. It forgets the Owner with an entry that ends
	// and leaves an index with it, so that the next question may be left out too. So the answer need not name other members
	// of the owner: there are fewer than were named before. A caller that ends an entry because there are too many leaves
	// the Owner out. A caller that reads the index passes over it.
	Owner Key
	// Kept, if it is set, is a time after the end of every member that the index has or will get before it is listed in
	// again. It is the same span after the time of the listing for all listings of an index that set it. The store may keep
	// the index until then, and need not look for its last member. It is for indexes of which there is a fixed number, each
	// for the members of many owners.
	Kept time.Time
}

// Entries is the part of a store that keeps values. Every method is safe for concurrent use. After a write has returned
// nil, every later read through any replica of the same store sees it.
type Entries interface {
	// Create writes a new entry; Version is ignored. It returns ErrConflict if the key exists and has not expired, so
	// exactly one of several callers succeeds: for a lease, or a state that may be used once. The listings are written
	// after the entry, so that a listing never appears without its entry. If a listing cannot be written, Create
	// returns an error and the entry may remain.
	Create(ctx context.Context, e Entry, in ...Listing) error
	// Get returns the entry, or ErrNotFound if there is none.
	Get(ctx context.Context, key Key) (Entry, error)
	// Replace writes Value and Expires of an existing entry whose version is e.Version and returns the new version. It
	// returns ErrNotFound if the entry does not exist: a late write never revives a removed entry. It returns
	// ErrConflict if another write came first.
	Replace(ctx context.Context, e Entry) (version uint64, err error)
	// GetAll returns the existing entries of the keys, in the order of the keys. A missing one is not an error.
	GetAll(ctx context.Context, keys ...Key) ([]Entry, error)
	// Remove deletes the entry and returns it. Exactly one of several callers gets the entry, the others get
	// ErrNotFound. The listings are removed after the entry, also for callers that get ErrNotFound. A listing that
	// cannot be removed is not an error, because its entry does not exist.
	Remove(ctx context.Context, key Key, from ...Listing) (Entry, error)
}

// Indexes is the part of a store that keeps sets of keys, so that no operation scans. An index may contain members
// whose entry does not exist any more; a caller that gets ErrNotFound delists them. Members are unique.
type Indexes interface {
	// Enlist adds a member to an index until the given time, and replaces the time of an earlier listing. It also drops
	// members whose time has passed. An index lives as long as its last member.
	Enlist(ctx context.Context, index, member Key, until time.Time) error
	// Members returns at most limit members, sorted by their times: only those with a time before the given one, or all
	// if it is zero. An index that does not exist is empty, not an error. A member whose time has passed is never
	// returned.
	Members(ctx context.Context, index Key, before time.Time, limit int) ([]Key, error)
	// Delist removes members; a missing one is not an error.
	Delist(ctx context.Context, index Key, members ...Key) error
}

// Step is what belongs together: the end of a pending sign-in, the session that it becomes, and what must be known once
// that is written. Each part is optional. The parts are executed in the order of the fields.
type Step struct {
	// Take is the key of an entry that is deleted with its listings From, as by Remove. If there is no such entry, the
	// other parts are not executed.
	Take Key
	From []Listing
	// Create is a new entry with its listings In, as for Create. If the key exists, the other parts are not executed,
	// and Take has been deleted all the same.
	Create Entry
	In     []Listing
	// Read are keys of entries that are read, as by GetAll.
	Read []Key
	// List is an index of which the members are returned that begin with Tag and whose time has not passed, in the order
	// of Members. If it is that of In[0] with an Owner, this may be left out (Listing.Owner).
	List Key
	Tag  string
	// Append is a value for the sign-in log that tells of the new entry. It is added only if there is none of the entries of Read:
	// what they say may mean that the new entry does not stay. That it could not be added is no error. A store need not do it;
	// Outcome.Appended says whether it has.
	Append *Appended
}

// Appended is a value at the end of a stream, as package journal defines it.
type Appended struct {
	Stream Key
	Value  []byte
	// Owner is the owner of the value; empty for none.
	Owner Key
	// Until is when the stream ends, Most how many values it may have.
	Until time.Time
	Most  int
}

// Outcome is what a Step has read, and whether it has appended.
type Outcome struct {
	Entries  []Entry
	Members  []Key
	Appended bool
}

// Steps is the part of a store that executes what belongs together in as few round trips, or writes to the disk, as it
// can.
type Steps interface {
	// Apply executes a step. It returns ErrNotFound if there was no entry to take, and ErrConflict if the key of the new
	// one exists. After another error each part may have been executed if those before it were.
	Apply(ctx context.Context, st Step) (Outcome, error)
}

// SingleSteps is a store that executes one part of a step at a time.
type SingleSteps interface {
	Entries
	Indexes
}

// InTurn is Steps.Apply for a store that cannot execute the parts of a step together: one after the other. The caller
// has checked the step.
func InTurn(ctx context.Context, s SingleSteps, st Step) (done Outcome, err error) {
	if st.Take != "" {
		if _, err := s.Remove(ctx, st.Take, st.From...); err != nil {
			return done, err
		}
	}
	if st.Create.Key != "" {
		if err := s.Create(ctx, st.Create, st.In...); err != nil {
			return done, err
		}
	}
	if len(st.Read) > 0 {
		if done.Entries, err = s.GetAll(ctx, st.Read...); err != nil {
			return done, err
		}
	}
	if st.List != "" {
		members, err := s.Members(ctx, st.List, time.Time{}, math.MaxInt32)
		if err != nil {
			return done, err
		}
		for _, m := range members {
			if strings.HasPrefix(string(m), st.Tag) {
				done.Members = append(done.Members, m)
			}
		}
	}
	return done, nil
}

// Store keeps entries and indexes. Package storetest has a test suite for this contract.
type Store interface {
	Entries
	Indexes
	Steps
	// Ping returns nil if the store answers, else ErrUnavailable or ErrClosed.
	Ping(ctx context.Context) error
	// Close closes the store. Every later call returns ErrClosed; closing twice is not an error.
	Close() error
}

// Stamp tells one write of an entry from every other: the version, and the beginning of the value. A sealed value begins with
// a random nonce, which shows that another value has the same version after a failover that lost a write.
type Stamp struct {
	Version uint64
	// Head is the beginning of the value; a shorter value is followed by zeros.
	Head [keyring.HeadSize]byte
}

// Stamp returns the stamp of the entry.
func (e *Entry) Stamp() Stamp {
	s := Stamp{Version: e.Version}
	copy(s.Head[:], e.Value)
	return s
}

// Stamps is an optional part of a store, for callers that have an entry and ask whether the store still has the same one.
type Stamps interface {
	// Stamp returns the stamp of an entry. It has the rules and the errors of Get. Calls that come together may be
	// answered together, but each by a question that was sent to the store after the call began. An end of ctx is an
	// ErrUnavailable for this caller alone. Without an end it returns within a few seconds all the same.
	Stamp(ctx context.Context, key Key) (Stamp, error)
}

// MaxKey is the longest key that a store accepts, in bytes.
const MaxKey = 128

// latest is the latest time that a store accepts. It keeps milliseconds since 1970 far below every 64-bit limit, here
// and in a server that adds its own clock to a TTL (A48).
var latest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// CheckKey returns an error if not every store accepts the key: 1 to MaxKey bytes of A-Z a-z 0-9 : . _ -. A store, a
// log or a cluster's hash tags treat none of these bytes specially (A32). The error is a mistake of the caller and none
// of the four sentinels.
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

// CheckMember returns an error if not every store lists the member: a valid key that is more than dots, which a store may use
// for itself.
func CheckMember(k Key) error {
	if strings.Trim(string(k), ".") == "" && k != "" {
		return fmt.Errorf("a member of %d dots", len(k))
	}
	return CheckKey(k)
}

// CheckEntry returns an error if not every store accepts the entry at the given time: a valid key, a value of at most
// MaxValue bytes and an end in the future. An entry that has already ended is refused and not silently dropped, so that
// no caller relies on a lease that never existed.
func CheckEntry(e Entry, now time.Time) error {
	if err := CheckKey(e.Key); err != nil {
		return err
	}
	if len(e.Value) > MaxValue {
		return fmt.Errorf("store value of %d bytes, want at most %d", len(e.Value), MaxValue)
	}
	return CheckUntil(e.Expires, now)
}

// CheckListings returns an error if not every store accepts the listings at the given time.
func CheckListings(in []Listing, now time.Time) error {
	for _, l := range in {
		if err := CheckKey(l.Index); err != nil {
			return err
		}
		if err := CheckMember(l.Member); err != nil {
			return err
		}
		if err := CheckUntil(l.Until, now); err != nil {
			return err
		}
		if l.Owner != "" {
			if err := CheckMember(l.Owner); err != nil {
				return err
			}
		}
		if !l.Kept.IsZero() && l.Kept.Before(l.Until) {
			return fmt.Errorf("an index that ends %v before its member", l.Until.Sub(l.Kept))
		}
	}
	return nil
}

// CheckStep returns an error if not every store accepts a step at the given time.
func CheckStep(st Step, now time.Time) error {
	keys := slices.Clone(st.Read)
	for _, l := range st.From {
		keys = append(keys, l.Index, l.Member)
		if l.Owner != "" {
			keys = append(keys, l.Owner)
		}
	}
	for _, key := range []Key{st.Take, st.List, Key(st.Tag)} {
		if key != "" {
			keys = append(keys, key)
		}
	}
	if a := st.Append; a != nil {
		if keys = append(keys, a.Stream); a.Owner != "" {
			keys = append(keys, a.Owner)
		}
		if len(a.Value) == 0 || len(a.Value) > MaxValue || a.Most <= 0 {
			return fmt.Errorf("appending %d bytes to a stream of %d values", len(a.Value), a.Most)
		}
		if err := CheckUntil(a.Until, now); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := CheckKey(key); err != nil {
			return err
		}
	}
	if st.Create.Key == "" {
		if len(st.In) > 0 || st.Append != nil {
			return fmt.Errorf("listings of no entry, or a value about none")
		}
		return nil
	}
	if err := CheckEntry(st.Create, now); err != nil {
		return err
	}
	return CheckListings(st.In, now)
}

// CheckUntil returns an error if not every store accepts the time as the end of an entry or of a listing. Stores keep
// times in milliseconds, rounded down. The rounded end must be after now.
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
