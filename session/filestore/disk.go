package filestore

import (
	"os"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// disk is the database, the log in front of it, and the layers between them.
type disk struct {
	path   string
	file   *os.File // for closing by force, see Close
	db     *bolt.DB
	broken atomic.Bool // a write has found damage; no further write is tried

	layers    atomic.Pointer[layers]
	published atomic.Uint64 // the number of the last record of the log that is on the disk

	drains  chan *layer // to the drainer, one at a time
	drained chan error  // from it

	// Of the writer.
	log        *wal.Log
	name       wal.Name
	begun      bool     // the log has a name, and the database has it too
	record     []byte   // is used again
	written    []change // is used again
	limit      int      // of a layer, in bytes
	draining   bool
	stuck      error // of the last drain
	drainEvery time.Duration
	drainTimer *time.Timer
}

func (d *disk) prepare(path string) {
	d.path, d.limit, d.drainEvery = path, layerSize, drainAfter
	d.layers.Store(&layers{active: new(layer)})
	d.drains, d.drained = make(chan *layer, 1), make(chan error, 1)
	d.drainTimer = time.NewTimer(d.drainEvery)
}
