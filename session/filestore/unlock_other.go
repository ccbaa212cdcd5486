//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filestore

import "os"

// release releases a file that bbolt cannot close any more, after a panic. On this system its lock ends with it.
func release(f *os.File) error { return f.Close() }
