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

// Patience is how long a test waits for what is to happen in a moment: a machine under load takes its time. A bound that is
// promised to users is something else, and stands in the test of it.
const Patience = 60 * time.Second

// Until polls until the condition holds and fails the test with what it waited for if that takes longer than limit.
func Until(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	if !Holds(limit, condition) {
		t.Fatalf("after %v still not: %s", limit, what)
	}
}

// Within fails the test unless the condition holds within the bound that is promised. What counts is when a question is asked,
// not when its answer comes: on a machine under load an answer may take longer than the bound.
func Within(t testing.TB, bound time.Duration, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); ; {
		asked := time.Now()
		if condition() {
			return
		}
		if asked.Sub(began) > bound {
			t.Fatalf("after %v still not: %s", bound, what)
		}
		<-time.After(pause(began))
	}
}

// Holds polls until the condition holds or limit has passed and tells which.
func Holds(limit time.Duration, condition func() bool) bool {
	began := time.Now()
	for {
		if condition() {
			return true
		}
		waited := time.Since(began)
		if waited >= limit {
			return false
		}
		<-time.After(min(pause(began), limit-waited))
	}
}

// pause is how long a test waits before it asks again: the longer it has waited, the longer.
func pause(began time.Time) time.Duration {
	return min(20*time.Millisecond+time.Since(began)/10, 250*time.Millisecond)
}

var ports struct {
	sync.Mutex
	taken map[int]bool
}

// FreePort returns a loopback TCP port on which no process listens and that no other test of the run was given. It lies
// below the ports that systems choose for outgoing connections, so that none of those takes it before a server does.
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
