package filestore

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

// world is a store beside a plain map of what is in one of its parts.
type world struct {
	s    *Store
	want map[string]string
}

func (w *world) key(t *rapid.T) string {
	return fmt.Sprintf("k%02d", rapid.IntRange(0, 25).Draw(t, "key"))
}

// write makes a batch of changes. A batch that fails must leave nothing.
func (w *world) write(t *rapid.T) {
	next := maps.Clone(w.want)
	fails := rapid.IntRange(0, 4).Draw(t, "fails") == 0
	n := rapid.IntRange(1, 6).Draw(t, "changes")
	var puts []string
	for range n {
		key := w.key(t)
		if rapid.Bool().Draw(t, "delete") {
			delete(next, key)
			puts = append(puts, key)
			continue
		}
		next[key] = rapid.StringMatching("[a-z]{0,3}").Draw(t, "value")
		puts = append(puts, key+"="+next[key])
	}
	_, err := w.s.update(t.Context(), func(r records, _ *session.Entry) error {
		for _, put := range puts {
			key, value, found := bytes.Cut([]byte(put), []byte("="))
			err := r.order.Delete(key)
			if found {
				err = r.order.Put(key, value)
			}
			if err != nil {
				return err
			}
		}
		if got := all(r); !maps.Equal(got, next) {
			t.Errorf("the writer sees %v, want %v", got, next)
		}
		if fails {
			return errors.New("a change that cannot be made")
		}
		return nil
	})
	switch {
	case fails != (err != nil):
		t.Fatalf("write: %v", err)
	case !fails:
		w.want = next
	}
}

func all(r records) map[string]string {
	found := map[string]string{}
	c := r.order.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		found[string(k)] = string(v)
	}
	return found
}

// freeze begins to move what was written.
func (w *world) freeze(t *rapid.T) {
	_, _ = w.s.update(t.Context(), func(records, *session.Entry) error { w.s.freeze(); return unchanged })
}

// thaw waits until the database has what was frozen.
func (w *world) thaw(t *rapid.T) {
	for busy := true; busy; {
		_, _ = w.s.update(t.Context(), func(records, *session.Entry) error { busy = w.s.draining; return unchanged })
	}
}

func (w *world) reopen(t *rapid.T, path string) {
	_ = w.s.Close()
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
}

// check reads the store in every way.
func (w *world) check(t *rapid.T) {
	err := w.s.look(false, func(r records) error {
		if got := all(r); !maps.Equal(got, w.want) {
			t.Fatalf("%v, want %v", got, w.want)
		}
		sorted := slices.Sorted(maps.Keys(w.want))
		c := r.order.Cursor()
		backwards := []string{}
		for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
			backwards = append(backwards, string(k))
		}
		if slices.Reverse(backwards); !slices.Equal(backwards, sorted) {
			t.Fatalf("backwards %v, want %v", backwards, sorted)
		}
		for n := range 27 {
			key := fmt.Sprintf("k%02d", n)
			v := r.order.Get([]byte(key))
			if value, ok := w.want[key]; ok != (v != nil) || string(v) != value {
				t.Fatalf("%s: %q, want %q", key, v, value)
			}
			w.around(t, r.order.Cursor(), sorted, key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// around goes to a key and from there back and forth.
func (w *world) around(t *rapid.T, c *cursor, sorted []string, key string) {
	at, _ := slices.BinarySearch(sorted, key)
	k, _ := c.Seek([]byte(key))
	for _, step := range []int{0, 1, -1, -1, 1, 1} {
		switch step {
		case 1:
			k, _ = c.Next()
		case -1:
			k, _ = c.Prev()
		}
		at += step
		if at < 0 || at >= len(sorted) {
			if k != nil {
				t.Fatalf("from %s: %s, want the end", key, k)
			}
			return
		}
		if string(k) != sorted[at] {
			t.Fatalf("from %s: %s, want %s of %v", key, k, sorted[at], sorted)
		}
	}
}

// Against a map: whatever was written, moved to the database in part, closed, opened again or cut off by a crash, what was
// acknowledged is there, and nothing else.
func TestAgainstMap(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value // each makes files and syncs them
	before := checks.String()
	if err := checks.Set("20"); err != nil {
		t.Fatal(err)
	}
	defer checks.Set(before) //nolint:errcheck // it was good before
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n), "sessions.db")
		s, err := Open(Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{s: s, want: map[string]string{}}
		defer func() { _ = w.s.Close() }()
		crashes := 0
		t.Repeat(map[string]func(*rapid.T){
			"":        w.check,
			"write":   w.write,
			"another": w.write,
			"freeze":  w.freeze,
			"thaw":    func(t *rapid.T) { w.freeze(t); w.thaw(t) },
			"reopen":  func(t *rapid.T) { w.reopen(t, w.s.path) },
			"crash": func(t *rapid.T) {
				w.thaw(t) // the database is copied while nothing is written to it
				crashes++
				copied := filepath.Join(dir, fmt.Sprint(n), fmt.Sprint("crash", crashes), "sessions.db")
				if err := copyStore(w.s.path, copied); err != nil {
					t.Fatal(err)
				}
				w.reopen(t, copied)
			},
		})
	})
}
