package journaltest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

func testOrder(t *testing.T, s Subject) {
	s.append(t, "day", "a", "b")
	s.append(t, "day", "c")
	s.Advance(time.Second)
	s.append(t, "day", "d")
	s.Advance(-time.Minute) // a clock that goes backwards takes no entry along
	s.append(t, "day", "e")
	s.holds(t, "day", "a", "b", "c", "d", "e")
	all := s.after(t, "day", journal.Position{}, 10)
	for i, e := range all {
		if i > 0 && all[i-1].Position.Compare(e.Position) >= 0 {
			t.Errorf("%v comes before %v", all[i-1].Position, e.Position)
		}
		if p, err := journal.ParsePosition(e.Position.String()); err != nil || p != e.Position {
			t.Errorf("position %v reads as %v: %v", e.Position, p, err)
		}
		if got := values(s.after(t, "day", e.Position, 2)); !slices.Equal(got, values(all[i+1:min(i+3, len(all))])) {
			t.Errorf("two after %s: %q", e.Value, got)
		}
		older := values(all[max(0, i-2):i])
		slices.Reverse(older)
		if got := values(s.before(t, "day", e.Position, 2)); !slices.Equal(got, older) {
			t.Errorf("two before %s: %q", e.Value, got)
		}
	}
	// Positions between entries and beyond them.
	first, last := all[0].Position, all[len(all)-1].Position
	if got := s.before(t, "day", journal.Position{Milli: first.Milli - 1}, 9); len(got) != 0 {
		t.Errorf("before the first: %q", values(got))
	}
	if got := s.after(t, "day", journal.Position{Milli: last.Milli + 1}, 9); len(got) != 0 {
		t.Errorf("after the last: %q", values(got))
	}
	if got := s.after(t, "day", journal.Position{Milli: first.Milli - 1, Seq: 1<<64 - 1}, 9); len(got) != 5 {
		t.Errorf("after the one before the first: %q", values(got))
	}
	if got := s.before(t, "day", journal.Position{Milli: last.Milli + 1}, 9); len(got) != 5 {
		t.Errorf("before the one after the last: %q", values(got))
	}
}

func testEmpty(t *testing.T, s Subject) {
	s.holds(t, "day")
	if n, err := s.Journal.Trim(context.Background(), "day", 0); n != 0 || err != nil {
		t.Errorf("trimming nothing: %d, %v", n, err)
	}
	s.holds(t, "day")
}

func testStreams(t *testing.T, s Subject) {
	names := []string{"a", "ab", "b", "a:b", "a.b-c_D"}
	for _, name := range names {
		s.append(t, name, "in "+name)
	}
	for _, name := range names {
		s.holds(t, name, "in "+name)
	}
}

func testValues(t *testing.T, s Subject) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := strings.Repeat("x", session.MaxValue)
	s.append(t, "day", string(all), "\x00", "\r\n", large)
	s.holds(t, "day", string(all), "\x00", "\r\n", large)
	// What a caller does with its slice afterwards changes nothing, and neither does what a reader does.
	value := []byte("mine")
	b := journal.Batch{Values: [][]byte{value}, Until: s.Now().Add(time.Hour), Most: plenty}
	if err := s.Journal.Append(t.Context(), "copied", b); err != nil {
		t.Fatal(err)
	}
	value[0] = 'X'
	s.before(t, "copied", journal.Position{}, 1)[0].Value[1] = 'X'
	s.holds(t, "copied", "mine")
}

func testTwin(t *testing.T, s Subject) {
	s.append(t, "day", "a")
	s.Journal, s.Twin = s.Twin, s.Journal
	s.append(t, "day", "b")
	s.holds(t, "day", "a", "b")
}

func testEnd(t *testing.T, s Subject) {
	s.append(t, "day", "a")
	s.Advance(time.Hour - time.Second)
	s.holds(t, "day", "a")
	s.Advance(2 * time.Second)
	s.holds(t, "day")
	s.append(t, "day", "b") // brings nothing back
	s.holds(t, "day", "b")
}

