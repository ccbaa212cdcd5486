package storetest

import (
	"testing"
	"time"
)

// Until polls until ok returns true, and fails the test after twenty seconds. It is for what needs real time, such as
// the work of another goroutine. A limit that is part of a contract needs its own test.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in twenty seconds: %s", what)
		}
	}
}
