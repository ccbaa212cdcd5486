package storetest

import (
	"testing"
	"time"
)

// Until polls until what was said has come about, and fails the test if it does not in twenty seconds. It is for what
// only the real clock brings, such as another goroutine's work; a limit that is a promise is tested with one of its own.
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
