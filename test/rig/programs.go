package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// directory returns the folder of the end-to-end tests, where the node files and modules are.
func directory() string { return filepath.Join(Root(), "test") }

// Root returns the folder of go.mod: a test runs in its package's folder, which lies below. The path that the compiler
// knows is not one of this machine if the test is built with -trimpath.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(fmt.Sprintf("the working directory: %v", err))
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			panic(dir + " is in no Go module")
		}
	}
})

// program finds an executable by any of its names and fails the test with the remedy if there is none.
func program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed; run `make deps`", names[0])
	return ""
}

// nodeModule fails the test with the remedy unless the node modules of the lock file are installed.
func nodeModule(t testing.TB, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(directory(), "node_modules", name)); err != nil {
		t.Fatalf("the node module %s is not installed; run `make deps`", name)
	}
}

// headless names the browser without windows, which computes a sixth of what the whole one does: CHROMIUM in the environment,
// the distribution's package, or the whole one where there is none.
func headless(t testing.TB) string {
	t.Helper()
	if os.Getenv("CHROMIUM") == "" {
		if path, err := exec.LookPath("chromium-headless-shell"); err == nil {
			return path
		}
	}
	return chromium(t)
}

// chromium names the browser: CHROMIUM in the environment, or the distribution's package.
func chromium(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	return program(t, "chromium", "chromium-browser", "google-chrome")
}
