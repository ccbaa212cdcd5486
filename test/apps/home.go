package apps

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Home is where a client program runs: it reads no configuration of the machine's user, and asks no terminal.
type Home struct {
	Dir string
	t   testing.TB
	env []string
}

// NewHome returns a home whose folder ends with the test.
func NewHome(t testing.TB) *Home {
	t.Helper()
	dir := t.TempDir()
	return &Home{Dir: dir, t: t, env: []string{
		"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CACHE_HOME=" + dir, "TMPDIR=" + dir,
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}}
}

// Path returns where a file of the home is.
func (h *Home) Path(name string) string { return filepath.Join(h.Dir, name) }

// Write writes a file of the home, which only its owner reads, as programs want it for secrets.
func (h *Home) Write(name, content string) {
	h.t.Helper()
	path := h.Path(name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o600)
	}
	if err != nil {
		h.t.Fatalf("writing %s: %v", name, err)
	}
}

// Read returns what is in a file of the home; nothing if there is no such file.
func (h *Home) Read(name string) string {
	h.t.Helper()
	content, err := os.ReadFile(h.Path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.t.Fatalf("reading %s: %v", name, err)
	}
	return string(content)
}

// Result is how a program ended.
type Result struct {
	Code int
	Out  string // of both standard output and standard error
}

// OK reports whether the program says that it did what it was told.
func (r Result) OK() bool { return r.Code == 0 }

// Says reports whether a text is in the output.
func (r Result) Says(text string) bool { return strings.Contains(r.Out, text) }

// Run runs a program until it ends.
func (h *Home) Run(name string, args ...string) Result {
	h.t.Helper()
	return h.Feed("", name, args...)
}

// Feed runs a program that reads its standard input.
func (h *Home) Feed(input, name string, args ...string) Result {
	h.t.Helper()
	return h.begin(input, name, args...)()
}

// Begin starts a program. end waits for its end.
func (h *Home) Begin(name string, args ...string) (end func() Result) {
	h.t.Helper()
	return h.begin("", name, args...)
}

// begin starts a program, whose end is awaited at once or later. One that never ends is a failure.
func (h *Home) begin(input, name string, args ...string) (end func() Result) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), rig.Patience)
	cmd := exec.CommandContext(ctx, tool(h.t, name), args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = h.Dir, h.env, strings.NewReader(input), &out, &out
	cmd.WaitDelay = time.Second
	err := cmd.Start()
	if err != nil {
		cancel()
		h.t.Fatalf("starting %s: %v", name, err)
	}
	return func() Result {
		h.t.Helper()
		defer cancel()
		err := cmd.Wait()
		if exit, is := errors.AsType[*exec.ExitError](err); err != nil && (!is || !exit.Exited()) {
			h.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
		}
		return Result{cmd.ProcessState.ExitCode(), out.String()}
	}
}

// tool finds a program and fails the test with the remedy if there is none.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed; run `make deps`", name)
	}
	return path
}
