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
	if err := d.merge(formatLog, d.name); err != nil {
		return err
	}
	d.log.Begin(d.name)
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

// drainer moves frozen layers to the database, one at a time, until there are no more.
func (d *disk) drainer() {
	for l := range d.drains {
		d.drained <- d.merge(formatLog, d.name, l)
	}
	close(d.drained)
}

// freeze begins to move what was written to the database, if nothing is being moved yet. What failed is tried again.
func (d *disk) freeze() {
	cur := d.layers.Load()
	switch {
	case d.draining:
		return
	case cur.frozen == nil && cur.active.size() == 0:
		return
	case cur.frozen == nil:
		cur = &layers{active: new(layer), frozen: cur.active}
		d.layers.Store(cur)
		d.log.Turn() // all that is in the other segment is in the database
	}
	d.draining = true
	d.drains <- cur.frozen
}

// thawed is called by the writer with the result of a drain.
func (d *disk) thawed(err error) {
	d.draining, d.stuck = false, err
	if err == nil {
		d.layers.Store(&layers{active: d.layers.Load().active})
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
	if d.draining {
		d.thawed(<-d.drained)
	}
	close(d.drains)
	if d.broken.Load() {
		return d.log.Close()
	}
	if d.begun {
		var all []*layer
		cur := d.layers.Load()
		if cur.frozen != nil {
			all = append(all, cur.frozen)
		}
		if err := d.merge(format, d.name, append(all, cur.active)...); err != nil {
			return errors.Join(err, d.log.Close())
		}
	}
	return errors.Join(d.log.Close(), wal.Beside(d.path).Remove())
}

// merge writes layers to the database in one transaction, from the oldest on, with the format that it then has. A layer in
// which nothing was ever written leaves the number of the last record as it is. After damage the database's own lock may be
// taken, so that it is not tried again.
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
			for _, l := range all {
				if err := l.writeTo(tx); err != nil {
					return err
				}
				last = max(last, l.last)
			}
			if f == format {
				return errors.Join(head.Put(bucketFormat, []byte{f}), head.Delete(keyLog))
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

// replay moves what a crash has left in the log to the database.
func (d *disk) replay() error {
	var (
		name wal.Name
		last uint64
	)
	err := d.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bucketFormat).Get(keyLog)
		if len(v) != len(name)+8 {
			return fmt.Errorf("%w: what is said of the log has %d bytes", ErrDamaged, len(v))
		}
		copy(name[:], v)
		last = binary.BigEndian.Uint64(v[len(name):])
		return nil
	})
	if err != nil {
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
