package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// node is a running node program of this folder. It ends when its standard input closes.
type node struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan []byte   // of standard output; closed at its end
	ended  chan struct{} // closed when the process is gone
	stderr *lockedBuffer
}

func startNode(t testing.TB, script string, args ...string) *node {
	t.Helper()
	cmd := exec.Command(program(t, "node"), append([]string{filepath.Join(directory(), script)}, args...)...)
	cmd.Dir = directory()
	n := &node{cmd: cmd, lines: make(chan []byte, 64), ended: make(chan struct{}), stderr: &lockedBuffer{}}
	cmd.Stderr = n.stderr
	dieWithParent(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("starting %s: %v", script, err)
	}
	if n.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatalf("starting %s: %v", script, err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", script, err)
	}
	go func() {
		defer close(n.ended)
		r := bufio.NewReaderSize(stdout, 1<<20)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				break
			}
			n.lines <- line
		}
		close(n.lines)
		_ = cmd.Wait()
	}()
	return n
}

// RunNode starts a node program of this folder, which needs a package of npm, for the time of the test. The result decodes the
// next line of JSON that the program prints.
func RunNode(t testing.TB, module, script string, args ...string) (read func(any)) {
	t.Helper()
	nodeModule(t, module)
	n := startNode(t, script, args...)
	t.Cleanup(n.stop)
	return func(v any) {
		t.Helper()
		if err := n.read(v); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
	}
}

// read decodes the next line of output.
func (n *node) read(v any) error {
	line, ok := <-n.lines
	if !ok {
		<-n.ended
		return fmt.Errorf("node has ended; it said: %s", n.stderr.String())
	}
	return json.Unmarshal(line, v)
}

// stop closes standard input and waits for the end, for at most ten seconds. A reader must still be there, or
// little be left to read.
func (n *node) stop() {
	_ = n.stdin.Close()
	select {
	case <-n.ended:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
	}
}

// lockedBuffer collects output that one goroutine writes and another reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// Reset forgets what was collected.
func (b *lockedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
