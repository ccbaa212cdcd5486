package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// calls is every method, each on what exists while the server runs.
func calls(ctx context.Context, s *redisstore.Store) map[string]func() error {
	e := entry("s:a")
	e.Version = 1
	return map[string]func() error{
		"create":  func() error { return s.Create(ctx, entry("s:b")) },
		"get":     func() error { _, err := s.Get(ctx, "s:a"); return err },
		"stamp":   func() error { _, err := s.Stamp(ctx, "s:a"); return err },
		"replace": func() error { _, err := s.Replace(ctx, e); return err },
		"remove":  func() error { _, err := s.Remove(ctx, "s:c"); return err },
		"enlist":  func() error { return s.Enlist(ctx, "u:a", "s:a", e.Expires) },
		"members": func() error { _, err := s.Members(ctx, "u:a", time.Time{}, 10); return err },
		"delist":  func() error { return s.Delist(ctx, "u:a", "s:z") },
		"ping":    func() error { return s.Ping(ctx) },
	}
}

// unavailable holds that every method says so, and within the bound; or only the named ones, where each takes long.
func unavailable(t *testing.T, s *redisstore.Store, bound time.Duration, only ...string) {
	t.Helper()
	for name, call := range calls(t.Context(), s) {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		start := time.Now()
		err := call()
		took := time.Since(start)
		if !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrConflict) {
			t.Errorf("%s: %v, want %v", name, err, session.ErrUnavailable)
		}
		if took > bound {
			t.Errorf("%s: took %v, want at most %v", name, took, bound)
		}
	}
}

// callBound is the two seconds that every call is held to, and some for a busy machine.
const callBound = 2500 * time.Millisecond

// Promise 2: an outage is not a sign-out, and its end needs no action.
func TestServerDownAndBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	if err := s.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	unavailable(t, s, time.Second) // refused connections are known at once
	server.Restart()
	within(t, func() bool { return s.Ping(t.Context()) == nil })
	if err := s.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatalf("after the outage: %v", err)
	}
}

// Opening needs no server; a gateway starts before its Redis.
func TestOpenedWhileDown(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Stop()
	s := open(t, redisstore.Config{URL: server.URL(0)})
	unavailable(t, s, time.Second)
	server.Restart()
	within(t, func() bool { return s.Ping(t.Context()) == nil })
}

func TestServerHangs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	for _, key := range []session.Key{"s:a", "s:c"} {
		if err := s.Create(t.Context(), entry(key)); err != nil {
			t.Fatal(err)
		}
	}
	server.Pause()
	unavailable(t, s, callBound)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := s.Get(ctx, "s:a"); !errors.Is(err, session.ErrUnavailable) || time.Since(start) > 400*time.Millisecond {
		t.Errorf("a request's own deadline of 50 ms: %v after %v", err, time.Since(start))
	}
	server.Resume()
	within(t, func() bool { return s.Ping(t.Context()) == nil })
	if _, err := s.Get(t.Context(), "s:a"); err != nil {
		t.Fatalf("after the outage: %v", err)
	}
}

// A write whose answer gets lost is not sent again: the second Create would lose against the first, the second Remove
// would find nothing, and both answers would be wrong about who won.
func TestWritesAreSentOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	lost := redistest.NewLine(t, redistest.Breaks, server.Addr)
	s := open(t, redisstore.Config{URL: "redis://" + lost.Addr})
	if err := s.Create(t.Context(), entry("s:a")); err != nil { // a connection is there now
		t.Fatal(err)
	}
	replaced := entry("s:a")
	replaced.Version, replaced.Value = 1, []byte("second")
	for name, call := range map[string]func() error{
		"create":  func() error { return s.Create(t.Context(), entry("s:b")) },
		"replace": func() error { _, err := s.Replace(t.Context(), replaced); return err },
		"remove":  func() error { _, err := s.Remove(t.Context(), "s:c"); return err },
	} {
		// The scripts are known to the server, so that the answer that gets lost is the answer.
		_, _ = s.Replace(t.Context(), session.Entry{Key: "s:none", Version: 1, Expires: replaced.Expires})
		_, _ = s.Remove(t.Context(), "s:none")
		if name == "remove" {
			if err := s.Create(t.Context(), entry("s:c")); err != nil {
				t.Fatal(err)
			}
		}
		lost.LoseNext.Store(true)
		if err := call(); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrConflict) || errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v, want %v", name, err, session.ErrUnavailable)
		}
	}
	if _, err := s.Get(t.Context(), "s:b"); err != nil {
		t.Errorf("the create was carried out: %v", err)
	}
	if e, err := s.Get(t.Context(), "s:a"); err != nil || e.Version != 2 {
		t.Errorf("the replace was carried out: version %d, %v", e.Version, err)
	}
	if _, err := s.Get(t.Context(), "s:c"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the remove was carried out: %v", err)
	}
	lost.LoseNext.Store(true)
	if _, err := s.Get(t.Context(), "s:a"); err != nil {
		t.Errorf("a read is tried again: %v", err)
	}
}

