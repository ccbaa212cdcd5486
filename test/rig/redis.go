package rig

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Redis starts a Redis server on a free loopback port, keeping nothing on disk, and returns its address. It ends with
// the test.
func Redis(t testing.TB) string {
	t.Helper()
	port := FreePort(t)
	out := &lockedBuffer{}
	cmd := exec.Command(program(t, "redis-server", "valkey-server"), "--port", fmt.Sprint(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())
	cmd.Stdout, cmd.Stderr = out, out
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	up := Holds(10*time.Second, func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
	if !up {
		t.Fatalf("redis-server does not start:\n%s", out.String())
	}
	return addr
}

// RedisCommand sends one inline command, such as "DBSIZE", and returns the first line of the answer.
func RedisCommand(t testing.TB, addr, command string) string {
	t.Helper()
	lines := RedisLines(t, addr, command)
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// RedisLines sends one inline command and returns the answer's lines without the lengths of the protocol.
func RedisLines(t testing.TB, addr, command string) []string {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatalf("connecting to redis: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(c, "%s\r\nQUIT\r\n", command); err != nil {
		t.Fatalf("asking redis: %v", err)
	}
	return replies(t, c)
}

// replies reads until the server closes the connection and drops the answer to QUIT.
func replies(t testing.TB, c net.Conn) []string {
	t.Helper()
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("asking redis: %v", err)
	}
	var out []string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		if line != "" && !strings.ContainsAny(line[:1], "*$") {
			out = append(out, line)
		}
	}
	return out[:len(out)-1]
}
