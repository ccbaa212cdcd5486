package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// process is a running provider.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	out   output
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.buf.Bytes()
	return string(b[max(0, len(b)-n):])
}

// startProcess starts a program in a folder and waits until it listens on the loopback port.
func startProcess(t testing.TB, dir string, port int, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), ended: make(chan struct{})} //nolint:gosec // a program that this command has installed
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = endWithParent()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	if !rig.Holds(60*time.Second, func() bool { return p.gone() || listens(port) }) || p.gone() {
		t.Fatalf("%s does not start: %s", program, p.out.tail(4000))
	}
	return p
}

func listens(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// stop ends the process and waits for it.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if p == nil || p.gone() {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("ending the provider: %v", err)
	}
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	t.Logf("the provider said:\n%s", p.out.tail(6000))
}
