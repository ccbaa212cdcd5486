package tryout

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Trial lets the rig, which is written for tests, run in a command: what fails a test there fails the running check here.
type Trial struct {
	testing.TB // nil: what is not defined below is not used by the rig
	label      string
	verbose    bool

	mu       sync.Mutex
	failures []string // of the running check
	failed   bool     // in any check
	release  []func()
}

// New begins a trial of a program. A verbose one prints what the program and the gateway said when a check failed.
func New(label string, verbose bool) *Trial { return &Trial{label: label, verbose: verbose} }

func (t *Trial) Helper()      {}
func (t *Trial) Name() string { return t.label }

// Context is that of the whole trial.
func (t *Trial) Context() context.Context { return context.Background() }

func (t *Trial) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, text)
	t.failed = true
}

func (t *Trial) Error(args ...any)            { t.fail(strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }
func (t *Trial) Errorf(f string, args ...any) { t.fail(fmt.Sprintf(f, args...)) }
func (t *Trial) Fatal(args ...any)            { t.Error(args...); runtime.Goexit() }
func (t *Trial) Fatalf(f string, args ...any) { t.Errorf(f, args...); runtime.Goexit() }
func (t *Trial) FailNow()                     { runtime.Goexit() }

func (t *Trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *Trial) Log(args ...any) { t.Logf("%s", fmt.Sprintln(args...)) }

func (t *Trial) Logf(f string, args ...any) {
	if t.verbose {
		fmt.Fprintf(os.Stderr, f+"\n", args...)
	}
}

func (t *Trial) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release = append(t.release, f)
}

func (t *Trial) TempDir() string {
	dir, err := os.MkdirTemp("", "latchkey-trial-")
	if err != nil {
		t.Fatalf("making a folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// End releases what the trial holds, newest first.
func (t *Trial) End() {
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
		t.During(f)
	}
}

// During runs f to its end or to its first fatal failure, and returns the failures.
func (t *Trial) During(f func()) []string {
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
