package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Journal keeps streams of values. A stream exists while it has entries; one that does not exist is empty, not an
// error. Every method is safe for concurrent use. After an Append has returned nil, every later read through any
// replica sees its values. Errors are session.ErrUnavailable and session.ErrClosed, or mistakes of the caller.
type Journal interface {
	Owners
	// Append adds the values of a batch to the end of a stream, in their order, all or none.
	Append(ctx context.Context, stream string, b Batch) error
	// Before returns entries older than the position, newest first, at most limit. The zero position is the end.
	Before(ctx context.Context, stream string, p Position, limit int) ([]Entry, error)
	// After returns entries newer than the position, oldest first, at most limit. The zero position is the beginning.
	After(ctx context.Context, stream string, p Position, limit int) ([]Entry, error)
	// Len returns how many entries a stream has.
	Len(ctx context.Context, stream string) (int, error)
	// Trim removes the oldest entries until keep are left, and returns how many it removed. One call removes no more
	// than the store can remove without blocking others. To remove all, the caller repeats it until it returns 0.
	Trim(ctx context.Context, stream string, keep int) (removed int, err error)
}

// Owners finds the entries of an owner without a scan of the others.
type Owners interface {
	// Owned returns the newest entries of an owner that still exist, newest first, at most limit.
	Owned(ctx context.Context, owner string, limit int) ([]OwnedEntry, error)
}

// InSteps is an optional part of a journal that is also a store: a step may append to it (session.Step.Append).
type InSteps interface {
	// AppendsInStep reports whether it does.
	AppendsInStep() bool
}

// MaxOwned is how many entries of an owner are kept at least (the newest), and the largest limit of Owned.
const MaxOwned = 64

// MaxBatch is the largest number of values in one Append, MaxRead the largest number of entries in one Before or After.
const (
	MaxBatch = 256
	MaxRead  = 1000
)

// Batch is the content of one Append.
type Batch struct {
	// Values are 1 to MaxBatch values of at most session.MaxValue bytes each. All values ever appended to a stream
	// differ, because they are sealed with a random nonce.
	Values [][]byte
	// Owners are the owners of the values, one for each, empty for none; nil if no value has an owner. A store keeps
	// the data for finding them at most as long as the stream.
	Owners []string
	// Until is when the store may delete the whole stream, if nothing is appended before. It is in the future: every
	// key has a TTL.
	Until time.Time
	// Most is how many entries the stream may have; the oldest are removed first. A store may keep some more until the
	// next Trim.
	Most int
	// Again means that an earlier attempt with the same values failed but may have been executed. The store then looks
	// for the values among the newest entries and does not add them twice.
	Again bool
	// Patient means that no user waits for the batch. The store may delay it for a moment, to write it together with
	// something else.
	Patient bool
}

// AgainWindow is how many of the newest entries a store searches at least for a repeated batch.
const AgainWindow = 1000

// Entry is one value with its position.
type Entry struct {
	Position Position
	Value    []byte
}

// OwnedEntry is an entry with its stream.
type OwnedEntry struct {
	Entry
	Stream string
}

// Position is the position of an entry in its stream. Positions increase from entry to entry, over the whole life of a
// stream. No entry has the zero Position.
type Position struct {
	// Milli is when the entry was appended, by the store's clock, in milliseconds since 1970. It does not decrease if
	// that clock goes backwards.
	Milli uint64
	// Seq distinguishes entries that were appended in the same millisecond.
	Seq uint64
}

// IsZero reports whether it is the zero Position.
func (p Position) IsZero() bool { return p == Position{} }

// Compare is negative if p comes before q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Milli, q.Milli), cmp.Compare(p.Seq, q.Seq))
}

// String returns the position as ParsePosition reads it: two decimal numbers with a hyphen in between.
func (p Position) String() string {
	return strconv.FormatUint(p.Milli, 10) + "-" + strconv.FormatUint(p.Seq, 10)
}

var errPosition = errors.New("not a position in a journal")

// ParsePosition is the reverse of String. It accepts only that spelling.
func ParsePosition(s string) (Position, error) {
	milli, seq, ok := strings.Cut(s, "-")
	if !ok {
		return Position{}, errPosition
	}
	var p Position
	var err error
	if p.Milli, err = strconv.ParseUint(milli, 10, 64); err != nil {
		return Position{}, errPosition
	}
	if p.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil || p.String() != s {
		return Position{}, errPosition
	}
	return p, nil
}

// CheckStream returns an error if not every store accepts the name of a stream.
func CheckStream(name string) error { return session.CheckKey(session.Key(name)) }

// CheckBatch returns an error if not every store accepts an Append at the given time.
func CheckBatch(stream string, b Batch, now time.Time) error {
	if err := CheckStream(stream); err != nil {
		return err
	}
	if len(b.Values) == 0 || len(b.Values) > MaxBatch {
		return fmt.Errorf("a batch of %d values, want 1 to %d", len(b.Values), MaxBatch)
	}
	for _, v := range b.Values {
		if len(v) == 0 || len(v) > session.MaxValue {
			return fmt.Errorf("a value of %d bytes, want 1 to %d", len(v), session.MaxValue)
		}
	}
	if len(b.Owners) != 0 && len(b.Owners) != len(b.Values) {
		return fmt.Errorf("%d owners of %d values", len(b.Owners), len(b.Values))
	}
	for _, owner := range b.Owners {
		if owner == "" {
			continue
		}
		if err := session.CheckKey(session.Key(owner)); err != nil {
			return fmt.Errorf("owner: %w", err)
		}
	}
	if b.Most <= 0 {
		return fmt.Errorf("a stream of at most %d entries keeps none", b.Most)
	}
	return session.CheckUntil(b.Until, now)
}

// CheckRead returns an error if not every store accepts a Before or an After.
func CheckRead(stream string, limit int) error {
	if limit <= 0 || limit > MaxRead {
		return fmt.Errorf("reading %d entries, want 1 to %d", limit, MaxRead)
	}
	return CheckStream(stream)
}

// CheckOwned returns an error if not every store accepts an Owned.
func CheckOwned(owner string, limit int) error {
	if limit <= 0 || limit > MaxOwned {
		return fmt.Errorf("reading %d entries of an owner, want 1 to %d", limit, MaxOwned)
	}
	return session.CheckKey(session.Key(owner))
}

// CheckTrim returns an error if not every store accepts a Trim.
func CheckTrim(stream string, keep int) error {
	if keep < 0 {
		return fmt.Errorf("keeping %d entries", keep)
	}
	return CheckStream(stream)
}
