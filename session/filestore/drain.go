package filestore

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// begin begins the log, before the first write. From then on a program that does not know of it refuses the database.
func (d *disk) begin() error {
	_, _ = rand.Read(d.name[:])
	if err := syncDir(filepath.Dir(d.path)); err != nil {
		return err
	}
	last := d.published.Load() // of a log that has failed
	if err := d.merge(formatLog, d.name, &layer{last: last}); err != nil {
		return err
	}
	d.log.Begin(d.name, last)
	d.begun = true
	return nil
}

// append writes changes to the log, and returns when they are on the disk.
func (d *disk) append(written []change) (number uint64, err error) {
	if !d.begun {
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	d.record = appendChanges(d.record[:0], written)
	number, err = d.log.Append(d.record)
	if cap(d.record) > keptRecord {
		d.record = nil
	}
	return number, err
}

// drainer moves layers to the database, one after the other, until there are no more.
func (d *disk) drainer() {
	for move := range d.drains {
		d.drained <- move()
	}
	close(d.drained)
}

// freeze begins to move what was written to the database, if nothing is being moved yet. What failed is tried again.
func (d *disk) freeze() {
	cur := d.layers.Load()
	switch {
	case d.draining:
		return
	case d.failure.Load() != nil:
		d.mend()
		return
	case cur.frozen == nil && cur.active.size() == 0:
		return
	case cur.frozen == nil:
		cur = &layers{active: new(layer), frozen: cur.active}
		d.layers.Store(cur)
		d.log.Turn() // all that is in the other segment is in the database
	}
	d.draining = true
	name, frozen := d.name, cur.frozen
	d.drains <- func() moved { return moved{err: d.merge(formatLog, name, frozen)} }
}

// thawed is called by the writer with the result of a drain.
func (d *disk) thawed(m moved) {
	if d.draining = false; d.mending {
		d.mended(m)
		return
	}
	if d.stuck = m.err; m.err == nil {
		d.layers.Store(&layers{active: d.layers.Load().active})
	}
	if d.failure.Load() != nil {
		d.mend()
		return
	}
	d.drainTimer.Reset(d.drainEvery) // for what came meanwhile, or to try again
}

// full reports whether the active layer is as large as it may be.
func (d *disk) full() bool {
	return d.layers.Load().active.size() >= d.limit || d.log.Size() >= int64(d.limit)
}

// makeRoom waits for the database where more is written than it takes. If it takes nothing at all, there is no room.
func (d *disk) makeRoom() {
	if !d.full() {
		return
	}
	if d.draining {
		d.thawed(<-d.drained)
	}
	if d.stuck == nil {
		d.freeze()
	}
}

// crowded reports whether changes have no room while the database takes nothing. To delete there is some more.
func (d *disk) crowded(written []change) bool {
	size := d.layers.Load().active.size()
	return size >= d.limit && grows(written) || size >= d.limit+deleteRoom
}

// settle moves everything to the database, so that it needs no log. What cannot be moved stays in the log.
func (d *disk) settle() error {
	for d.draining {
		d.thawed(<-d.drained)
	}
	close(d.drains)
	if d.broken.Load() {
		return d.log.Close()
	}
	if d.begun {
		if err := d.merge(format, d.name, d.layers.Load().all()...); err != nil {
			return errors.Join(err, d.log.Close())
		}
	}
	return errors.Join(d.log.Close(), wal.Beside(d.path).Remove())
}

// merge writes layers to the database in one transaction, from the oldest on, with the format that it then has. It also says
// which log is, or was, that of the database, and which of its records is the last that is there. After damage the
// database's own lock may be taken, so that it is not tried again.
func (d *disk) merge(f byte, name wal.Name, all ...*layer) error {
	if d.broken.Load() {
		return errBroken
	}
	err := guard(func() error {
		return d.db.Update(func(tx *bolt.Tx) error {
			head := tx.Bucket(bucketFormat)
			if head == nil {
				return errMissing
			}
			last := uint64(0)
			if of, number, err := logOf(tx); err == nil && of == name {
				last = number
			}
			for _, l := range all {
				if err := l.writeTo(tx); err != nil {
					return err
				}
				last = max(last, l.last)
			}
			return errors.Join(head.Put(bucketFormat, []byte{f}), head.Put(keyLog, binary.BigEndian.AppendUint64(name[:], last)))
		})
	})
	if errors.As(err, new(crash)) {
		d.broken.Store(true)
	}
	return err
}

func (l *layer) writeTo(tx *bolt.Tx) error {
	for which := range l.tables {
		t := &l.tables[which]
		w := t.Walk(l.last)
		c, found := w.First()
		if !found {
			continue
		}
		b, err := tx.CreateBucketIfNotExists(partNames[which])
		if err != nil {
			return err
		}
		if which == partLog {
			b.FillPercent = 0.95 // written in the order of the keys
		}
		for ; found; c, found = w.Next() {
			if c.Deleted {
				err = b.Delete(c.Key)
			} else {
				err = b.Put(c.Key, c.Value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ownLog refuses a log that belongs to another database: either that one has been lost, and with it what was acknowledged, or
// this one has been put in its place. Only the operator knows.
func (d *disk) ownLog(name wal.Name) error {
	err := wal.Check(wal.Beside(d.path), name)
	if errors.Is(err, wal.ErrForeign) {
		return fmt.Errorf("%w. Put the file back to which it belongs, or move the .wal files away to go on with this one: what was written to the log is then missing, sign-outs included", err)
	}
	return err
}

// replay moves what a crash has left in the log to the database.
func (d *disk) replay() error {
	var (
		name wal.Name
		last uint64
	)
	err := d.db.View(func(tx *bolt.Tx) (err error) {
		name, last, err = logOf(tx)
		return err
	})
	if err != nil {
		return err
	}
	if err := d.ownLog(name); err != nil {
		return err
	}
	found, err := wal.Replay(wal.Beside(d.path), name, last)
	if errors.Is(err, wal.ErrGap) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return err
	}
	l := new(layer)
	for _, r := range found {
		all, err := readChanges(r.Content)
		if err != nil {
			return err
		}
		for _, c := range all {
			l.tables[c.part].Put(r.Number, c.Change)
		}
		l.publish(r.Number)
	}
	if err := d.merge(format, name, l); err != nil {
		return err
	}
	return wal.Beside(d.path).Remove()
}
