//go:build linux || darwin || freebsd

package store

import "golang.org/x/sys/unix"

// freeBytes returns how many bytes a process without privileges can still write to the file system of a directory.
func freeBytes(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:gosec,unconvert // the types differ between systems
}