// A server that cannot be reached at all: the time for connecting is limited.
func TestServerSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's own
	for name, cfg := range map[string]redisstore.Config{
		"plain":    {URL: "redis://" + l.Addr().String()},
		"tls":      {URL: "rediss://" + l.Addr().String()},
		"sentinel": {Master: "mymaster", Sentinels: []string{l.Addr().String()}},
		"cluster":  {Cluster: []string{l.Addr().String()}},
	} {
		t.Run(name, func(t *testing.T) { unavailable(t, open(t, cfg), callBound, "create", "get", "stamp") })
	}
}

// Sentinel: the master dies, the replica takes over, and the same store goes on with what was replicated.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	set := redistest.StartSentinel(t)
	s := open(t, redisstore.Config{Master: set.Master, Sentinels: []string{set.Sentinel.Addr}})
	if err := s.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatal(err)
	}
	within(t, func() bool { return len(set.Second.Keys(0, "")) == 1 })
	set.First.Stop()
	unavailable(t, s, callBound, "get", "stamp", "create")
	taken(t, s, "s:b")
	if e, err := s.Get(t.Context(), "s:a"); err != nil || string(e.Value) != "value" {
		t.Fatalf("after the failover: %q, %v", e.Value, err)
	}
}

// taken waits until the store takes an entry. One whose answer was lost is there already when it is tried again.
func taken(t *testing.T, s *redisstore.Store, key session.Key) {
	t.Helper()
	within(t, func() bool {
		err := s.Create(t.Context(), entry(key))
		return err == nil || errors.Is(err, session.ErrConflict)
	})
}

// Full, loading, demoted: whatever the server says beside an answer is an outage.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.StartWith(t, redistest.Config{Args: []string{"--maxmemory-policy", "noeviction"}})
	s := open(t, redisstore.Config{URL: server.URL(0)})
	if err := s.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatal(err)
	}
	server.Do("config", "set", "maxmemory", "1")
	if err := s.Create(t.Context(), entry("s:b")); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("full: %v", err)
	}
	if _, err := s.Get(t.Context(), "s:a"); err != nil {
		t.Errorf("full: reading: %v", err)
	}
	server.Do("config", "set", "maxmemory", "0")
	server.Do("replicaof", "127.0.0.1", "1")
	if err := s.Create(t.Context(), entry("s:b")); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("demoted: %v", err)
	}
	if _, err := s.Remove(t.Context(), "s:a"); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("demoted: %v", err)
	}
	server.Do("replicaof", "no", "one")
	taken(t, s, "s:b")
}

// No error contains a password, whichever error it wraps.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-and-more"
	server := redistest.StartWith(t, redistest.Config{Password: "another"})
	echo := echoServer(t)
	for name, cfg := range map[string]redisstore.Config{
		"wrong password":         {URL: fmt.Sprintf("redis://:%s@%s/0", secret, server.Addr)},
		"wrong user":             {URL: fmt.Sprintf("redis://someone:%s@%s/0", secret, server.Addr)},
		"down":                   {URL: fmt.Sprintf("redis://:%s@127.0.0.1:1/0", secret)},
		"a server that quotes":   {URL: fmt.Sprintf("redis://:%s@%s/0", secret, echo)},
		"a sentinel that quotes": {Master: "m", Sentinels: []string{echo}, SentinelPassword: secret},
	} {
		s := open(t, cfg)
		for call, f := range calls(t.Context(), s) {
			if err := f(); !errors.Is(err, session.ErrUnavailable) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %s: %v", name, call, err)
			}
		}
	}
}

// echoServer answers everything with an error that quotes what it got, as servers do that do not know a command.
func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close() //nolint:errcheck // a test's own
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					said := strings.NewReplacer("\r", " ", "\n", " ").Replace(string(buf[:n]))
					for range strings.Count(said, "*") {
						if _, err := fmt.Fprintf(c, "-ERR unknown command, with args beginning with: %s\r\n", said); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
