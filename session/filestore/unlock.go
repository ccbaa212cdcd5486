//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package filestore

import (
	"errors"
	"os"
	"syscall"
)

// release gives a file up that bbolt cannot close any more, after a panic. The lock goes first: bbolt's mapping keeps
// the file, and with it the lock, beyond its closing.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) //nolint:gosec // a descriptor fits
}
