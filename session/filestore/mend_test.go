package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

var errDisk = errors.New("input/output error")

// loseWrites makes the next sync of the log fail. As a system may do, it drops what it could not write, and more.
func loseWrites(t *testing.T, s *Store) {
	t.Helper()
	inWriter(t, s, func() {
		s.log.Sync = func(f *os.File) error { return errors.Join(errDisk, f.Truncate(0)) }
	})
}

func inWriter(t *testing.T, s *Store, do func()) {
	t.Helper()
	if _, err := s.update(t.Context(), func(records, *session.Entry) error { do(); return unchanged }); err != nil {
		t.Fatal(err)
	}
}

// has fails the test unless exactly these entries of a, b, c and d are there.
func has(t *testing.T, s *Store, names string) {
	t.Helper()
	for _, name := range "abcd" {
		_, err := s.Get(t.Context(), session.Key("s:"+string(name)))
		if is := strings.ContainsRune(names, name); is && err != nil || !is && !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%c of %s: %v", name, names, err)
		}
	}
}

// After an error of the disk in the log everything that was acknowledged is written to the database from memory, and a new
// log takes writes. Until both have worked no write is taken, and the store says so.
func TestLogFails(t *testing.T) {
	for what, fail := range map[string]func(t *testing.T, s *Store) (repair func()){
		"the log alone": func(*testing.T, *Store) func() { return func() {} },
		"and a new log": func(_ *testing.T, s *Store) func() {
			var repaired atomic.Bool
			s.renew = func(p wal.Paths) (*wal.Log, error) {
				if repaired.Load() {
					return renewLog(p)
				}
				return nil, errDisk
			}
			return func() { repaired.Store(true) }
		},
		"and its first sync": func(_ *testing.T, s *Store) func() {
			var repaired atomic.Bool
			s.renew = func(p wal.Paths) (*wal.Log, error) {
				l, err := renewLog(p)
				if err == nil && !repaired.Load() {
					l.Sync = func(*os.File) error { return errDisk }
					err = errors.Join(l.Prepare(), l.Close())
				}
				return l, err
			}
			return func() { repaired.Store(true) }
		},
		"and the database": func(t *testing.T, s *Store) func() {
			large := entry("large", time.Hour)
			large.Value = make([]byte, session.MaxValue)
			if err := s.Create(t.Context(), large); err != nil {
				t.Fatal(err)
			}
			maxSize(t, s, 64<<10)
			return func() { maxSize(t, s, 0) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				told := make(chan error, 10)
				s, err := Open(Config{Path: filepath.Join(dir, "sessions.db"), OnFailure: func(err error) { told <- err }})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close() //nolint:errcheck // a second time
				if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
					t.Fatal(err)
				}
				repair := fail(t, s)
				loseWrites(t, s)
				if err := s.Create(t.Context(), entry("b", time.Hour)); !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, errDisk) {
					t.Fatalf("create: %v", err)
				}
				synctest.Wait()
				if what != "the log alone" {
					for range 3 {
						if _, err := s.Remove(t.Context(), "s:a"); !errors.Is(err, session.ErrUnavailable) {
							t.Fatalf("remove: %v", err)
						}
						if err := s.Ping(t.Context()); !errors.Is(err, session.ErrUnavailable) || !strings.Contains(err.Error(), "no write is taken") {
							t.Fatalf("ping: %v", err)
						}
						has(t, s, "a")
						<-time.After(drainAfter) // the bubble's time
						synctest.Wait()
					}
				}
				repair()
				<-time.After(2 * drainAfter)
				synctest.Wait()
				if err := errors.Join(s.Ping(t.Context()), s.Failure()); err != nil {
					t.Fatalf("when all is repaired: %v", err)
				}
				has(t, s, "a")
				for _, name := range []string{"c", "d"} {
					if err := s.Create(t.Context(), entry(name, time.Hour)); err != nil {
						t.Fatal(err)
					}
				}
				has(t, s, "acd")
				if first, second := <-told, <-told; !errors.Is(first, errDisk) || second != nil || len(told) > 0 {
					t.Errorf("told of %v and %v, and %d more", first, second, len(told))
				}
				again := openCopy(t, s)
				has(t, again, "acd")
				if err := errors.Join(again.Close(), s.Close()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// openCopy opens a copy of the files as they are, as if the machine had failed now.
func openCopy(t *testing.T, s *Store) *Store {
	t.Helper()
	again, err := Open(Config{Path: crashed(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A crash between the steps loses nothing, and what was refused stays out: everything is in the database before the log is
// removed, and the log of a database that needs none is still its own.
func TestCrashWhileLogFails(t *testing.T) {
	s := openFile(t, Config{})
	keepInLog(t, s)
	for _, name := range []string{"a", "c"} {
		if err := s.Create(t.Context(), entry(name, time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	steps := make(chan string, 2)
	inWriter(t, s, func() {
		s.renew = func(p wal.Paths) (*wal.Log, error) {
			steps <- crashed(t, s) // the old log is there
			l, err := renewLog(p)
			steps <- crashed(t, s) // the new one is
			return l, err
		}
		s.log.Sync = func(*os.File) error { return errDisk } // the record is there
	})
	if err := s.Create(t.Context(), entry("b", time.Hour)); !errors.Is(err, errDisk) {
		t.Fatalf("create: %v", err)
	}
	for range 2 {
		again, err := Open(Config{Path: <-steps})
		if err != nil {
			t.Fatal(err)
		}
		has(t, again, "ac")
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil { // waits for it
		t.Fatal(err)
	}
	has(t, openAgain(t, s), "ac")
}

// A log that fails again at its first record is not made again at once, so that a disk that fails always costs little.
func TestLogFailsAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var failures, made atomic.Int64
		s, err := Open(Config{Path: filepath.Join(dir, "sessions.db"), OnFailure: func(err error) {
			if err != nil {
				failures.Add(1)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a second time
		if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
			t.Fatal(err)
		}
		inWriter(t, s, func() {
			s.renew = func(p wal.Paths) (*wal.Log, error) {
				made.Add(1)
				l, err := renewLog(p)
				if err == nil {
					l.Sync = func(*os.File) error { return errDisk }
				}
				return l, err
			}
		})
		loseWrites(t, s)
		for range 100 {
			_ = s.Create(t.Context(), entry("b", time.Hour))
			<-time.After(drainAfter / 50)
			synctest.Wait()
		}
		if n := made.Load(); n < 2 || n > 4 || failures.Load() > 4 {
			t.Errorf("%d logs were made in ten seconds, and %d failures told", n, failures.Load())
		}
		has(t, s, "a")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
