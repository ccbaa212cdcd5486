package demo

import (
	"errors"
	"syscall"
)

// inUse also knows Winsock's number (WSAEADDRINUSE), which syscall does not name EADDRINUSE.
func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.Errno(10048))
}
