package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// here is the folder of this command's sources, where the files are that node and go are given.
func here() string { return filepath.Join(rig.Root(), "test", "providers") }

// goProgram is a command that the Go module proxy serves.
type goProgram struct {
	name, pkg, module, version string
	// replace is what the module's own go.mod replaces: go.mod files of dependencies do not count.
	replace string
	tags    string
}

// build builds the command in a module of its own, unless it is there, and returns its path.
func (g goProgram) build(cache string) (string, error) {
	dir := filepath.Join(cache, g.name+"-"+g.version)
	bin := filepath.Join(dir, g.name)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	mod := fmt.Sprintf("module providers\n\ngo 1.26\n\nrequire %s %s\n", g.module, g.version)
	if g.replace != "" {
		mod += "\nreplace " + g.replace + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600); err != nil {
		return "", fmt.Errorf("writing go.mod: %w", err)
	}
	return bin, command(dir, []string{"GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off"},
		"nice", "go", "build", "-trimpath", "-tags", g.tags, "-o", bin, g.pkg)
}

// command runs a program of an installation and returns what it said as an error.
func command(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...) //nolint:gosec // programs and arguments are this command's own
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		said := strings.TrimSpace(string(out))
		return fmt.Errorf("%s %s: %w: %s", name, args[0], err, said[max(0, len(said)-600):])
	}
	return nil
}
