package filestore

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// To ask whether an entry is unchanged copies no record, and takes less memory than to read it: where it was just written,
// and where it is in the database.
func TestStampTakesLittle(t *testing.T) {
	s, err := Open(Config{Path: filepath.Join(t.TempDir(), "sessions.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := session.Entry{Key: "s:one", Value: bytes.Repeat([]byte("a sealed value "), 1000), Expires: time.Now().Add(time.Hour)}
	if err := s.Create(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	t.Run("written", func(t *testing.T) { stampTakesLittle(t, s, e) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAgain(t, s)
	t.Run("moved", func(t *testing.T) { stampTakesLittle(t, again, e) })
}

func stampTakesLittle(t *testing.T, s *Store, e session.Entry) {
	ctx := t.Context()
	got := testing.AllocsPerRun(100, func() {
		if _, err := s.Get(ctx, e.Key); err != nil {
			t.Fatal(err)
		}
	})
	stamped := testing.AllocsPerRun(100, func() {
		if _, err := s.Stamp(ctx, e.Key); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%.0f pieces for the stamp, %.0f for the entry", stamped, got)
	if stamped >= got || stamped > 13 {
		t.Errorf("%.0f pieces for the stamp, %.0f for the entry", stamped, got)
	}
	if n := bytesOf(1000, func() { _, _ = s.Stamp(ctx, e.Key) }); n > 2048 {
		t.Errorf("%d bytes for the stamp of an entry of %d", n, len(e.Value))
	}
}

// bytesOf returns how much memory a function takes, in the mean of so many calls.
func bytesOf(times uint64, f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / times
}
