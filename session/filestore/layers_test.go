package filestore

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

// A reader sees one moment, whatever is moved to the database while it reads: each batch writes the same value under
// all keys, and some are in a layer and some in the database.
func TestReadersSeeOneMoment(t *testing.T) {
	s := openFile(t, Config{})
	const keys, batches = 30, 300
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				if err := s.look(false, func(r records) error {
					c := r.order.Cursor()
					first, n := "", 0
					for k, v := c.First(); k != nil; k, v = c.Next() {
						if n++; first == "" {
							first = string(v)
						}
						if string(v) != first || string(r.order.Get(k)) != first {
							return fmt.Errorf("%s is of %s, and the first of %s", k, v, first)
						}
					}
					if n != 0 && n != keys {
						return fmt.Errorf("%d keys of %s", n, first)
					}
					return nil
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for batch := range batches {
		if _, err := s.update(t.Context(), func(r records, _ *session.Entry) error {
			for n := range keys {
				key := fmt.Appendf(nil, "k%02d", n)
				err := r.order.Put(key, fmt.Append(nil, batch))
				if batch%7 == 6 { // another key in its place, so that keys come and go
					err = r.order.Delete(key)
				}
				if err == nil && batch%7 == 6 {
					err = r.order.Put(fmt.Appendf(nil, "l%02d", n), fmt.Append(nil, batch))
				} else if err == nil {
					err = r.order.Delete(fmt.Appendf(nil, "l%02d", n))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if batch%2 == 1 {
			_, _ = s.update(t.Context(), func(records, *session.Entry) error { s.freeze(); return unchanged })
		}
	}
	over.Store(true)
	wg.Wait()
}

// A reader that took the layers before they were moved takes them again: what it would see else is of two moments.
func TestReaderOfMovedLayers(t *testing.T) {
	s := openFile(t, Config{})
	put := func(value string) {
		t.Helper()
		for _, key := range []string{"a", "b"} { // one record each
			if _, err := s.update(t.Context(), func(r records, _ *session.Entry) error {
				return r.order.Put([]byte(key), []byte(value))
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("old")
	l, number := s.layers.Load(), s.published.Load()
	put("new")
	for _, wait := range []bool{false, true} {
		_, _ = s.update(t.Context(), func(records, *session.Entry) error { s.freeze(); return unchanged })
		for wait && s.layers.Load().frozen != nil {
			runtime.Gosched()
		}
		if moved, err := s.lookAs(l, number, false, func(records) error { return errors.New("read") }); !moved || err != nil {
			t.Errorf("moved %v, %v", moved, err)
		}
	}
	if moved, err := s.lookAs(s.layers.Load(), s.published.Load(), false, func(r records) error {
		if a, b := r.order.Get([]byte("a")), r.order.Get([]byte("b")); string(a) != "new" || string(b) != "new" {
			t.Errorf("%s and %s", a, b)
		}
		return nil
	}); moved || err != nil {
		t.Errorf("moved %v, %v", moved, err)
	}
}
