package wal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrBroken: an earlier write or sync has failed.
var ErrBroken = errors.New("the log could not be written earlier")

// piece is by how much a segment grows. It is filled with zeros, so that the syncs of the records in it write nothing else.
const piece = 256 << 10

var zeros [piece]byte

// Paths are the two segments of a log.
type Paths [2]string

// Beside returns the segments of the log of a file.
func Beside(path string) Paths { return Paths{path + ".0.wal", path + ".1.wal"} }

// Remove deletes the segments, which need not exist.
func (p Paths) Remove() error {
	var failed error
	for _, path := range p {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// Log appends records. One goroutine uses it.
type Log struct {
	name   Name
	files  [2]*os.File
	sizes  [2]int64
	turn   int   // the segment that is appended to
	end    int64 // of its last record
	number uint64
	broken bool
	buffer []byte

	// Sync makes durable what was written to a segment. Create sets it.
	Sync func(*os.File) error
}

// Create makes the segments, and empties those that exist. The caller knows that nothing in them is needed.
func Create(paths Paths) (l *Log, err error) {
	l = &Log{Sync: syncData}
	for i, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the operator's path
		if err == nil {
			l.files[i] = f
			l.sizes[i], err = size(f)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

func size(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return 0, err
		}
	}
	return info.Size(), nil
}

// Begin names the log, which has no record yet. The first has the number after last. The caller has synced the directory,
// and remembers the name.
func (l *Log) Begin(name Name, last uint64) { l.name, l.number = name, last }

// Prepare gives both segments some room, and returns when that is on the disk. It is how one finds out whether they can be
// written.
func (l *Log) Prepare() error {
	for i, f := range l.files {
		if err := l.growTo(i, piece); err != nil {
			return err
		}
		if err := l.Sync(f); err != nil {
			return err
		}
	}
	return nil
}

// Broken reports whether a write or sync has failed.
func (l *Log) Broken() bool { return l.broken }

// Append writes a record and returns when it is on the disk. Its number is one more than that of the last.
func (l *Log) Append(content []byte) (number uint64, err error) {
	if l.broken {
		return 0, ErrBroken
	}
	if len(content) > maxContent {
		return 0, fmt.Errorf("a record of %d bytes", len(content))
	}
	f := l.files[l.turn]
	end := l.end + int64(blocks(headerSize+len(content)))
	if err := l.grow(end); err != nil {
		return 0, err // nothing of the record was written
	}
	l.buffer = appendRecord(l.buffer[:0], l.name, Record{Number: l.number + 1, Content: content})
	if _, err = f.WriteAt(l.buffer, l.end); err == nil {
		err = l.Sync(f)
	}
	if cap(l.buffer) > piece {
		l.buffer = nil
	}
	if err != nil {
		l.broken = true
		return 0, err
	}
	l.number++
	l.end = end
	return l.number, nil
}

// grow makes room for a record, and for those after it. A full disk is found out here.
func (l *Log) grow(end int64) error {
	if end <= l.sizes[l.turn] {
		return nil
	}
	return l.growTo(l.turn, (end+piece-1)/piece*piece)
}

func (l *Log) growTo(segment int, to int64) error {
	for at := l.sizes[segment]; at < to; {
		n, err := l.files[segment].WriteAt(zeros[:min(piece, to-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
		l.sizes[segment] = at
	}
	return nil
}

// Size returns how much of the segment that is appended to is in use.
func (l *Log) Size() int64 { return l.end }

// Turn makes the segments change places. The caller knows that every record in the other one has reached the file.
func (l *Log) Turn() { l.turn, l.end = 1-l.turn, 0 }

// Close closes the segments. A second time it does nothing.
func (l *Log) Close() error {
	var failed error
	for i, f := range l.files {
		if f != nil {
			failed = errors.Join(failed, f.Close())
		}
		l.files[i] = nil
	}
	return failed
}
