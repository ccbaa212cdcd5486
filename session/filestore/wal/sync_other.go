//go:build !linux

package wal

import "os"

// syncData writes the file to the disk.
func syncData(f *os.File) error { return f.Sync() }
