package journaltest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// appendOwned adds values, each spelt "owner/value".
func (s Subject) appendOwned(t fataler, stream string, again bool, values ...string) {
	t.Helper()
	b := journal.Batch{Until: s.Now().Add(time.Hour), Most: plenty, Again: again}
	for _, v := range values {
		owner := ""
		for i := range len(v) {
			if v[i] == '/' {
				owner = v[:i]
			}
		}
		b.Values, b.Owners = append(b.Values, []byte(v)), append(b.Owners, owner)
	}
	if err := s.Journal.Append(context.Background(), stream, b); err != nil {
		t.Fatalf("append: %v", err)
	}
}

// owns tells whether an owner has exactly these, those of one stream newest first, each where it says that it is. What was
// appended to two streams within a millisecond may come in any order.
func (s Subject) owns(t fataler, owner string, limit int, want ...string) {
	t.Helper()
	found, err := s.Twin.Owned(context.Background(), owner, limit)
	if err != nil {
		t.Fatalf("owned: %v", err)
	}
	var got []string
	last := map[string]journal.Position{}
	for _, e := range found {
		got = append(got, string(e.Value))
		if newer, ok := last[e.Stream]; ok && newer.Compare(e.Position) <= 0 {
			t.Fatalf("%s of %s comes after %s", e.Position, e.Stream, newer)
		}
		last[e.Stream] = e.Position
		there := s.after(t, e.Stream, journal.Position{Milli: e.Position.Milli, Seq: e.Position.Seq - 1}, 1)
		if e.Position.Seq == 0 {
			there = s.after(t, e.Stream, journal.Position{Milli: e.Position.Milli - 1, Seq: 1<<63 - 1}, 1)
		}
		if len(there) != 1 || string(there[0].Value) != string(e.Value) {
			t.Fatalf("%q is not at %s of %s", e.Value, e.Position, e.Stream)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s owns %q, want %q", owner, got, want)
	}
}

// A user finds their own entries, whatever else is in the log.
func testOwned(t *testing.T, s Subject) {
	s.owns(t, "p:ada", 10)
	s.appendOwned(t, "day1", false, "p:ada/1", "p:bob/2", "nobody's", "p:ada/3")
	for i := range 5 {
		s.append(t, "day1", numbered(i*200, 200)...)
	}
	s.Advance(time.Second)
	s.appendOwned(t, "day2", false, "p:bob/4", "p:ada/5")
	s.append(t, "day2", numbered(0, 200)...)
	s.owns(t, "p:ada", 10, "p:ada/5", "p:ada/3", "p:ada/1")
	s.owns(t, "p:bob", 10, "p:bob/4", "p:bob/2")
	s.owns(t, "p:ad", 10)
	s.owns(t, "p:ada2", 10)
}

func testOwnedMost(t *testing.T, s Subject) {
	const batches, size = 3, journal.MaxOwned / 2
	var want []string
	for i := range batches {
		var batch []string
		for k := range size {
			batch = append(batch, fmt.Sprintf("p:ada/%d", i*size+k))
		}
		s.appendOwned(t, "day", false, batch...)
		want = append(want, batch...)
	}
	s.appendOwned(t, "day", false, "p:bob/x")
	s.owns(t, "p:ada", 1, want[len(want)-1])
	s.owns(t, "p:ada", journal.MaxOwned, want[len(want)-journal.MaxOwned:]...)
	s.owns(t, "p:bob", journal.MaxOwned, "p:bob/x")
}

// What is gone from its stream belongs to no user any more.
func testOwnedEnds(t *testing.T, s Subject) {
	s.appendOwned(t, "day1", false, "p:ada/1", "p:ada/2", "p:bob/3", "p:ada/4")
	s.trim(t, "day1", 2)
	s.owns(t, "p:ada", 10, "p:ada/4")
	s.Advance(40 * time.Minute)
	s.appendOwned(t, "day2", false, "p:ada/5")
	s.owns(t, "p:ada", 10, "p:ada/5", "p:ada/4")
	s.Advance(21 * time.Minute)
	s.owns(t, "p:ada", 10, "p:ada/5")
	s.owns(t, "p:bob", 10)
	s.Advance(40 * time.Minute)
	s.owns(t, "p:ada", 10)
	s.appendOwned(t, "day1", false, "p:bob/6") // brings nothing back
	s.owns(t, "p:ada", 10)
	s.owns(t, "p:bob", 10, "p:bob/6")
}

// A batch that comes again is its owners' once.
func testOwnedAgain(t *testing.T, s Subject) {
	batch := []string{"p:ada/1", "p:bob/2", "p:ada/3"}
	s.appendOwned(t, "day", true, batch...)
	s.append(t, "day", numbered(0, 200)...)
	s.appendOwned(t, "day", true, batch...)
	s.owns(t, "p:ada", 10, "p:ada/3", "p:ada/1")
	s.owns(t, "p:bob", 10, "p:bob/2")
}
