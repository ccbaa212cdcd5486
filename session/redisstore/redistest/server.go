package redistest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config says how a server differs from a plain one. The zero value is a plain one.
type Config struct {
	// Password is what clients must present; empty means none.
	Password string
	// TLS serves TLS only, with a certificate for 127.0.0.1 of a CA made for this server; see Server.TLS.
	TLS bool
	// Args are added to the command line, for instance "--maxmemory", "10mb".
	Args []string
}

// Server is a running redis-server that ends with the test.
type Server struct {
	Addr     string // host:port on the loopback interface
	Password string
	TLS      *TLS // nil without Config.TLS

	t       testing.TB
	args    []string
	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{}
	output  *buffer
	control *redis.Client // the test's own connection, beside what is tested
}

// Start starts a plain server.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, Config{})
}

// StartWith starts a server and waits until it answers.
func StartWith(t testing.TB, cfg Config) *Server {
	t.Helper()
	port := freePort(t)
	dir := t.TempDir()
	s := newServer(t, port)
	s.Password = cfg.Password
	s.args = []string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir, "--daemonize", "no"}
	if cfg.Password != "" {
		s.args = append(s.args, "--requirepass", cfg.Password)
	}
	if cfg.TLS {
		s.TLS = newTLS(t, dir)
		s.args = append(s.args, "--port", "0", "--tls-port", strconv.Itoa(port), "--tls-cert-file", s.TLS.CertFile,
			"--tls-key-file", s.TLS.KeyFile, "--tls-ca-cert-file", s.TLS.CAFile, "--tls-auth-clients", "no")
	} else {
		s.args = append(s.args, "--port", strconv.Itoa(port))
	}
	s.args = append(s.args, cfg.Args...)
	s.begin()
	return s
}

func newServer(t testing.TB, port int) *Server {
	return &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), t: t}
}

// begin starts what newServer made, for as long as the test lasts.
func (s *Server) begin() {
	s.t.Helper()
	s.control = s.client()
	s.t.Cleanup(func() {
		_ = s.control.Close()
		s.Stop()
	})
	s.launch()
}

// given are the ports that freePort has returned.
var given sync.Map

// freePort asks the system for a port that no process uses, and returns none twice: a returned port may not be in use
// yet.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close() // only asked for its number
		if _, twice := given.LoadOrStore(port, true); !twice {
			return port
		}
	}
}

func (s *Server) client() *redis.Client {
	opt := &redis.Options{Addr: s.Addr, Password: s.Password, Protocol: 2, DisableIdentity: true, DialerRetries: 1, MaxRetries: -1, ContextTimeoutEnabled: true}
	if s.TLS != nil {
		opt.TLSConfig = &tls.Config{RootCAs: s.TLS.Pool, MinVersion: tls.VersionTLS12}
	}
	return redis.NewClient(opt)
}

func (s *Server) launch() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is missing: install it (Debian, Ubuntu: apt-get install redis-server) and run the tests again")
	}
	cmd := exec.Command(path, s.args...) //nolint:gosec // the tests' own arguments
	output := &buffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("starting redis-server: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	s.mu.Lock()
	s.cmd, s.exited, s.output = cmd, exited, output
	s.mu.Unlock()

	deadline := time.After(15 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.control.Ping(ctx).Err()
		cancel()
		if err == nil {
			return
		}
		select {
		case <-exited:
			s.t.Fatalf("redis-server ended at once:\n%s", output)
		case <-deadline:
			s.t.Fatalf("redis-server does not answer: %v\n%s", err, output)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop kills the server, as a crash does. What it held is lost, unless it keeps it on disk.
func (s *Server) Stop() {
	s.mu.Lock()
	cmd, exited := s.cmd, s.exited
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-exited
}

// Restart starts the server again on its port, empty unless it keeps something on disk, after Stop or in place of the running one.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.launch()
}

// Pause makes the server hang: connections are accepted by the system, and nothing is ever answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		s.t.Fatal("redis-server is not running")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// URL is the server's address for database db, password included.
func (s *Server) URL(db int) string {
	scheme, user := "redis", ""
	if s.TLS != nil {
		scheme = "rediss"
	}
	if s.Password != "" {
		user = ":" + s.Password + "@"
	}
	return fmt.Sprintf("%s://%s%s/%d", scheme, user, s.Addr, db)
}

// Do runs a command on database 0 over the test's own connection and returns the answer as it came.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	v, err := s.control.Do(context.Background(), args...).Result()
	if err != nil {
		s.t.Fatalf("redis %v: %v", args[0], err)
	}
	return v
}

// Try is Do for a server that may be away: it waits for at most half a second.
func (s *Server) Try(args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	return s.control.Do(ctx, args...).Result()
}

// Output is what the running server has printed since it was started, or the last one before it was stopped.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

// buffer keeps what the server says while it is read from another goroutine.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
