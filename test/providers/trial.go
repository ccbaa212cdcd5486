package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// trial lets the rig, which is written for tests, run in a command: what fails a test there fails the running check here.
type trial struct {
	testing.TB // nil: what is not defined below is not used by the rig
	label      string
	verbose    bool

	mu       sync.Mutex
	failures []string // of the running check
	failed   bool     // in any check
	release  []func()
}

func (t *trial) Helper()      {}
func (t *trial) Name() string { return t.label }

func (t *trial) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, text)
	t.failed = true
}

func (t *trial) Error(args ...any)            { t.fail(strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
func (t *trial) Errorf(f string, args ...any) { t.fail(fmt.Sprintf(f, args...)) }
func (t *trial) Fatal(args ...any)            { t.Error(args...); runtime.Goexit() }
func (t *trial) Fatalf(f string, args ...any) { t.Errorf(f, args...); runtime.Goexit() }
func (t *trial) FailNow()                     { runtime.Goexit() }

func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *trial) Log(args ...any) { t.Logf("%s", fmt.Sprintln(args...)) }

func (t *trial) Logf(f string, args ...any) {
	if t.verbose {
		fmt.Fprintf(os.Stderr, f+"\n", args...)
	}
}

func (t *trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release = append(t.release, f)
}

func (t *trial) TempDir() string {
	dir, err := os.MkdirTemp("", "latchkey-providers-")
	if err != nil {
		t.Fatalf("making a folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// end releases what the trial holds, newest first.
func (t *trial) end() {
	for {
		t.mu.Lock()
		n := len(t.release)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		f := t.release[n-1]
		t.release = t.release[:n-1]
		t.mu.Unlock()
		t.during(f)
	}
}

// during runs f to its end or to its first fatal failure, and returns the failures.
func (t *trial) during(f func()) []string {
	t.mu.Lock()
	t.failures = nil
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failures
}
