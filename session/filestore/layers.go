package filestore

import (
	"errors"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session/filestore/overlay"
)

// layer is what was written since the database was, in memory. All of it is in the log.
type layer struct {
	tables [parts]overlay.Table
	last   uint64 // the number of the last record of the log that is in it
}

func (l *layer) size() (n int) {
	for i := range l.tables {
		n += l.tables[i].Size()
	}
	return n
}

func (l *layer) publish(number uint64) {
	for i := range l.tables {
		l.tables[i].Publish()
	}
	l.last = number
}

func (l *layer) discard() {
	for i := range l.tables {
		l.tables[i].Discard()
	}
}

// layers lie over the database. They are replaced together, by the writer.
type layers struct {
	active *layer // gets what is written
	frozen *layer // is being moved to the database, if it is not nil
}

// all returns the layers from the oldest on.
func (l *layers) all() []*layer {
	if l.frozen == nil {
		return []*layer{l.active}
	}
	return []*layer{l.frozen, l.active}
}

// snapshot is what a reader sees: the layers as of a record of the log, and the database as it was then or with the frozen
// layer in it.
type snapshot struct {
	tx     *bolt.Tx
	layers *layers
	number uint64
	parts  [parts]part
	// writable is set for the writer. It sees what it writes at once.
	writable bool
	written  []change
	// passed counts keys that cursors have passed because they were deleted. The writer moves a layer of many to the
	// database, where they are not any more.
	passed int
}

// look runs a read. The writer sees what it writes.
func (d *disk) look(writable bool, read func(records) error) error {
	own := uint64(0)
	if writable {
		own = 1
	}
	for {
		l := d.layers.Load() // before the number
		if moved, err := d.lookAs(l, d.published.Load()+own, writable, read); !moved {
			return err
		}
	}
}

// lookAs runs a read of layers as of a record of the log. The layers were taken before the database is, and must still be
// those when it is there: else the database might have something that was written after that record. Then nothing is
// read.
func (d *disk) lookAs(l *layers, number uint64, writable bool, read func(records) error) (moved bool, err error) {
	err = d.db.View(func(tx *bolt.Tx) error {
		if moved = d.layers.Load() != l; moved {
			return nil
		}
		r, err := open(tx, l, number)
		if err != nil {
			return err
		}
		r.writable = writable
		return read(r)
	})
	return moved, err
}

// part is one of the parts of the file, in the database and in the layers over it.
type part struct {
	in     *snapshot
	which  int
	bucket *bolt.Bucket
	opened bool
}

// below returns the part in the database, or nil if it is not there yet.
func (p *part) below() *bolt.Bucket {
	if !p.opened {
		p.bucket, p.opened = p.in.tx.Bucket(partNames[p.which]), true
	}
	return p.bucket
}

// Get returns the value of a key, or nil if there is none. The caller does not change it.
func (p *part) Get(key []byte) []byte {
	for _, l := range []*layer{p.in.layers.active, p.in.layers.frozen} {
		if l == nil {
			continue
		}
		switch c, found := l.tables[p.which].Get(p.in.number, key); {
		case !found:
		case c.Deleted:
			return nil
		case c.Value == nil:
			return []byte{}
		default:
			return c.Value
		}
	}
	if b := p.below(); b != nil {
		return b.Get(key)
	}
	return nil
}

var (
	errReadOnly = errors.New("a reader writes")
	errNoRoom   = errors.New("the database would not take it")
)

// Put writes a value. The caller does not change the slices any more.
func (p *part) Put(key, value []byte) error { return p.change(overlay.Change{Key: key, Value: value}) }

// Delete removes a key, which need not exist.
func (p *part) Delete(key []byte) error { return p.change(overlay.Change{Key: key, Deleted: true}) }

func (p *part) change(c overlay.Change) error {
	switch {
	case !p.in.writable:
		return errReadOnly
	case len(c.Key) == 0 || len(c.Key) > bolt.MaxKeySize || len(c.Value) > bolt.MaxValueSize:
		return errNoRoom
	}
	p.in.layers.active.tables[p.which].Put(p.in.number, c)
	p.in.written = append(p.in.written, change{p.which, c})
	return nil
}
