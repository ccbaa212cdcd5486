package rig

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// idleRedis are the addresses of servers that tests have given back, empty.
var idleRedis struct {
	sync.Mutex
	list []string
}

// Redis returns the address of an empty Redis server on a loopback port, which keeps nothing on disk. The server is the
// test's own until the test ends; then it is emptied, and another test gets it. A test asks for it before it starts the gateway
// that uses it: the end of a test goes backwards.
func Redis(t testing.TB) string {
	t.Helper()
	addr := takeRedis()
	if addr == "" {
		addr = startRedis(t)
	}
	t.Cleanup(func() {
		if emptied(addr) {
			idleRedis.Lock()
			defer idleRedis.Unlock()
			idleRedis.list = append(idleRedis.list, addr)
		}
	})
	return addr
}

func takeRedis() string {
	idleRedis.Lock()
	defer idleRedis.Unlock()
	n := len(idleRedis.list)
	if n == 0 {
		return ""
	}
	addr := idleRedis.list[n-1]
	idleRedis.list = idleRedis.list[:n-1]
	return addr
}

// emptied ends all connections to a server and makes it forget what it holds: data, scripts and statistics. It reports
// false for a server that does not do that, such as one that a test has given a password.
func emptied(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(Patience))
	commands := []string{"CLIENT KILL TYPE normal", "CLIENT KILL TYPE pubsub", "FLUSHALL", "SCRIPT FLUSH", "CONFIG RESETSTAT"}
	if _, err := io.WriteString(c, strings.Join(commands, "\r\n")+"\r\nQUIT\r\n"); err != nil {
		return false
	}
	raw, err := io.ReadAll(c)
	return err == nil && strings.Count(string(raw), "+OK") == 4 && !strings.Contains("\n"+string(raw), "\n-")
}

// startRedis starts a server that ends with the run.
func startRedis(t testing.TB) string {
	t.Helper()
	port := FreePort(t)
	out := &lockedBuffer{}
	dir, err := os.MkdirTemp("", "latchkey-redis-")
	if err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	cmd := exec.Command(program(t, "redis-server", "valkey-server"), "--port", fmt.Sprint(port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", dir)
	cmd.Stdout, cmd.Stderr = out, out
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	onExit(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	up := Holds(Patience, func() bool {
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
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		t.Fatalf("connecting to redis: %v", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(Patience))
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
