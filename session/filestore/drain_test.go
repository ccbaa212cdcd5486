package filestore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// inDatabase returns the format of the database, and how many entries it has, without what is in the layers.
func inDatabase(t *testing.T, s *Store) (f byte, entries int) {
	t.Helper()
	if err := s.db.View(func(tx *bolt.Tx) (err error) {
		f, err = formatOf(tx)
		entries = tx.Bucket(bucketEntries).Stats().KeyN
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return f, entries
}

// segments returns the files of the log that exist.
func segments(t *testing.T, s *Store) (found []string) {
	t.Helper()
	found, err := filepath.Glob(s.path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A write is in the log at once and in the database a moment later; a program of before the log refuses the database
// meanwhile. When the store is closed all is in the database, and there is no log: it is a file that every version reads.
func TestWritesReachTheDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Config{Path: filepath.Join(dir, "sessions.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a second time
		if f, _ := inDatabase(t, s); f != format || len(segments(t, s)) != 2 {
			t.Fatalf("format %d and %v before the first write", f, segments(t, s))
		}
		if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
			t.Fatal(err)
		}
		if f, n := inDatabase(t, s); f != formatLog || n != 0 {
			t.Fatalf("format %d with %d entries after a write", f, n)
		}
		for _, file := range segments(t, s) {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("%s: mode %v, %v", file, info.Mode(), err)
			}
		}
		<-time.After(drainAfter + time.Second) // the bubble's time
		synctest.Wait()
		if f, n := inDatabase(t, s); f != formatLog || n != 1 {
			t.Fatalf("format %d with %d entries after a while", f, n)
		}
		if l := s.layers.Load(); l.frozen != nil || l.active.size() != 0 {
			t.Fatal("what is in the database is in memory as well")
		}
		if _, err := s.Remove(t.Context(), "s:a"); err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), entry("b", time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if found := segments(t, s); len(found) != 0 {
			t.Fatalf("%v is left", found)
		}
		again, err := Open(Config{Path: s.path})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close() //nolint:errcheck // read only
		if f, n := inDatabase(t, again); f != format || n != 1 {
			t.Fatalf("format %d with %d entries when closed", f, n)
		}
	})
}

// What is in memory is bounded: where much is written it is moved at once, and who writes more waits for it.
func TestLayersAreBounded(t *testing.T) {
	s := openFile(t, Config{})
	s.limit = 256 << 10
	value := make([]byte, 10_000)
	for i := range 400 {
		e := entry(fmt.Sprint(i), time.Hour)
		e.Value = value
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if _, n := inDatabase(t, s); i-n > 3*s.limit/len(value) {
			t.Fatalf("%d are written and %d in the database", i, n)
		}
	}
	if n := keys(t, s, partEntries); n != 400 {
		t.Fatalf("%d entries", n)
	}
	for _, file := range segments(t, s) {
		if info, err := os.Stat(file); err != nil || info.Size() > 1<<20 {
			t.Fatalf("%s has %d bytes, %v", file, info.Size(), err)
		}
	}
}

// A database that takes nothing for a while gets everything later. Until then it is in the log, and readers see it.
func TestDrainIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(Config{Path: filepath.Join(dir, "sessions.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a second time
		if err := s.Create(t.Context(), entry("first", time.Hour)); err != nil {
			t.Fatal(err)
		}
		maxSize(t, s, 64<<10)
		large := entry("large", time.Hour)
		large.Value = make([]byte, session.MaxValue)
		if err := s.Create(t.Context(), large); err != nil {
			t.Fatal(err)
		}
		<-time.After(3 * drainAfter)
		if _, n := inDatabase(t, s); n != 0 {
			t.Fatalf("%d entries are in a database that takes nothing", n)
		}
		if err := s.Create(t.Context(), entry("later", time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n := keys(t, s, partEntries); n != 3 {
			t.Fatalf("%d entries are seen", n)
		}
		synctest.Wait()
		maxSize(t, s, 0)
		<-time.After(3 * drainAfter)
		synctest.Wait()
		if _, n := inDatabase(t, s); n != 3 {
			t.Fatalf("%d entries are in the database", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// After damage the lock of the database may be taken for ever: nothing waits for it, and the store can be closed.
func TestDrainAfterDamage(t *testing.T) {
	s := openFile(t, Config{})
	if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
		t.Fatal(err)
	}
	tx, err := s.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	s.broken.Store(true)
	done := make(chan error, 1)
	go func() {
		err := s.merge(formatLog, s.name, s.layers.Load().active)
		if !errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("moved to a damaged database: %w", err)
		} else {
			err = nil
		}
		done <- errors.Join(err, s.Close())
	}()
	select {
	case err = <-done:
	case <-time.After(10 * time.Second):
		err = errors.New("it waits for the lock of a damaged database")
	}
	if err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}

// keepInLog leaves what is written in the log until the store is closed, however slow the machine is.
func keepInLog(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.update(t.Context(), func(records, *session.Entry) error {
		s.drainEvery = 24 * time.Hour
		return unchanged
	}); err != nil {
		t.Fatal(err)
	}
}

// copyStore copies the files of a store as they are, as if the machine had failed now.
func copyStore(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	files, err := filepath.Glob(from + "*")
	for _, file := range files {
		data, failed := os.ReadFile(file) //nolint:gosec // a test's own file
		if failed == nil {
			failed = os.WriteFile(to+file[len(from):], data, 0o600)
		}
		err = errors.Join(err, failed)
	}
	return err
}

// crashed returns the path of a copy.
func crashed(t *testing.T, s *Store) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	if err := copyStore(s.path, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// A log that belongs to another database is refused, and left as it is: the database that has it was lost, or this one was put
// in its place. Without the log the database opens as it is.
func TestLogOfAnother(t *testing.T) {
	s := openFile(t, Config{})
	keepInLog(t, s)
	if err := s.Create(t.Context(), entry("a", time.Hour)); err != nil {
		t.Fatal(err)
	}
	running := crashed(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	closed, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	later := openAgain(t, s)
	keepInLog(t, later)
	if err := later.Create(t.Context(), entry("b", time.Hour)); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(running) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	for what, database := range map[string][]byte{"none": nil, "an older one, closed": closed, "an older one, in use": old} {
		t.Run(what, func(t *testing.T) {
			path := crashed(t, later)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if database != nil {
				if err := os.WriteFile(path, database, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			segment := wal.Beside(path)[0]
			before, err := os.ReadFile(segment) //nolint:gosec // a test's own file
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := Open(Config{Path: path}); !errors.Is(err, wal.ErrForeign) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), segment) {
					t.Fatalf("got %v", err)
				}
			}
			if after, err := os.ReadFile(segment); err != nil || !bytes.Equal(after, before) { //nolint:gosec // a test's own file
				t.Fatalf("the log was changed, %v", err)
			}
			if err := wal.Beside(path).Remove(); err != nil {
				t.Fatal(err)
			}
			again, err := Open(Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := again.Get(t.Context(), "s:b"); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("of the other: %v", err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A log from which an acknowledged write is missing is damage, and is left as it is.
func TestLogWithGap(t *testing.T) {
	s := openFile(t, Config{})
	keepInLog(t, s)
	for i := range 3 {
		if err := s.Create(t.Context(), entry(fmt.Sprint(i), time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	path := crashed(t, s)
	segment := wal.Beside(path)[0]
	good, err := os.ReadFile(segment) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(good)
	bad[4096+40] ^= 1 // in the second record
	if err := os.WriteFile(segment, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Open(Config{Path: path}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "older than the log") {
			t.Fatalf("got %v", err)
		}
	}
	if after, err := os.ReadFile(segment); err != nil || !bytes.Equal(after, bad) { //nolint:gosec // a test's own file
		t.Fatalf("the log was changed, %v", err)
	}
	if err := os.WriteFile(segment, good, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close() //nolint:errcheck // read only
	if n := keys(t, again, partEntries); n != 3 {
		t.Errorf("%d entries", n)
	}
}

// What was deleted is not in the way for long: a batch that passes many deleted keys has them moved to the database.
func TestDeletedKeysGo(t *testing.T) {
	s := openFile(t, Config{})
	write := func(n int, del bool) {
		t.Helper()
		if _, err := s.update(t.Context(), func(r records, _ *session.Entry) error {
			for i := range n {
				key := fmt.Appendf(nil, "k%05d", i)
				err := r.order.Put(key, nil)
				if del {
					err = r.order.Delete(key)
				}
				if err != nil {
					return err
				}
			}
			c := r.order.Cursor().Until([]byte("k"))
			if k, _ := c.First(); k != nil || r.passed != 0 {
				t.Errorf("%s, and %d were passed behind the end", k, r.passed)
			}
			r.order.Cursor().First()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	frozen := func() (was bool) {
		t.Helper()
		_, _ = s.update(t.Context(), func(records, *session.Entry) error { was = s.draining || s.log.Size() == 0; return unchanged })
		return was
	}
	write(manyDeleted-1, false)
	write(manyDeleted-1, true)
	if frozen() {
		t.Fatal("moved for a few")
	}
	write(manyDeleted+1, false)
	write(manyDeleted+1, true)
	if !frozen() {
		t.Fatal("many are in the way of each batch")
	}
}
