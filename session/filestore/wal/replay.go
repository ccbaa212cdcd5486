package wal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// ErrGap: a record that was acknowledged is missing or damaged.
var ErrGap = errors.New("the log is damaged")

// Replay returns the records of a log that come after the given number, in their order. Segments that do not exist have
// none. The contents stay valid.
func Replay(paths Paths, name Name, after uint64) (found []Record, err error) {
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // beside the operator's path
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		found = append(found, scan(data, name, after)...)
	}
	slices.SortFunc(found, func(a, b Record) int { return cmp.Compare(a.Number, b.Number) })
	for i, r := range found {
		if want := after + 1 + uint64(i); r.Number != want { //nolint:gosec // not negative
			return nil, fmt.Errorf("%w: record %d is missing, and %d is there", ErrGap, want, r.Number)
		}
	}
	return found, nil
}

// scan finds the records of a segment wherever they are. Where there is none it goes on at the next block: what comes
// after a damaged record shows that it is not the last.
func scan(data []byte, name Name, after uint64) (found []Record) {
	for len(data) >= headerSize {
		step := block
		if r, ok := readRecord(data, name); ok {
			step = blocks(headerSize + len(r.Content))
			if r.Number > after {
				found = append(found, r)
			}
		}
		data = data[min(step, len(data)):]
	}
	return found
}
