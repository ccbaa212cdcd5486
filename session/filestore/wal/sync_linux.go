package wal

import (
	"errors"
	"os"
	"syscall"
)

// syncData writes the file to the disk, with what is needed to read it.
func syncData(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd())) //nolint:gosec // a descriptor fits
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
