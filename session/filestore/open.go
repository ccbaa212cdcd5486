package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/latchkey-gateway/latchkey/session/filestore/wal"
)

// open opens the file, checks its format and creates what a new file needs.
func (d *disk) open() error {
	if d.path == "" {
		return errors.New("no path")
	}
	dir := filepath.Dir(d.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making its directory: %w", err)
	}
	_, err := os.Stat(d.path)
	isNew := errors.Is(err, fs.ErrNotExist)

	err = guard(d.openDatabase)
	if err != nil {
		if d.file != nil {
			_ = release(d.file) // after a panic nothing else releases it
		}
		switch {
		case errors.Is(err, bolterrors.ErrTimeout):
			return ErrLocked
		case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)), errors.Is(err, ErrDamaged), errors.Is(err, wal.ErrForeign):
			return err
		default: // any other error of bbolt concerns the content
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if d.log, err = wal.Create(wal.Beside(d.path)); err != nil {
		return errors.Join(fmt.Errorf("its log: %w", err), d.db.Close())
	}
	if isNew {
		if err := syncDir(dir); err != nil {
			return errors.Join(fmt.Errorf("syncing its directory: %w", err), d.log.Close(), d.db.Close())
		}
	}
	return nil
}

func (d *disk) openDatabase() error {
	db, err := bolt.Open(d.path, 0o600, &bolt.Options{
		Timeout:      lockWait,
		FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode) //nolint:gosec // the operator's path
			d.file = f
			return f, err
		},
	})
	if err != nil {
		return err
	}
	d.db = db
	if err := d.check(); err != nil {
		if d.broken.Load() {
			return err // the database's own lock may be taken; Close would wait for ever
		}
		return errors.Join(err, db.Close())
	}
	return nil
}

// check refuses a file that is not a session file before anything is written to it.
func (d *disk) check() error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		if err := d.file.Chmod(mode &^ 0o077); err != nil && runtime.GOOS != "windows" {
			return fmt.Errorf("closing it to others: %w", err)
		}
	}
	var (
		empty, logged bool
		name          wal.Name
	)
	err = d.db.View(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %d bytes are missing", ErrDamaged, tx.Size()-info.Size())
		}
		if k, _ := tx.Cursor().First(); k == nil {
			empty = true
			return nil
		}
		r, err := open(tx, d.layers.Load(), 0)
		if err != nil {
			return err
		}
		if err := r.check(); err != nil {
			return err
		}
		f, err := formatOf(tx)
		if logged = f == formatLog; err == nil && !logged {
			name, _, _ = logOf(tx) // one that was never written to has none
		}
		return err
	})
	if err != nil {
		return err
	}
	if logged {
		return d.replay()
	}
	if err := d.ownLog(name); err != nil || !empty {
		return err
	}
	return d.db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketFormat).Put(bucketFormat, []byte{format})
	})
}

// syncDir makes the new file's name survive a power failure.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // Windows has no such call
	}
	d, err := os.Open(dir) //nolint:gosec // the operator's path
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
