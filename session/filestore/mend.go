package filestore

import (
	"errors"
	"fmt"

	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// Failure returns why no write is taken, or nil. It says nothing of a full disk, which refuses what has no room.
func (d *disk) Failure() error {
	if d.broken.Load() {
		return errBroken
	}
	if why := d.failure.Load(); why != nil {
		return *why
	}
	return nil
}

// fail is called by the writer when a write or sync of the log has failed. What is on the disk is then unknown, and a later
// sync would not tell: the system may have dropped what it could not write. So the log takes nothing more, and all that was
// acknowledged and is not in the database is written from memory. A log that fails at once again waits for the next try.
func (d *disk) fail(err error) {
	why := fmt.Errorf("no write is taken since the log has failed: %w", err)
	d.failure.Store(&why)
	d.tell(why)
	switch {
	case d.draining: // thawed goes on
	case d.proven:
		d.mend()
	default:
		d.drainTimer.Reset(d.drainEvery)
	}
}

// mend begins to move everything to the database, so that it needs no log, and then makes a new one. Meanwhile nothing is
// written to the layers.
func (d *disk) mend() {
	old, name, all := d.log, d.name, d.layers.Load().all()
	d.draining, d.mending = true, true
	d.drains <- func() moved {
		if err := d.merge(format, name, all...); err != nil {
			return moved{err: err}
		}
		_ = old.Close() // nothing of it is needed any more
		log, err := d.renew(wal.Beside(d.path))
		return moved{log: log, err: err}
	}
}

// renewLog makes a log in new files, and tries whether they can be written.
func renewLog(paths wal.Paths) (*wal.Log, error) {
	if err := paths.Remove(); err != nil {
		return nil, err
	}
	l, err := wal.Create(paths)
	if err != nil {
		return nil, err
	}
	if err := l.Prepare(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// mended is called by the writer with what came of it.
func (d *disk) mended(m moved) {
	if d.mending = false; m.err != nil {
		d.drainTimer.Reset(d.drainEvery)
		return
	}
	d.layers.Store(&layers{active: new(layer)})
	d.log, d.begun, d.proven, d.stuck = m.log, false, false, nil
	d.failure.Store(nil)
	d.tell(nil)
}
