package filestore

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// What no user waits for is written together with the next write, by itself after a moment, and before the store is
// closed. It counts as written only when it is on the disk.
func TestPatientWrites(t *testing.T) {
	s := openFile(t, Config{})
	patient := func(name string) *write {
		w := &write{ctx: t.Context(), patient: true, done: make(chan struct{}), apply: func(r records, _ *session.Entry) error {
			return r.put(entry(name, time.Hour))
		}}
		s.writes <- w // the writer has it
		return w
	}
	before := transactions(t, s)
	first, second := patient("first"), patient("second")
	if _, err := s.Get(t.Context(), "s:first"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("written at once: %v", err)
	}
	if err := s.Create(t.Context(), entry("user", time.Hour)); err != nil {
		t.Fatal(err)
	}
	<-first.done
	<-second.done
	if n := transactions(t, s) - before; n != 1 {
		t.Errorf("%d transactions, want one", n)
	}
	began := time.Now()
	<-patient("alone").done
	if took := time.Since(began); took < commitPatience/2 {
		t.Errorf("written alone after %v", took)
	}
	last := patient("last")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-last.done
	s = openAgain(t, s)
	for _, name := range []session.Key{"s:first", "s:second", "s:user", "s:alone", "s:last"} {
		if _, err := s.Get(t.Context(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func openAgain(t *testing.T, s *Store) *Store {
	t.Helper()
	again, err := Open(Config{Path: s.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	return again
}
