package filestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestJournalContract(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Subject {
		clock := storetest.NewClock()
		s := open(t, path(t), clock.Now)
		return journaltest.Subject{Journal: s, Close: func() { _ = s.Close() }, Now: clock.Now, Advance: clock.Advance}
	})
}

func entries(t *testing.T, s *filestore.Store, stream string) int {
	t.Helper()
	n, err := s.Len(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func addEntries(t *testing.T, s *filestore.Store, stream string, until time.Time, n int) {
	t.Helper()
	for i := 0; i < n; i += journal.MaxBatch {
		b := journal.Batch{Until: until, Most: n}
		for k := i; k < min(n, i+journal.MaxBatch); k++ {
			b.Values = append(b.Values, fmt.Appendf(nil, "%s %d", stream, k))
		}
		if err := s.Append(t.Context(), stream, b); err != nil {
			t.Fatal(err)
		}
	}
}

// The log survives a restart, and positions go on from where they were.
func TestJournalSurvivesRestart(t *testing.T) {
	clock, file := storetest.NewClock(), path(t)
	s := open(t, file, clock.Now)
	addEntries(t, s, "day", clock.Now().Add(time.Hour), 3)
	last, err := s.Before(t.Context(), "day", journal.Position{}, 1)
	if err != nil || len(last) != 1 {
		t.Fatalf("%v, %v", last, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(-time.Minute)
	s = open(t, file, clock.Now)
	if n := entries(t, s, "day"); n != 3 {
		t.Fatalf("%d entries, want 3", n)
	}
	addEntries(t, s, "day", clock.Now().Add(time.Hour), 1)
	found, err := s.After(t.Context(), "day", last[0].Position, 10)
	if err != nil || len(found) != 1 {
		t.Errorf("after the restart: %v, %v", found, err)
	}
}
