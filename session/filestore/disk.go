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

	failure atomic.Pointer[error] // why no write is taken, if the log has failed
	tell    func(error)           // Config.OnFailure
	renew   func(wal.Paths) (*wal.Log, error)

	drains  chan func() moved // to the drainer, one at a time
	drained chan moved        // from it

	// Of the writer.
	log        *wal.Log
	name       wal.Name
	begun      bool     // the log has a name, and the database has it too
	record     []byte   // is used again
	written    []change // is used again
	limit      int      // of a layer, in bytes
	draining   bool
	mending    bool  // what is being moved is moved because the log has failed
	proven     bool  // the log has taken a record
	stuck      error // of the last drain
	drainEvery time.Duration
	drainTimer *time.Timer
}

// Size returns how many bytes a file has, with its log.
func Size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	size := info.Size()
	for _, segment := range wal.Beside(path) {
		if info, err := os.Stat(segment); err == nil { // a file that is not open has none
			size += info.Size()
		}
	}
	return size, nil
}

// moved is what came of moving layers to the database, with a new log if that was to be made.
type moved struct {
	log *wal.Log
	err error
}

func (d *disk) prepare(path string, onFailure func(error)) {
	d.path, d.limit, d.drainEvery = path, layerSize, drainAfter
	d.proven, d.renew, d.tell = true, renewLog, onFailure
	if onFailure == nil {
		d.tell = func(error) {}
	}
	d.layers.Store(&layers{active: new(layer)})
	d.drains, d.drained = make(chan func() moved, 1), make(chan moved, 1)
	d.drainTimer = time.NewTimer(d.drainEvery)
}