func testEndMoves(t *testing.T, s Subject) {
	s.append(t, "day", "a")
	s.Advance(50 * time.Minute)
	s.append(t, "day", "b")
	s.Advance(50 * time.Minute)
	s.holds(t, "day", "a", "b")
	s.Advance(11 * time.Minute)
	s.holds(t, "day")
}

func testMost(t *testing.T, s Subject) {
	const most, batches, size = 500, 40, 100
	for i := range batches {
		b := journal.Batch{Until: s.Now().Add(time.Hour), Most: most}
		for _, v := range numbered(i*size, size) {
			b.Values = append(b.Values, []byte(v))
		}
		if err := s.Journal.Append(t.Context(), "day", b); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.len(t, "day"); n < most || n > 2*most {
		t.Errorf("%d entries, want %d or some more", n, most)
	}
	s.trim(t, "day", most)
	s.holds(t, "day", numbered(batches*size-most, most)...)
}

// trim repeats a Trim until there is nothing left to remove.
func (s Subject) trim(t *testing.T, stream string, keep int) (removed int) {
	t.Helper()
	for range 1000 {
		n, err := s.Journal.Trim(t.Context(), stream, keep)
		if err != nil {
			t.Fatalf("trim: %v", err)
		}
		if removed += n; n == 0 {
			return removed
		}
	}
	t.Fatal("trim never ends")
	return 0
}

func testTrim(t *testing.T, s Subject) {
	const n = 900
	for i := range n / 100 {
		s.append(t, "day", numbered(i*100, 100)...)
	}
	s.append(t, "other", "a", "b")
	last := s.before(t, "day", journal.Position{}, 1)[0].Position
	for _, keep := range []int{n + 1, n, n - 1, 333, 0} {
		want := min(n, keep)
		s.trim(t, "day", keep)
		s.holds(t, "day", numbered(n-want, want)...)
	}
	s.append(t, "day", "new")
	s.holds(t, "day", "new")
	if p := s.after(t, "day", journal.Position{}, 1)[0].Position; p.Compare(last) <= 0 {
		t.Errorf("position %v after %v", p, last)
	}
	s.holds(t, "other", "a", "b")
}

// An Append whose answer was lost is repeated without a second copy; one that was never carried out is made up for.
func testAgain(t *testing.T, s Subject) {
	again := func(values ...string) {
		t.Helper()
		b := journal.Batch{Until: s.Now().Add(time.Hour), Most: plenty, Again: true}
		for _, v := range values {
			b.Values = append(b.Values, []byte(v))
		}
		if err := s.Journal.Append(t.Context(), "day", b); err != nil {
			t.Fatal(err)
		}
	}
	again("a", "b")
	s.holds(t, "day", "a", "b")
	again("a", "b")
	s.holds(t, "day", "a", "b")
	s.append(t, "day", "c")
	again("a", "b")
	s.holds(t, "day", "a", "b", "c")
	for i := range 9 {
		s.append(t, "day", numbered(i*100, 100)...)
	}
	s.Advance(50 * time.Minute)
	again("a", "b")
	if n := s.len(t, "day"); n != 903 {
		t.Errorf("%d entries, want 903", n)
	}
	s.Advance(30 * time.Minute) // the end has moved all the same
	if n := s.len(t, "day"); n != 903 {
		t.Errorf("%d entries after an hour, want 903", n)
	}
}

func testRace(t *testing.T, s Subject) {
	const writers, batches, size = 8, 10, 7
	var wg sync.WaitGroup
	for w := range writers {
		j := s.Journal
		if w%2 == 1 {
			j = s.Twin
		}
		wg.Go(func() {
			for i := range batches {
				b := journal.Batch{Until: s.Now().Add(time.Hour), Most: plenty}
				for k := range size {
					b.Values = append(b.Values, fmt.Appendf(nil, "%d/%d/%d", w, i, k))
				}
				if err := j.Append(context.Background(), "day", b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := values(s.after(t, "day", journal.Position{}, journal.MaxRead))
	if len(got) != writers*batches*size {
		t.Fatalf("%d entries, want %d", len(got), writers*batches*size)
	}
	next := map[string]int{} // of each writer, the batch that comes next
	for i := 0; i < len(got); i += size {
		writer, _, _ := strings.Cut(got[i], "/")
		for k := range size {
			if want := fmt.Sprintf("%s/%d/%d", writer, next[writer], k); got[i+k] != want {
				t.Fatalf("entry %d is %s, want %s: a batch was torn or came late", i+k, got[i+k], want)
			}
		}
		next[writer]++
	}
}

func testRefused(t *testing.T, s Subject) {
	good := journal.Batch{Values: [][]byte{[]byte("a")}, Until: s.Now().Add(time.Hour), Most: 1}
	bad := func(change func(*journal.Batch)) journal.Batch {
		b := good
		change(&b)
		return b
	}
	errs := map[string]error{
		"a bad name": s.Journal.Append(t.Context(), "a b", good),
		"no name":    s.Journal.Append(t.Context(), "", good),
	}
	for what, b := range map[string]journal.Batch{
		"no value":           bad(func(b *journal.Batch) { b.Values = nil }),
		"an empty value":     bad(func(b *journal.Batch) { b.Values = [][]byte{nil} }),
		"a value too large":  bad(func(b *journal.Batch) { b.Values = [][]byte{bytes.Repeat([]byte("x"), session.MaxValue+1)} }),
		"too many values":    bad(func(b *journal.Batch) { b.Values = slices.Repeat(b.Values, journal.MaxBatch+1) }),
		"no end":             bad(func(b *journal.Batch) { b.Until = time.Time{} }),
		"an end in the past": bad(func(b *journal.Batch) { b.Until = s.Now().Add(-time.Second) }),
		"too few owners":     bad(func(b *journal.Batch) { b.Values, b.Owners = slices.Repeat(b.Values, 2), []string{"p:a"} }),
		"a bad owner":        bad(func(b *journal.Batch) { b.Owners = []string{"p a"} }),
		"no room":            bad(func(b *journal.Batch) { b.Most = 0 }),
	} {
		errs[what] = s.Journal.Append(t.Context(), "day", b)
	}
	_, errs["before: no limit"] = s.Journal.Before(t.Context(), "day", journal.Position{}, 0)
	_, errs["before: a limit too large"] = s.Journal.Before(t.Context(), "day", journal.Position{}, journal.MaxRead+1)
	_, errs["after: a negative limit"] = s.Journal.After(t.Context(), "day", journal.Position{}, -1)
	_, errs["after: a bad name"] = s.Journal.After(t.Context(), "a*", journal.Position{}, 1)
	_, errs["len: a bad name"] = s.Journal.Len(t.Context(), "a\n")
	_, errs["trim: a bad name"] = s.Journal.Trim(t.Context(), "{a}", 1)
	_, errs["trim: fewer than none"] = s.Journal.Trim(t.Context(), "day", -1)
	_, errs["owned: no limit"] = s.Journal.Owned(t.Context(), "p:a", 0)
	_, errs["owned: a limit too large"] = s.Journal.Owned(t.Context(), "p:a", journal.MaxOwned+1)
	_, errs["owned: a bad name"] = s.Journal.Owned(t.Context(), "p*", 1)
	_, errs["owned: nobody"] = s.Journal.Owned(t.Context(), "", 1)
	for what, err := range errs {
		is(t, what, err, nil)
	}
	s.holds(t, "day")
}

func (s Subject) everyCall(ctx context.Context) map[string]error {
	errs := map[string]error{}
	errs["append"] = s.Journal.Append(ctx, "day", journal.Batch{Values: [][]byte{[]byte("a")}, Until: s.Now().Add(time.Hour), Most: 1})
	_, errs["before"] = s.Journal.Before(ctx, "day", journal.Position{}, 1)
	_, errs["after"] = s.Journal.After(ctx, "day", journal.Position{}, 1)
	_, errs["len"] = s.Journal.Len(ctx, "day")
	_, errs["trim"] = s.Journal.Trim(ctx, "day", 1)
	_, errs["owned"] = s.Journal.Owned(ctx, "p:a", 1)
	return errs
}

func testCancelled(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range s.everyCall(ctx) {
		is(t, what, err, session.ErrUnavailable)
	}
	s.holds(t, "day")
}

func testClosed(t *testing.T, s Subject) {
	s.Close()
	for what, err := range s.everyCall(t.Context()) {
		is(t, what, err, session.ErrClosed)
	}
}
