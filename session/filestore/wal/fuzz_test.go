package wal

import (
	"bytes"
	"testing"
)

// Whatever is in a segment, reading it ends without a panic, and what is read are records as they are written.
func FuzzScan(f *testing.F) {
	f.Add([]byte{}, uint64(0))
	var good []byte
	for n := range uint64(3) {
		good = appendRecord(good, name, Record{Number: n + 1, Content: bytes.Repeat([]byte{'x'}, int(n)*3000)}) //nolint:gosec // a few
		good = append(good, make([]byte, blocks(len(good))-len(good))...)
	}
	f.Add(good, uint64(1))
	f.Add(good[:5000], uint64(0))
	f.Fuzz(func(t *testing.T, data []byte, after uint64) {
		for _, r := range scan(data, name, after) {
			if r.Number <= after {
				t.Fatalf("record %d after %d", r.Number, after)
			}
			if !bytes.Contains(data, appendRecord(nil, name, r)) {
				t.Fatalf("record %d is not in the segment", r.Number)
			}
		}
	})
}
