package rig

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Globals are the global options that every gateway of a test begins with.
const Globals = `	default_bind 127.0.0.1
	skip_install_trust
	auto_https disable_redirects
	grace_period 2s
`

// GatewayConfig says what to run.
type GatewayConfig struct {
	Caddyfile string
	// Env is added to the environment, as NAME=value. With any, the test gets a process of its own.
	Env []string
	// Data is Caddy's data directory (key ring, embedded store); default: an empty one. Two gateways on one Data and
	// one Redis are two replicas. With one, the test gets a process of its own.
	Data string
	// Probe is an address that must answer before a start counts as done: certificates of an internal authority are
	// made in the background.
	Probe string
	// AsBuilt has the gateway built with the race detector only if the test is: for one that asks very often, about decisions
	// alone. Any other gateway has the detector.
	AsBuilt bool
}

// Gateway is a latchkey process.
type Gateway struct {
	Admin string // base URL of the admin API
	t     testing.TB
	dir   string // of the Caddyfile and of Caddy's configuration
	data  string
	file  string
	probe string
	plain bool
	env   []string
	cmd   *exec.Cmd
	ended chan struct{}
	out   *lockedBuffer
	// paused is set while the process is stopped by Pause.
	paused bool
}

// built is a binary of the gateway, once it is there.
type built struct {
	once sync.Once
	path string
	err  error
}

var builds struct{ race, plain built }

// binary builds the gateway once a run, with the race detector unless it is to be plain; LATCHKEY_BINARY names one that
// is built already.
func binary(t testing.TB, plain bool) string {
	t.Helper()
	if path := os.Getenv("LATCHKEY_BINARY"); path != "" {
		return path
	}
	// As ./xcaddy.sh builds it.
	build, args := &builds.plain, []string{"build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-ldflags", "-w -s"}
	if !plain {
		build, args = &builds.race, append(args, "-race")
	}
	build.once.Do(func() {
		dir, err := os.MkdirTemp("", "latchkey-e2e-")
		if err != nil {
			build.err = err
			return
		}
		onExit(func() { _ = os.RemoveAll(dir) })
		build.path = filepath.Join(dir, "latchkey")
		cmd := exec.Command("go", append(args, "-o", build.path, "./cmd/latchkey")...)
		cmd.Dir = Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if build.err != nil {
		t.Fatalf("building the gateway: %v", build.err)
	}
	return build.path
}

// NewGateway gives a test a gateway that serves a Caddyfile, and ends that with the test. A data race or a panic that it
// reported fails the test. The process may have served an earlier test; see handOver.
func NewGateway(t testing.TB, c GatewayConfig) *Gateway {
	t.Helper()
	shared := c.Data == "" && len(c.Env) == 0 && !c.AsBuilt
	g := idleGateway(shared)
	if g == nil {
		g = newGateway(t, c, shared)
	}
	g.t, g.probe = t, c.Probe
	g.write(c.Caddyfile)
	if g.cmd == nil {
		g.Start()
	} else {
		g.serve(c.Caddyfile)
	}
	t.Cleanup(func() {
		if shared && !t.Failed() && g.handOver() {
			return
		}
		g.Stop()
		for _, fault := range faults(g.out.String()) {
			t.Error(fault)
		}
		if t.Failed() {
			t.Logf("the gateway's output:\n%s", tail(g.out.String(), 12000))
		}
	})
	return g
}

// detector reports whether the test itself has the race detector.
func detector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// newGateway prepares a gateway that is not started yet. One that is shared keeps its files until the run ends.
func newGateway(t testing.TB, c GatewayConfig, shared bool) *Gateway {
	t.Helper()
	admin := fmt.Sprintf("127.0.0.1:%d", FreePort(t))
	g := &Gateway{Admin: "http://" + admin, data: c.Data, plain: c.AsBuilt && !detector(), out: &lockedBuffer{}}
	if shared {
		var err error
		if g.dir, err = os.MkdirTemp("", "latchkey-gateway-"); err != nil {
			t.Fatalf("starting the gateway: %v", err)
		}
		onExit(func() { _ = os.RemoveAll(g.dir) })
	} else {
		g.dir = t.TempDir()
	}
	if g.data == "" {
		g.data = filepath.Join(g.dir, "data")
	}
	g.file = filepath.Join(g.dir, "Caddyfile")
	// By default a process with the race detector waits a second before it ends, for reports that are on their way.
	g.env = slices.Concat([]string{"GORACE=atexit_sleep_ms=100"}, os.Environ(), c.Env,
		[]string{"XDG_DATA_HOME=" + g.data, "XDG_CONFIG_HOME=" + g.dir, "HOME=" + g.dir, "CADDY_ADMIN=" + admin})
	return g
}

// faults are the signs in a gateway's output that it did what no gateway may do, whatever it was asked.
func faults(log string) (found []string) {
	for _, race := range races(log) {
		found = append(found, "the gateway has a data race:\n"+race)
	}
	for _, sign := range []string{"panic: ", "\ngoroutine "} {
		if strings.Contains(log, sign) {
			found = append(found, fmt.Sprintf("the gateway's output contains %q", sign))
		}
	}
	return found
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}

func (g *Gateway) write(caddyfile string) {
	g.t.Helper()
	if err := os.WriteFile(g.file, []byte(caddyfile), 0o600); err != nil {
		g.t.Fatalf("writing the Caddyfile: %v", err)
	}
}

// Start starts a gateway that is not running and waits until it serves.
func (g *Gateway) Start() {
	g.t.Helper()
	before := strings.Count(g.out.String(), "serving initial configuration")
	g.cmd = exec.Command(binary(g.t, g.plain), "run", "--config", g.file, "--adapter", "caddyfile")
	g.cmd.Env, g.cmd.Stdout, g.cmd.Stderr = g.env, g.out, g.out
	dieWithParent(g.cmd)
	if err := g.cmd.Start(); err != nil {
		g.t.Fatalf("starting the gateway: %v", err)
	}
	ended := make(chan struct{})
	g.ended = ended
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(ended) }(g.cmd)
	up := Holds(Patience, func() bool {
		return g.gone() || strings.Count(g.out.String(), "serving initial configuration") > before
	})
	if g.gone() || !up {
		g.t.Fatalf("the gateway does not start:\n%s", tail(g.out.String(), 12000))
	}
	g.awaitProbe()
}

func (g *Gateway) awaitProbe() {
	g.t.Helper()
	if g.probe == "" {
		return
	}
	c := NewHTTP(g.t)
	Until(g.t, Patience, g.probe+" answers", func() bool {
		_, err := c.Try(Call{URL: g.probe})
		return err == nil
	})
}

func (g *Gateway) gone() bool {
	select {
	case <-g.ended:
		return true
	default:
		return false
	}
}

// Stop ends the gateway as an operator would and waits for it.
func (g *Gateway) Stop() { g.t.Helper(); g.end(syscall.SIGTERM) }

// Kill ends the gateway as a power cut would.
func (g *Gateway) Kill() { g.t.Helper(); g.end(syscall.SIGKILL) }

// Pause makes the gateway hang: what is sent to it waits in the system, and nothing is answered.
func (g *Gateway) Pause() { g.t.Helper(); g.signal(syscall.SIGSTOP); g.paused = true }

// Resume ends a Pause.
func (g *Gateway) Resume() { g.t.Helper(); g.signal(syscall.SIGCONT); g.paused = false }

func (g *Gateway) signal(signal os.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(signal); err != nil {
		g.t.Errorf("signalling the gateway: %v", err)
	}
}

func (g *Gateway) end(signal os.Signal) {
	g.t.Helper()
	if g.cmd == nil || g.cmd.Process == nil {
		return
	}
	if err := g.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		g.t.Errorf("ending the gateway: %v", err)
	}
	select {
	case <-g.ended:
	case <-time.After(Patience):
		g.t.Error("the gateway does not end")
		_ = g.cmd.Process.Kill()
		<-g.ended
	}
}

