package rig

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"sync"
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

var ports struct {
	sync.Mutex
	taken map[int]bool
}

// FreePort returns a loopback TCP port that nobody listens on and that no other test of the run was given. It lies below
// the ports that systems choose for outgoing connections, so that none of those takes it before a server does.
func FreePort(t testing.TB) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.taken == nil {
		ports.taken = map[int]bool{}
	}
	for range 1000 {
		n, err := rand.Int(rand.Reader, big.NewInt(15000))
		if err != nil {
			t.Fatalf("choosing a port: %v", err)
		}
		port := 15000 + int(n.Int64())
		if ports.taken[port] {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		ports.taken[port] = true
		return port
	}
	t.Fatal("no free port found")
	return 0
}
