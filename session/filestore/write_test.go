package filestore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func openFile(t *testing.T, cfg Config) *Store {
	t.Helper()
	cfg.Path = filepath.Join(t.TempDir(), "sessions.db")
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// transactions counts the batches that were written since the file was opened. Each is a record of the log, and one sync.
func transactions(t *testing.T, s *Store) int {
	t.Helper()
	return int(s.published.Load()) //nolint:gosec // a few
}

// keys counts the keys of parts, as a reader sees them.
func keys(t *testing.T, s *Store, which ...int) (n int) {
	t.Helper()
	if err := s.look(false, func(r records) error {
		for _, p := range which {
			c := r.parts[p].Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				n++
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func entry(name string, ttl time.Duration) session.Entry {
	return session.Entry{Key: session.Key("s:" + name), Value: []byte(name), Expires: time.Now().Add(ttl)}
}

// put writes an entry over whatever is there.
func (r records) put(e session.Entry) error {
	return r.putEntry(e.Key, encode(e), r.entries.Get([]byte(e.Key)))
}

// Concurrent writers share syncs; every transaction is synced before a caller gets its result.
func TestGroupCommit(t *testing.T) {
	s := openFile(t, Config{})
	if s.db.NoSync || s.db.NoGrowSync {
		t.Fatal("writes are not synced")
	}
	before := transactions(t, s)
	const writers, each = 32, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := s.Create(t.Context(), entry(fmt.Sprintf("%d-%d", w, n), time.Hour)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if syncs := transactions(t, s) - before; syncs > writers*each/2 {
		t.Fatalf("%d writes took %d syncs", writers*each, syncs)
	}
}

// A user who is alone waits for no pause: each write of a sign-in comes after the one before.
func TestPauseIsForSeveral(t *testing.T) {
	one, late := new(write), &write{patient: true}
	if alone, several := pauseAfter([]*write{one, late, late}), pauseAfter([]*write{one, one}); alone != 0 || several != commitPause {
		t.Errorf("pauses %v and %v", alone, several)
	}
}

// A sync that several share is not followed by another at once: what comes in the pause goes together. Who writes after it does not wait.
func TestPauseBetweenSyncs(t *testing.T) {
	s := &Store{writes: make(chan *write)}
	pause := make(chan time.Time, 1)
	done := make(chan []*write)
	gather := func() { go func() { done <- s.gather(new(write), pause) }() }

	gather()
	for range 3 {
		s.writes <- new(write) // one at a time, each taken while the pause lasts
	}
	select {
	case <-done:
		t.Fatal("committed before the pause was over")
	default:
	}
	pause <- time.Time{}
	if batch := <-done; len(batch) != 4 {
		t.Errorf("%d writes go together, want 4", len(batch))
	}

	pause <- time.Time{} // long over
	gather()
	if batch := <-done; len(batch) != 1 {
		t.Errorf("%d writes, want the one", len(batch))
	}

	gather()
	for range commitBatch - 1 {
		s.writes <- new(write)
	}
	if batch := <-done; len(batch) != commitBatch { // and waits no longer
		t.Errorf("%d writes, want %d", len(batch), commitBatch)
	}
}

// What changes nothing costs no sync: a spent state, a lost lease, a stale version.
func TestRefusalsWriteNothing(t *testing.T) {
	s := openFile(t, Config{})
	if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := transactions(t, s)
	if err := s.Create(t.Context(), entry("a", time.Hour)); !errors.Is(err, session.ErrConflict) {
		t.Fatal(err)
	}
	if _, err := s.Replace(t.Context(), entry("a", time.Hour)); !errors.Is(err, session.ErrConflict) {
		t.Fatal(err)
	}
	if _, err := s.Remove(t.Context(), "s:b"); !errors.Is(err, session.ErrNotFound) {
		t.Fatal(err)
	}
	if after := transactions(t, s); after != before {
		t.Fatalf("%d transactions for nothing", after-before)
	}
}

// maxSize makes a full disk of one that has room for so many bytes, and of 0 one that has room.
func maxSize(t *testing.T, s *Store, bytes int) {
	t.Helper()
	tx, err := s.db.Begin(true) // nothing is moved to the database meanwhile
	if err != nil {
		t.Fatal(err)
	}
	s.db.MaxSize = bytes
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// A full disk refuses writes and nothing else; what fits still gets through.
func TestFull(t *testing.T) {
	s := openFile(t, Config{})
	if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.limit = 256 << 10
	maxSize(t, s, 64<<10)
	var full error
	large := entry("b", time.Hour)
	large.Value = make([]byte, session.MaxValue)
	n := 0
	for ; n < 20 && full == nil; n++ {
		large.Key = session.Key(fmt.Sprintf("s:b%d", n))
		full = s.Create(t.Context(), large)
	}
	if !errors.Is(full, session.ErrUnavailable) {
		t.Fatalf("got %v", full)
	}
	if _, err := s.Get(t.Context(), large.Key); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("half a write: %v", err)
	}
	if e, err := s.Get(t.Context(), "s:a"); err != nil || string(e.Value) != "a" {
		t.Fatalf("reading: %v", err)
	}
	if _, err := s.Remove(t.Context(), "s:a"); err != nil {
		t.Fatalf("removing: %v", err)
	}
	if err := s.Close(); err == nil {
		t.Fatal("closed as if all were in the database")
	}
	again := openAgain(t, s) // the disk has room again, and the log everything that was acknowledged
	for i := range n - 1 {
		if _, err := again.Get(t.Context(), session.Key(fmt.Sprintf("s:b%d", i))); err != nil {
			t.Fatalf("s:b%d: %v", i, err)
		}
	}
	if _, err := again.Get(t.Context(), "s:a"); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("removed: %v", err)
	}
}

// One change that cannot be made takes no other of its batch along.
func TestBatchIsIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the writer does nothing of its own meanwhile
		s := openFile(t, Config{})
		bad := errors.New("bad")
		var batch []*write
		for i := range 5 {
			w := &write{ctx: t.Context(), done: make(chan struct{})}
			w.apply = func(r records, _ *session.Entry) error {
				if i == 2 {
					return bad
				}
				e := entry(fmt.Sprint(i), time.Hour)
				e.Version = 1
				return r.put(e)
			}
			batch = append(batch, w)
		}
		given, cancel := context.WithCancel(t.Context())
		cancel()
		batch[4].ctx = given
		s.commit(batch)
		for i, w := range batch {
			<-w.done
			_, err := s.Get(t.Context(), session.Key(fmt.Sprintf("s:%d", i)))
			switch i {
			case 2:
				if !errors.Is(w.err, bad) || !errors.Is(err, session.ErrNotFound) {
					t.Errorf("%d: %v, %v", i, w.err, err)
				}
			case 4:
				if !errors.Is(w.err, context.Canceled) || !errors.Is(err, session.ErrNotFound) {
					t.Errorf("%d: %v, %v", i, w.err, err)
				}
			default:
				if w.err != nil || err != nil {
					t.Errorf("%d: %v, %v", i, w.err, err)
				}
			}
		}
	})
}

// A caller that gives up while the disk is slow gets its answer at once.
func TestGivesUpWaiting(t *testing.T) {
	s := openFile(t, Config{})
	tx, err := s.db.Begin(true) // the disk is slow: the writer waits behind this
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // in the writer's hands, and in front of its door
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := s.Create(ctx, entry("a", time.Hour))
		cancel()
		if !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// count counts the records of all parts, dead ones included.
func count(t *testing.T, s *Store) int {
	t.Helper()
	return keys(t, s, partEntries, partMembers, partOrder, partEnds)
}

// What has expired leaves the file, in bounded steps, by itself; what has not stays.
func TestSweeper(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Config{Path: filepath.Join(dir, "sessions.db"), SweepEvery: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a second time
		_, err = s.update(t.Context(), func(r records, _ *session.Entry) error {
			for i := range 3 * sweepBatch {
				e := entry(fmt.Sprint(i), time.Hour)
				if err := r.put(e); err != nil {
					return err
				}
				if err := r.putMember("u:all", e.Key, millis(e.Expires)); err != nil {
					return err
				}
			}
			return r.put(entry("long", 3*time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(59 * time.Minute) // the bubble's time
		synctest.Wait()
		if n := count(t, s); n != 3*sweepBatch*5+2 {
			t.Fatalf("%d records before the end", n)
		}
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if n := count(t, s); n != 2 {
			t.Fatalf("%d records left, want the one that lives and its end", n)
		}
		if _, err := s.Get(t.Context(), "s:long"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// One step of a sweep is bounded, so that no writer waits for long.
func TestSweepIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the writer does nothing of its own meanwhile
		now := time.Now()
		s := openFile(t, Config{Now: func() time.Time { return now }, SweepEvery: time.Hour})
		if err := s.transact(func(r records) (bool, error) {
			for i := range sweepBatch + 10 {
				if err := r.put(entry(fmt.Sprint(i), -time.Minute)); err != nil {
					return false, err
				}
			}
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{sweepBatch, 10, 0} {
			if n, err := s.sweep(); n != want || err != nil {
				t.Fatalf("swept %d, %v, want %d", n, err, want)
			}
		}
		if n := count(t, s); n != 0 {
			t.Fatalf("%d records left", n)
		}
	})
}

// A replaced, removed or relisted record leaves no end behind for the sweeper to stumble over.
func TestNoLooseEnds(t *testing.T) {
	s := openFile(t, Config{})
	if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
		t.Fatal(err)
	}
	e := entry("a", 2*time.Hour)
	for e.Version = 1; e.Version < 5; e.Version++ {
		e.Expires = e.Expires.Add(time.Minute)
		if _, err := s.Replace(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := s.Enlist(t.Context(), "u:a", "s:a", e.Expires); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s); n != 5 {
		t.Fatalf("%d records, want an entry, a member, its place in the order and two ends", n)
	}
	if _, err := s.Remove(t.Context(), "s:a"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delist(t.Context(), "u:a", "s:a"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s); n != 0 {
		t.Fatalf("%d records left", n)
	}
}

// Enlisting drops members whose time has passed, a few at a time.
func TestEnlistDropsPassed(t *testing.T) {
	now := time.Now()
	s := openFile(t, Config{Now: func() time.Time { return now }, SweepEvery: time.Hour})
	for i := range dropped + 3 {
		if err := s.Enlist(t.Context(), "u:a", session.Key(fmt.Sprintf("s:%d", i)), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Hour)
	for _, want := range []int{3 + 1, 1} {
		if err := s.Enlist(t.Context(), "u:a", "s:new", now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s); n != 3*want {
			t.Fatalf("%d records, want %d", n, 3*want)
		}
	}
}
