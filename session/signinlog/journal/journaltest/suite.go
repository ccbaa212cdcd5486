package journaltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// Subject is one journal under test and the clock it lives by.
type Subject struct {
	// Journal is new and empty.
	Journal journal.Journal
	// Twin is a second replica of the same data; nil where a journal has only one.
	Twin journal.Journal
	// Close closes the journal.
	Close func()
	// Now is the journal's time.
	Now func() time.Time
	// Advance makes it pass at once.
	Advance func(d time.Duration)
}

// Run holds a journal against the contract. open is called for every test; what it opens must not share streams with
// an earlier call.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			s := open(t)
			if s.Twin == nil {
				s.Twin = s.Journal
			}
			test.run(t, s)
		})
	}
}

var suite = []struct {
	name string
	run  func(t *testing.T, s Subject)
}{
	{"Order", testOrder},
	{"Empty", testEmpty},
	{"Streams", testStreams},
	{"Values", testValues},
	{"Twin", testTwin},
	{"End", testEnd},
	{"EndMoves", testEndMoves},
	{"Most", testMost},
	{"Trim", testTrim},
	{"Again", testAgain},
	{"Owned", testOwned},
	{"OwnedMost", testOwnedMost},
	{"OwnedEnds", testOwnedEnds},
	{"OwnedAgain", testOwnedAgain},
	{"Race", testRace},
	{"Refused", testRefused},
	{"Cancelled", testCancelled},
	{"Closed", testClosed},
	{"Model", testModel},
}

const plenty = 1 << 20

func (s Subject) append(t fataler, stream string, values ...string) {
	t.Helper()
	b := journal.Batch{Until: s.Now().Add(time.Hour), Most: plenty}
	for _, v := range values {
		b.Values = append(b.Values, []byte(v))
	}
	if err := s.Journal.Append(context.Background(), stream, b); err != nil {
		t.Fatalf("append: %v", err)
	}
}

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (s Subject) before(t fataler, stream string, p journal.Position, limit int) []journal.Entry {
	t.Helper()
	found, err := s.Twin.Before(context.Background(), stream, p, limit)
	if err != nil {
		t.Fatalf("before: %v", err)
	}
	return found
}

func (s Subject) after(t fataler, stream string, p journal.Position, limit int) []journal.Entry {
	t.Helper()
	found, err := s.Twin.After(context.Background(), stream, p, limit)
	if err != nil {
		t.Fatalf("after: %v", err)
	}
	return found
}

func (s Subject) len(t fataler, stream string) int {
	t.Helper()
	n, err := s.Twin.Len(context.Background(), stream)
	if err != nil {
		t.Fatalf("len: %v", err)
	}
	return n
}

func values(entries []journal.Entry) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = string(e.Value)
	}
	return out
}

// holds tells whether a stream holds exactly these, seen from both ends.
func (s Subject) holds(t fataler, stream string, want ...string) {
	t.Helper()
	forwards := values(s.after(t, stream, journal.Position{}, journal.MaxRead))
	backwards := values(s.before(t, stream, journal.Position{}, journal.MaxRead))
	slices.Reverse(backwards)
	if !slices.Equal(forwards, want) || !slices.Equal(backwards, want) {
		t.Fatalf("%s holds %.300q forwards and %.300q backwards, want %.300q", stream, forwards, backwards, want)
	}
	if n := s.len(t, stream); n != len(want) {
		t.Fatalf("%s has %d entries, want %d", stream, n, len(want))
	}
}

// numbered is n values, from the one after skip.
func numbered(skip, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("v%06d", skip+i+1)
	}
	return out
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	for _, sentinel := range []error{session.ErrNotFound, session.ErrConflict, session.ErrClosed, session.ErrUnavailable} {
		if errors.Is(err, sentinel) != (sentinel == want) {
			t.Errorf("%s: %v, want %v and nothing else", what, err, want)
		}
	}
	if err == nil {
		t.Errorf("%s: no error", what)
	}
}
