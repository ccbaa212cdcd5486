package latchkey_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Without xcaddy the script builds ./cmd/latchkey.
func TestXcaddyScriptBuildsTheGateway(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "latchkey")
	xcaddyScript(t, pathWithout(t, "xcaddy"), "--output", bin)
	if modules := run(t, bin, "list-modules"); !strings.Contains(modules, "http.handlers.latchkey\n") {
		t.Errorf("no latchkey handler among the modules:\n%s", modules)
	}
}

// Without xcaddy a plugin from a folder is built in, next to Latchkey; so is one given with --with=... .
func TestXcaddyScriptBuildsPlugins(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.com/plugin\n\ngo 1.26.0\n\nrequire github.com/caddyserver/caddy/v2 v2.11.9\n")
	write(t, filepath.Join(dir, "plugin.go"), `package plugin

import "github.com/caddyserver/caddy/v2"

func init() { caddy.RegisterModule(Plugin{}) }

type Plugin struct{}

func (Plugin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "example.plugin", New: func() caddy.Module { return new(Plugin) }}
}
`)
	bin := filepath.Join(t.TempDir(), "gateway")
	xcaddyScript(t, pathWithout(t, "xcaddy"), "--with=example.com/plugin="+dir, "--output", bin)
	modules := run(t, bin, "list-modules")
	for _, want := range []string{"example.plugin\n", "http.handlers.latchkey\n"} {
		if !strings.Contains(modules, want) {
			t.Errorf("no %q among the modules:\n%s", want, modules)
		}
	}
	if help := run(t, bin, "demo", "--help"); !strings.Contains(help, "latchkey demo") {
		t.Errorf("the gateway with a plugin has no demo:\n%s", help)
	}
}

// With xcaddy the work is xcaddy's, on this checkout and with the Caddy version that go.mod names.
func TestXcaddyScriptPrefersXcaddy(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "xcaddy"), "#!/bin/sh\nprintf '%s\\n' \"$CADDY_VERSION\" \"$@\"\n")
	if err := os.Chmod(filepath.Join(dir, "xcaddy"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(run(t, "go", "list", "-m", "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2"))
	got := xcaddyScript(t, dir+string(os.PathListSeparator)+os.Getenv("PATH"), "--with", "example.com/a plugin")
	want := fmt.Sprintf("%s\nbuild\n--with\n%s@v0.0.0=%s\n--output\nlatchkey\n--with\nexample.com/a plugin\n", version, module, root)
	if got != want {
		t.Errorf("xcaddy was called with\n%swant\n%s", got, want)
	}
}

func TestXcaddyScriptRefusesBadArguments(t *testing.T) {
	for _, args := range [][]string{
		{"--wiht", "example.com/plugin"},
		{"--with"},
		{"--with", ""},
		{"--with", "example.com/plugin=./no-such-folder"},
		{"--replace", "example.com/plugin"},
		{"v2.11.9"},
	} {
		command := exec.Command("./xcaddy.sh", args...)
		command.Env = append(os.Environ(), "PATH="+pathWithout(t, "xcaddy"))
		out, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "xcaddy.sh: ") {
			t.Errorf("%q: %v, %q; want one clear line and a failure", args, err, out)
		}
	}
}

// raceFlag is what go commands get beside their own flags.
var raceFlag []string

func xcaddyScript(t *testing.T, path string, args ...string) string {
	t.Helper()
	command := exec.Command("./xcaddy.sh", args...)
	command.Env = append(os.Environ(), "PATH="+path, "CADDY_VERSION=", "GOFLAGS="+strings.Join(append(raceFlag, "-p=2"), " "))
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("xcaddy.sh %q: %v\n%s", args, err, stderr.String())
	}
	return string(out)
}

// pathWithout is PATH less the folders that hold the program; the folder of go is kept.
func pathWithout(t *testing.T, program string) string {
	t.Helper()
	var kept []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, program)); err == nil {
			continue
		}
		kept = append(kept, dir)
	}
	return strings.Join(kept, string(os.PathListSeparator))
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", program, args, err)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
