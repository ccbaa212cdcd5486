package tryout

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

// Process is a running program.
type Process struct {
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

// Start starts a program in a folder and waits until it listens on the loopback port.
func Start(t testing.TB, dir string, port int, env []string, program string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(program, args...), ended: make(chan struct{})} //nolint:gosec // a program that this command has installed
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = 5 * time.Second // a child of the program may keep its output open
	p.cmd.SysProcAttr = endWithParent()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	if !rig.Holds(60*time.Second, func() bool { return p.gone() || Listens(port) }) || p.gone() {
		t.Fatalf("%s does not start: %s", program, p.out.tail(4000))
	}
	return p
}

// Listens reports whether a loopback port accepts connections.
func Listens(port int) bool {
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (p *Process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Stop ends the process and waits for it.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if p == nil || p.gone() {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("ending the program: %v", err)
	}
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	t.Logf("the program said:\n%s", p.out.tail(6000))
}

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }
