package filestore

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// To ask whether an entry is unchanged copies no record, and takes less memory than to read it.
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
	if stamped > got-10 {
		t.Errorf("%.0f pieces for the stamp, %.0f for the entry", stamped, got)
	}
	bytesOf := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _ = s.Stamp(ctx, e.Key)
		}
	})
	if n := bytesOf.AllocedBytesPerOp(); n > 2048 {
		t.Errorf("%d bytes for the stamp of an entry of %d", n, len(e.Value))
	}
	t.Log(bytesOf, bytesOf.MemString())
	full := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _ = s.Get(ctx, e.Key)
		}
	})
	t.Log(full, full.MemString())
}
