package wal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var name = Name{1, 2, 3, 4, 5, 6, 7, 8}

func create(t *testing.T) (*Log, Paths) {
	t.Helper()
	paths := Beside(filepath.Join(t.TempDir(), "file"))
	l, err := Create(paths)
	if err != nil {
		t.Fatal(err)
	}
	l.Begin(name, 0)
	t.Cleanup(func() { _ = l.Close() })
	return l, paths
}

// content is what the record of a number has: of many lengths, some of several blocks.
func content(number int) []byte {
	return bytes.Repeat([]byte{byte(number)}, number*number*37%(3*block))
}

func appendAll(t *testing.T, l *Log, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if got, err := l.Append(content(n)); err != nil || got != uint64(n) { //nolint:gosec // a few
			t.Fatalf("record %d: %d, %v", n, got, err)
		}
	}
}

// replayed fails the test unless the log has exactly these records.
func replayed(t *testing.T, paths Paths, from, to int) {
	t.Helper()
	found, err := Replay(paths, name, uint64(from-1)) //nolint:gosec // a few
	if err != nil || len(found) != to-from+1 {
		t.Fatalf("%d records, %v, want those from %d to %d", len(found), err, from, to)
	}
	for i, r := range found {
		if r.Number != uint64(from+i) || !bytes.Equal(r.Content, content(from+i)) { //nolint:gosec // a few
			t.Fatalf("record %d has number %d and %d bytes", from+i, r.Number, len(r.Content))
		}
	}
}

// What is appended is read in its order, over both segments, and what has reached the file is left out. The space of a
// segment is used again: records that were in it count no more.
func TestReplay(t *testing.T) {
	l, paths := create(t)
	replayed(t, paths, 1, 0)
	appendAll(t, l, 1, 20)
	replayed(t, paths, 1, 20)
	replayed(t, paths, 15, 20)
	l.Turn()
	appendAll(t, l, 21, 30)
	replayed(t, paths, 1, 30)
	for turn := 3; turn < 9; turn++ { // all until here is in the file
		l.Turn()
		if l.Size() != 0 {
			t.Fatalf("%d bytes of a segment in use", l.Size())
		}
		appendAll(t, l, turn*10+1, turn*10+10)
		replayed(t, paths, turn*10-9, turn*10+10)
	}
	info, err := os.Stat(paths[0])
	if err != nil || info.Size()%piece != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("a segment of %d bytes with mode %v, %v", info.Size(), info.Mode(), err)
	}
	before := info.Size()
	l.Turn()
	appendAll(t, l, 91, 95)
	if info, err := os.Stat(paths[0]); err != nil || info.Size() != before {
		t.Errorf("%d bytes, %v, where %d were enough before", info.Size(), err, before)
	}
	if found, err := Replay(paths, Name{9}, 0); err != nil || len(found) != 0 {
		t.Errorf("%d records of a log of another name, %v", len(found), err)
	}
}

