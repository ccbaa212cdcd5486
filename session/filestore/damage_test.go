package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

var ctx = context.Background()

// healthy returns the bytes of a file with some hundred sessions, the same in every run.
func healthy(t *testing.T) []byte {
	t.Helper()
	file, now := path(t), storetest.NewClock().Now
	s := open(t, file, now)
	for i := range 200 {
		key := session.Key(fmt.Sprintf("s:%d", i))
		e := session.Entry{Key: key, Value: make([]byte, i*10), Expires: now().Add(time.Hour)}
		if err := s.Create(ctx, e); err != nil {
			t.Fatal(err)
		}
		if err := s.Enlist(ctx, "u:all", key, e.Expires); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What is no session file is a clear error that names it, and is left as it was.
func TestDamagedFile(t *testing.T) {
	good := healthy(t)
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("somebody else's")); return err }); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	other, err := os.ReadFile(foreign) //nolint:gosec // a test's own file
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"text":            []byte("hello\n"),
		"garbage":         []byte(strings.Repeat("garbage ", 4096)),
		"zeros":           make([]byte, 32768),
		"one page":        good[:4096],
		"half":            good[:len(good)/2],
		"a page too few":  good[:3*4096],
		"another's bolt":  other,
		"both metas gone": append(make([]byte, 8192), good[8192:]...),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sessions.db")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time too: a failed opening leaves no lock behind
				_, err := filestore.Open(filestore.Config{Path: file})
				if !errors.Is(err, filestore.ErrDamaged) || !strings.Contains(err.Error(), file) {
					t.Fatalf("got %v, want an error that says so and names %s", err, file)
				}
			}
			if after, err := os.ReadFile(file); err != nil || string(after) != string(data) { //nolint:gosec // a test's own file
				t.Fatalf("the file was changed, %v", err)
			}
		})
	}
}

func TestUnreachableFile(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	noLog := filepath.Join(dir, "no-log.db") // where its log would be is something else
	if err := os.Mkdir(noLog+".1.wal", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"nothing": "", "a directory": dir, "below a file": filepath.Join(plain, "sessions.db"), "no log": noLog,
	} {
		_, err := filestore.Open(filestore.Config{Path: file})
		if err == nil || !strings.Contains(err.Error(), file) || errors.Is(err, filestore.ErrLocked) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A file that is cut short while it is open gives errors, too.
func TestTruncatedWhileOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	if err := os.WriteFile(file, healthy(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, file, storetest.NewClock().Now)
	if err := os.Truncate(file, 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "s:7"); !errors.Is(err, session.ErrUnavailable) || !errors.Is(err, filestore.ErrDamaged) {
		t.Fatalf("get: %v", err)
	}
	e := session.Entry{Key: "s:new", Expires: time.Now().Add(time.Hour)}
	for range 3 {
		if err := s.Create(ctx, e); !errors.Is(err, session.ErrUnavailable) {
			t.Fatalf("create: %v", err)
		}
	}
	if err := s.Ping(ctx); !errors.Is(err, session.ErrUnavailable) {
		t.Fatalf("ping: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
