package tryout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// GoProgram is a command that the Go module proxy serves.
type GoProgram struct {
	Name, Pkg, Module, Version string
	// Replace is what the module's own go.mod replaces: go.mod files of dependencies do not count.
	Replace string
	Tags    string
}

// Build builds the command in a module of its own, unless it is there, and returns its path.
func (g GoProgram) Build(cache string) (string, error) {
	dir := filepath.Join(cache, g.Name+"-"+g.Version)
	bin := filepath.Join(dir, g.Name)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	mod := fmt.Sprintf("module tried\n\ngo 1.26\n\nrequire %s %s\n", g.Module, g.Version)
	if g.Replace != "" {
		mod += "\nreplace " + g.Replace + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600); err != nil {
		return "", fmt.Errorf("writing go.mod: %w", err)
	}
	return bin, Command(dir, []string{"GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off"},
		"nice", "go", "build", "-trimpath", "-tags", g.Tags, "-o", bin, g.Pkg)
}

// Command runs a program of an installation and returns what it said as an error.
func Command(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...) //nolint:gosec // programs and arguments are this command's own
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		said := strings.TrimSpace(string(out))
		return fmt.Errorf("%s %s: %w: %s", name, args[0], err, said[max(0, len(said)-600):])
	}
	return nil
}