// A log of a new name takes over the files of an old one, and has nothing of it.
func TestCreateAgain(t *testing.T) {
	l, paths := create(t)
	appendAll(t, l, 1, 20)
	if err := os.Chmod(paths[0], 0o644); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	again, err := Create(paths)
	if err != nil {
		t.Fatal(err)
	}
	again.Begin(Name{9}, 0)
	t.Cleanup(func() { _ = again.Close() })
	if _, err := again.Append([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if found, err := Replay(paths, Name{9}, 0); err != nil || len(found) != 1 || string(found[0].Content) != "new" {
		t.Fatalf("%d records, %v", len(found), err)
	}
	if info, err := os.Stat(paths[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := errors.Join(paths.Remove(), paths.Remove()); err != nil {
		t.Fatal(err)
	}
	replayed(t, paths, 1, 0)
}

// A crash leaves the last record in any state. It was not acknowledged, so that the others are all there is. Cut off or
// not written in part, each of its bytes.
func TestTornTail(t *testing.T) {
	l, paths := create(t)
	appendAll(t, l, 1, 6)
	begin := int(l.Size())
	appendAll(t, l, 7, 7)
	end := begin + headerSize + len(content(7))
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	data = data[:blocks(end)+block]
	check := func(what string, at int, data []byte, want int) {
		t.Helper()
		found := scan(data, name, 0)
		if len(found) != want {
			t.Fatalf("%s at %d: %d records, want %d", what, at, len(found), want)
		}
	}
	for at := begin; at < end; at++ {
		check("cut", at, data[:at], 6)
		torn := append(bytes.Clone(data[:at]), make([]byte, len(data)-at)...)
		if !bytes.Equal(torn, data) {
			check("zeros", at, torn, 6)
		}
		flipped := bytes.Clone(data)
		flipped[at] ^= 1
		check("flipped", at, flipped, 6)
	}
	check("whole", end, data[:end], 7)
}

// A damaged record before the last is one that was acknowledged.
func TestGap(t *testing.T) {
	l, paths := create(t)
	appendAll(t, l, 1, 3)
	third := int(l.Size()) - blocks(headerSize+len(content(3)))
	l.Turn()
	appendAll(t, l, 4, 6)
	data, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 5, 12, 20, 26, 30, headerSize + 1, third, third + headerSize} {
		bad := bytes.Clone(data)
		bad[at] ^= 1
		if err := os.WriteFile(paths[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, err := Replay(paths, name, 0); !errors.Is(err, ErrGap) {
			t.Errorf("byte %d: %d records, %v", at, len(found), err)
		}
		if _, err := Replay(paths, name, 3); err != nil { // those have reached the file
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if err := os.Remove(paths[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Replay(paths, name, 0); !errors.Is(err, ErrGap) {
		t.Errorf("without a segment: %v", err)
	}
}

// After a sync that failed nothing is known of the disk: nothing more is acknowledged, even if the next sync would
// succeed.
func TestFailedSync(t *testing.T) {
	l, _ := create(t)
	appendAll(t, l, 1, 2)
	bad := errors.New("bad disk")
	l.Sync = func(*os.File) error { return bad }
	if _, err := l.Append(content(3)); !errors.Is(err, bad) {
		t.Fatalf("got %v", err)
	}
	l.Sync = syncData
	for range 2 {
		if _, err := l.Append(content(3)); !errors.Is(err, ErrBroken) {
			t.Fatalf("got %v", err)
		}
	}
}

// A record is on the disk when Append returns: every one is synced, and after it was written.
func TestEveryRecordIsSynced(t *testing.T) {
	l, paths := create(t)
	n := 0
	l.Sync = func(f *os.File) error {
		n++
		if found, err := Replay(paths, name, 0); err != nil || len(found) != n || f.Name() != paths[0] {
			t.Errorf("at sync %d of %s: %d records, %v", n, f.Name(), len(found), err)
		}
		return syncData(f)
	}
	appendAll(t, l, 1, 9)
	if n != 9 {
		t.Errorf("%d syncs", n)
	}
}

// A full disk refuses a record and leaves nothing of it; what has room is taken.
func TestFullDisk(t *testing.T) {
	l, paths := create(t)
	appendAll(t, l, 1, 3)
	file := l.files[0]
	closed, err := os.Open(paths[0]) // takes no writes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closed.Close() })
	l.files[0] = closed
	if _, err := l.Append(make([]byte, piece)); err == nil || errors.Is(err, ErrBroken) {
		t.Fatalf("got %v", err)
	}
	l.files[0] = file
	appendAll(t, l, 4, 6)
	replayed(t, paths, 1, 6)
	if _, err := l.Append(make([]byte, maxContent+1)); err == nil {
		t.Fatal("a record that could not be read was written")
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{500, 5_000, 50_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, err := Create(Beside(filepath.Join(b.TempDir(), "file")))
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close() //nolint:errcheck // at the end
			record := make([]byte, size)
			for b.Loop() {
				if _, err := l.Append(record); err != nil {
					b.Fatal(err)
				}
				if l.Size() > 8<<20 {
					l.Turn()
				}
			}
		})
	}
}
