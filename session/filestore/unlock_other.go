//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filestore

import "os"

// release gives a file up that bbolt cannot close any more, after a panic. Its lock ends with it here.
func release(f *os.File) error { return f.Close() }
