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

// ErrForeign: what is there is another log.
var ErrForeign = errors.New("the log belongs to another file")

// Check returns ErrForeign if there are records, and none is of the log of this name. Some of another one may be left in
// space that is used again.
func Check(paths Paths, name Name) error {
	foreign := ""
	for _, path := range paths {
		data, err := os.ReadFile(path) //nolint:gosec // beside the operator's path
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for ; len(data) >= headerSize; data = data[min(block, len(data)):] {
			switch of, _, ok := readRecord(data); {
			case !ok:
			case of == name:
				return nil
			default:
				foreign = path
			}
		}
	}
	if foreign != "" {
		return fmt.Errorf("%w: %s", ErrForeign, foreign)
	}
	return nil
}

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
			return nil, fmt.Errorf("%w: record %d is missing, and %d is there. If the file is a copy that is older than the log beside it, move the log away", ErrGap, want, r.Number)
		}
	}
	return found, nil
}

// scan finds the records of a segment wherever they are. Where there is none it goes on at the next block: what comes
// after a damaged record shows that it is not the last.
func scan(data []byte, name Name, after uint64) (found []Record) {
	for len(data) >= headerSize {
		step := block
		if of, r, ok := readRecord(data); ok && of == name {
			step = blocks(headerSize + len(r.Content))
			if r.Number > after {
				found = append(found, r)
			}
		}
		data = data[min(step, len(data)):]
	}
	return found
}
