package rig

import (
	"net"
	"testing"
	"time"
)

// Until polls until the condition holds and fails the test with what it waited for if that takes longer than limit.
func Until(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	if !Holds(limit, condition) {
		t.Fatalf("after %v still not: %s", limit, what)
	}
}

// Holds polls until the condition holds or limit has passed and tells which.
func Holds(limit time.Duration, condition func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if condition() {
			return true
		}
		select {
		case <-deadline.C:
			return condition()
		case <-tick.C:
		}
	}
}

// FreePort returns a loopback TCP port that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("finding a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