// Restart stops the gateway and starts it again on the same files and ports.
func (g *Gateway) Restart() { g.t.Helper(); g.Stop(); g.Start() }

// Reload gives a running gateway another Caddyfile, as `caddy reload` does. An error is the gateway's refusal.
func (g *Gateway) Reload(caddyfile string) error {
	g.t.Helper()
	if status, answer := g.AskAdmin(http.MethodPost, "/load", caddyfile); status != http.StatusOK {
		return fmt.Errorf("%d: %s", status, answer)
	}
	g.write(caddyfile)
	return nil
}

// Command runs another subcommand of the same binary on the gateway's Caddyfile and returns what it printed.
func (g *Gateway) Command(name string, args ...string) (string, error) {
	g.t.Helper()
	return g.Ask(append([]string{name, "--config", g.file, "--adapter", "caddyfile"}, args...)...)
}

// Ask runs another subcommand of the same binary, which finds the running gateway by its admin address, and returns what
// it printed.
func (g *Gateway) Ask(args ...string) (string, error) {
	g.t.Helper()
	cmd := exec.Command(binary(g.t, g.plain), args...)
	cmd.Env = g.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Shell runs a script in a directory as a user types it: `latchkey` is the binary of the gateway and finds the running one, and
// the first command that fails ends it. curl fails if it is answered with an error. It returns what was printed.
func (g *Gateway) Shell(dir, script string, env ...string) (string, error) {
	g.t.Helper()
	path := filepath.Join(g.dir, "bin")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", err
	}
	command := filepath.Join(path, "latchkey")
	if _, err := os.Lstat(command); err != nil {
		if err := os.Symlink(binary(g.t, g.plain), command); err != nil {
			return "", err
		}
	}
	const strict = "set -euo pipefail\ncurl() { command curl --fail-with-body --no-progress-meter \"$@\"; }\n"
	cmd := exec.Command(program(g.t, "bash"), "-c", strict+script)
	cmd.Dir = dir
	cmd.Env = append(append(cmd.Environ(), g.env...), append(env, fmt.Sprintf("PATH=%s:%s", path, os.Getenv("PATH")))...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
