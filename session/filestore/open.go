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
)

// open opens the file, checks its format and creates what a new file needs.
func (s *Store) open() error {
	if s.path == "" {
		return errors.New("no path")
	}
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making its directory: %w", err)
	}
	_, err := os.Stat(s.path)
	isNew := errors.Is(err, fs.ErrNotExist)

	err = guard(s.openDatabase)
	if err != nil {
		if s.file != nil {
			_ = release(s.file) // after a panic nothing else releases it
		}
		switch {
		case errors.Is(err, bolterrors.ErrTimeout):
			return ErrLocked
		case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)), errors.Is(err, ErrDamaged):
			return err
		default: // any other error of bbolt concerns the content
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if isNew {
		if err := syncDir(dir); err != nil {
			_ = s.db.Close()
			return fmt.Errorf("syncing its directory: %w", err)
		}
	}
	return nil
}

func (s *Store) openDatabase() error {
	db, err := bolt.Open(s.path, 0o600, &bolt.Options{
		Timeout:      lockWait,
		FreelistType: bolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag, mode) //nolint:gosec // the operator's path
			s.file = f
			return f, err
		},
	})
	if err != nil {
		return err
	}
	s.db = db
	if err := s.check(); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// check refuses a file that is not a session file before anything is written to it.
func (s *Store) check() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		if err := s.file.Chmod(mode &^ 0o077); err != nil && runtime.GOOS != "windows" {
			return fmt.Errorf("closing it to others: %w", err)
		}
	}
	empty := false
	err = s.db.View(func(tx *bolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %d bytes are missing", ErrDamaged, tx.Size()-info.Size())
		}
		if k, _ := tx.Cursor().First(); k == nil {
			empty = true
			return nil
		}
		r, err := open(tx)
		if err != nil {
			return err
		}
		return r.check()
	})
	if err != nil || !empty {
		return err
	}
	return s.db.Update(func(tx *bolt.Tx) error {
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
