//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filestore

import (
	"errors"
	"os"
	"syscall"
)

// release releases a file that bbolt cannot close any more, after a panic. It removes the lock first: bbolt's mapping
// keeps the file open, and with it the lock, after the close.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) //nolint:gosec // a descriptor fits
}
