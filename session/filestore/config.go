package filestore

import (
	"errors"
	"time"
)

// What Open may say beside the file system's own errors. Both come wrapped with the path.
var (
	// ErrLocked: another process, or another store of this one, has the file open.
	ErrLocked = errors.New("in use by another process")
	// ErrDamaged: the file is not a session file, or no longer one.
	ErrDamaged = errors.New("not a session file, or damaged")
)

// Config says where the sessions are. Only Path is required.
type Config struct {
	// Path is the file. It is created, mode 0600, with directories of mode 0700, if it does not exist; a file that
	// others can read is closed to them.
	Path string
	// Now is the store's time; nil means time.Now.
	Now func() time.Time
	// SweepEvery is the time between two looks for what has expired. Default one minute. Sweeping frees space only:
	// what has expired is never returned, swept or not.
	SweepEvery time.Duration
}

const (
	lockWait     = 500 * time.Millisecond // how long Open waits for the file: a predecessor may just be closing it
	defaultSweep = time.Minute
	sweepBatch   = 256 // records freed in one transaction, so that a sweep never holds writers up for long
	commitBatch  = 256 // writes that share one sync at most
	// commitPause is the least time between two syncs. Measured with 32 people who sign in at once: without it a sign-in
	// takes 1.9 ms of CPU, with 2 ms or 5 ms it takes 1.1 ms.
	commitPause = 2 * time.Millisecond
)
