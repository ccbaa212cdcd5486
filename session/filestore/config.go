package filestore

import (
	"errors"
	"time"
)

// Errors of Open besides those of the file system. They are wrapped with the path.
var (
	// ErrLocked: another process, or another store of this one, has the file open.
	ErrLocked = errors.New("in use by another process")
	// ErrDamaged: the file is not a session file, or is damaged.
	ErrDamaged = errors.New("not a session file, or damaged")
)

// Config configures a Store. Only Path is required.
type Config struct {
	// Path is the file. If it does not exist it is created with mode 0600, and its directories with mode 0700. If other
	// users can read an existing file, its mode is changed to 0600.
	Path string
	// Now is the store's clock; nil means time.Now.
	Now func() time.Time
	// OnFailure is called with the error when no write is taken any more because the disk has failed the log, and with nil when
	// writes are taken again. It does not call the store.
	OnFailure func(error)
	// SweepEvery is the time between two sweeps of expired records. Default one minute. A sweep only frees space: an
	// expired record is never returned, whether it is swept or not.
	SweepEvery time.Duration
}

const (
	lockWait     = 500 * time.Millisecond // how long Open waits for the file: another process may just be closing it
	defaultSweep = time.Minute
	sweepBatch   = 256 // records freed in one transaction, so that a sweep does not block writers for long
	// layerSize is how much is written before it is moved to the database, in bytes of memory and of the log. There may be
	// twice as much, and a batch: what is being moved, and what comes meanwhile.
	layerSize  = 8 << 20
	deleteRoom = 1 << 20 // as much may be deleted in addition while the database takes nothing
	// drainAfter is how long what was written stays in the log at most, unless the database takes nothing.
	drainAfter = 5 * time.Second
	// manyDeleted is how many deleted keys a batch passes on its way before they are moved to the database.
	manyDeleted = 1000
	keptRecord  = 1 << 20 // largest buffer for a record that is used again
	keptChanges = 4096    // most changes whose slice is used again
	commitBatch = 256     // largest number of writes that share one sync
	// commitPause is the minimum time between two syncs of which the first was shared. A sync takes about 80 µs of CPU. With
	// 32 users who sign in at once on one core there are 1.6 syncs a sign-in with a pause of 2 ms, and 0.4 with 8 ms; on a
	// core that has other work as well, 5 ms make 0.8.
	commitPause = 10 * time.Millisecond
	// commitPatience is how long a patient write waits for another one. In that time a user answers no question; users who
	// sign in one after the other, or a browser that follows redirects, do the next write.
	commitPatience = 100 * time.Millisecond
)
