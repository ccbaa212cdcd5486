package filestore

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// journalRecords counts what the two parts of the log hold.
func journalRecords(t *testing.T, s *Store) (entries, streams int) {
	t.Helper()
	return keys(t, s, partLog), keys(t, s, partStreams)
}

// Streams that have ended are swept, in batches of a bounded size, and the others are left alone.
func TestStreamsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openFile(t, Config{SweepEvery: time.Minute})
		const batches = 8
		for i := range batches {
			for stream, ttl := range map[string]time.Duration{"first": time.Hour, "second": 3 * time.Hour} {
				b := journal.Batch{Until: time.Now().Add(ttl), Most: 1 << 20}
				for k := range journal.MaxBatch {
					b.Values = append(b.Values, fmt.Appendf(nil, "%d %d", i, k))
				}
				if err := s.Append(t.Context(), stream, b); err != nil {
					t.Fatal(err)
				}
			}
		}
		<-time.After(time.Hour - time.Second) // the bubble\'s time
		if entries, streams := journalRecords(t, s); entries != 2*batches*journal.MaxBatch || streams != 2 {
			t.Fatalf("%d entries in %d streams", entries, streams)
		}
		before := transactions(t, s)
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if entries, streams := journalRecords(t, s); entries != batches*journal.MaxBatch || streams != 1 {
			t.Errorf("%d entries in %d streams, want the second alone", entries, streams)
		}
		if n := transactions(t, s) - before; n < batches*journal.MaxBatch/sweepBatch {
			t.Errorf("all went in %d transactions", n)
		}
		<-time.After(2 * time.Hour)
		synctest.Wait()
		if entries, streams := journalRecords(t, s); entries != 0 || streams != 0 {
			t.Errorf("%d entries in %d streams are left", entries, streams)
		}
	})
}

// A file from before there was a log gets one with its first entry, and is read without one.
func TestFileWithoutLog(t *testing.T) {
	s := openFile(t, Config{})
	before := transactions(t, s)
	if found, err := s.Before(t.Context(), "day", journal.Position{}, 1); len(found) != 0 || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if n, err := s.Trim(t.Context(), "day", 0); n != 0 || err != nil {
		t.Errorf("trim: %d, %v", n, err)
	}
	if n := transactions(t, s) - before; n != 0 {
		t.Errorf("%d transactions for nothing", n)
	}
}
