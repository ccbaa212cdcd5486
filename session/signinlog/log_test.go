package signinlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ring(t testing.TB, secret string) *keyring.Ring {
	t.Helper()
	r, err := keyring.New([]byte(secret + "0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// world is a log over a journal in memory, with a clock.
type world struct {
	*signinlog.Log
	t     *testing.T
	clock *storetest.Clock
	mem   *journaltest.Memory
	n     int
}

func newWorld(t *testing.T, change ...func(*signinlog.Config)) *world {
	t.Helper()
	clock := storetest.NewClock()
	mem := journaltest.NewMemory(clock.Now)
	w := &world{t: t, clock: clock, mem: mem}
	w.Log = w.open(change...)
	return w
}

// open starts another log over the same journal, as another gateway or a restart does.
func (w *world) open(change ...func(*signinlog.Config)) *signinlog.Log {
	w.t.Helper()
	c := signinlog.Config{Journal: w.mem, Keys: ring(w.t, "a"), Now: w.clock.Now}
	for _, f := range change {
		f(&c)
	}
	l := signinlog.Open(c)
	l.ShareAtMost(1 << 30) // the records of these tests are of one person
	w.t.Cleanup(l.Close)
	return l
}

// record is the next record: v1, v2 and so on.
func (w *world) record() signinlog.Record {
	w.n++
	id := fmt.Sprintf("v%d", w.n)
	return signinlog.Record{ID: id, CorrelationID: id, Created: w.clock.Now(), App: "wiki", UserIssuer: "https://idp", UserSubject: "s", UserName: "ada"}
}

// write writes n records and waits until they are stored.
func (w *world) write(n int) {
	w.t.Helper()
	for range n {
		w.Write(w.record())
		if w.n%100 == 0 {
			w.settled(w.Log)
		}
	}
	w.settled(w.Log)
}

func (w *world) settled(l *signinlog.Log) {
	w.t.Helper()
	storetest.Until(w.t, "the sign-ins are stored", func() bool { s := l.Stats(); return s.Stored+s.Lost >= uint64(w.n) })
	if s := l.Stats(); s.Lost > 0 {
		w.t.Fatalf("lost %d", s.Lost)
	}
}

// all reads every entry that matches, the newest first.
func (w *world) all(q signinlog.Query) (ids []string) {
	w.t.Helper()
	for range 10_000 {
		p, err := w.Read(context.Background(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range p.Entries {
			ids = append(ids, e.ID)
		}
		if q.Cursor = p.Cursor; q.Cursor == "" {
			return ids
		}
	}
	w.t.Fatal("paging never ends")
	return nil
}

// newest is the records from the last one down to the one after skip.
func newest(last, skip int) (ids []string) {
	for i := last; i > skip; i-- {
		ids = append(ids, fmt.Sprintf("v%d", i))
	}
	return ids
}

func (w *world) holds(what string, want []string) {
	w.t.Helper()
	if got := w.all(signinlog.Query{}); !slices.Equal(got, want) {
		w.t.Errorf("%s: %d entries %.200v, want %d %.200v", what, len(got), got, len(want), want)
	}
}

// An attacker with the store but without the keys learns how many users signed in on a day, and nothing else.
func TestSealed(t *testing.T) {
	w := newWorld(t)
	w.write(3)
	streams := w.mem.Streams()
	if !slices.Equal(streams, []string{"sign-ins:2026-03-04"}) {
		t.Errorf("streams %v", streams)
	}
	dump, err := w.mem.After(t.Context(), streams[0], journal.Position{}, 10)
	if err != nil || len(dump) != 3 {
		t.Fatalf("%v, %v", dump, err)
	}
	for _, e := range dump {
		for _, canary := range []string{"ada", "idp", "wiki", "id", "userPrincipalName"} {
			if len(canary) > 3 && bytes.Contains(e.Value, []byte(canary)) {
				t.Errorf("%q is readable", canary)
			}
		}
	}
	other := w.open(func(c *signinlog.Config) { c.Keys = ring(t, "b") })
	if p, err := other.Read(t.Context(), signinlog.Query{}); err != nil || len(p.Entries) != 0 || p.Unreadable != 3 {
		t.Errorf("with other keys: %+v, %v", p, err)
	}
	// What is moved to another day, or made up, is not taken for an entry, and takes no entry along.
	b := journal.Batch{Values: [][]byte{dump[0].Value, []byte("garbage")}, Until: w.clock.Now().Add(time.Hour), Most: 10}
	if err := w.mem.Append(t.Context(), "sign-ins:2026-03-03", b); err != nil {
		t.Fatal(err)
	}
	p, err := w.Read(t.Context(), signinlog.Query{})
	if err != nil || len(p.Entries) != 3 || p.Unreadable != 2 {
		t.Errorf("%d entries, %d unreadable, %v", len(p.Entries), p.Unreadable, err)
	}
}

// Entries that are too old are not shown, to the second, and their space is freed a day later, even without reads.
func TestKeepByAge(t *testing.T) {
	week := func(c *signinlog.Config) { c.Keep = 7 * 24 * time.Hour }
	w := newWorld(t, week)
	const days = 12
	for range days {
		w.write(2)
		w.clock.Advance(24 * time.Hour)
	}
	// It is as late as the last ones were, a day on: those of seven days ago are just still there.
	w.holds("a week", newest(2*days, 2*(days-7)))
	w.clock.Advance(time.Millisecond)
	w.holds("a week and a bit", newest(2*days, 2*(days-6)))
	if n := len(w.mem.Streams()); n > 8 {
		t.Errorf("%d streams are kept", n)
	}
	// A shorter time than before removes what was to stay longer.
	day := w.open(func(c *signinlog.Config) { c.Keep = 24 * time.Hour })
	storetest.Until(t, "old days are dropped", func() bool { return len(w.mem.Streams()) <= 2 })
	if p, err := day.Read(t.Context(), signinlog.Query{}); err != nil || len(p.Entries) != 0 {
		t.Errorf("%v, %v", p, err)
	}
}

// A record is kept for the whole time, also if it was written at the end of a day.
func TestKeepsLongEnough(t *testing.T) {
	w := newWorld(t, func(c *signinlog.Config) { c.Keep = time.Hour })
	midnight := w.clock.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
	w.clock.Advance(midnight.Sub(w.clock.Now()) - time.Second)
	w.write(1)
	w.clock.Advance(time.Hour)
	w.holds("after an hour", []string{"v1"})
	w.clock.Advance(time.Second)
	w.holds("after more", nil)
	if n := len(w.mem.Streams()); n != 0 {
		t.Errorf("%d streams are kept", n)
	}
}

// The oldest records of a part go, over all days, once there are more than its half of the limit.
func TestKeepByCount(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		w.write(150)
		w.clock.Advance(24 * time.Hour)
	}
	w.holds("all", newest(750, 0))
	for _, most := range []int{1498, 800, 2} {
		kept := most / 2
		l := w.open(func(c *signinlog.Config) { c.MaxEntries = most })
		storetest.Until(t, "no more are kept", func() bool {
			n := 0
			for _, name := range w.mem.Streams() {
				k, err := w.mem.Len(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			return n == kept
		})
		w.holds("after a limit", newest(750, 750-kept))
		l.Close()
	}
}

// One day alone never grows far beyond the limit, however fast it grows.
func TestMostOfADay(t *testing.T) {
	w := newWorld(t, func(c *signinlog.Config) { c.MaxEntries = 50 })
	w.write(400)
	w.holds("the newest", newest(400, 375))
}

func TestRecordTooLarge(t *testing.T) {
	w := newWorld(t)
	r := w.record()
	r.Detail = string(bytes.Repeat([]byte("x"), 5*session.MaxValue))
	w.Write(r)
	w.Write(w.record())
	storetest.Until(t, "one is lost and one stored", func() bool { s := w.Stats(); return s.Lost == 1 && s.Stored == 1 })
	w.holds("the other", []string{"v2"})
}

func tooManyPlaces() string {
	var places []string
	for d := 10; d < 27; d++ {
		places = append(places, fmt.Sprintf("2026-02-%d.1-1", d))
	}
	return strings.Join(places, "~")
}

func TestReadErrors(t *testing.T) {
	w := newWorld(t)
	w.write(1)
	for _, bad := range []string{
		"x", "2026-03-04", "2026-03-04.", "2026-03-04.1", "2026-3-4.1-1", "2026-02-30.1-1", "9999-01-01.1-1", "2026-03-04.1-1~2026-03-04.1-1",
		"2026-03-04.1-1~2026-03-03.1-1", "end ", "2026-03-04.01-1", "~", "2026-03-08.1-1",
		"2026-03-04u.1-1~2026-03-04.1-1", "2026-03-04u.1-1~2026-03-04u.1-1", "2026-03-04uu.1-1", "2026-03-04u", tooManyPlaces(),
	} {
		if _, err := w.Read(t.Context(), signinlog.Query{Cursor: bad}); !errors.Is(err, signinlog.ErrCursor) {
			t.Errorf("read %q: %v", bad, err)
		}
		if _, err := w.Follow(t.Context(), signinlog.Query{Cursor: bad}); !errors.Is(err, signinlog.ErrCursor) {
			t.Errorf("follow %q: %v", bad, err)
		}
	}
	if _, err := w.Follow(t.Context(), signinlog.Query{}); !errors.Is(err, signinlog.ErrCursor) {
		t.Errorf("follow nothing: %v", err)
	}
	// A store that is away is never an empty log.
	w.mem.Fail(fmt.Errorf("%w: out", session.ErrUnavailable))
	if _, err := w.Read(t.Context(), signinlog.Query{}); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
	for _, cursor := range []string{signinlog.FollowEnd, "2026-03-04.1-1"} {
		if _, err := w.Follow(t.Context(), signinlog.Query{Cursor: cursor}); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("follow: %v", err)
		}
	}
	// Very old and very young cursors are answered with bounded work.
	w.mem.Fail(nil)
	for _, cursor := range []string{"1970-01-01.0-0", "2026-03-05.9-9"} {
		if _, err := w.Follow(t.Context(), signinlog.Query{Cursor: cursor}); err != nil {
			t.Errorf("follow %s: %v", cursor, err)
		}
		if _, err := w.Read(t.Context(), signinlog.Query{Cursor: cursor}); err != nil {
			t.Errorf("read %s: %v", cursor, err)
		}
	}
}
