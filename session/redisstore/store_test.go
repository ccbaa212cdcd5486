package redisstore_test

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestMain(m *testing.M) {
	redisstore.LogTo(func(string) {})
	// The client looks once a second whether a server is back, and then whether it was closed itself.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func open(t *testing.T, cfg redisstore.Config) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// contract runs the suite on the servers, which are one database: each subject has a prefix and a twin of its own, and
// time passes by ageing the keys on the servers. Afterwards every key has a TTL.
func contract(t *testing.T, cfg redisstore.Config, db int, servers ...*redistest.Server) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		var passed atomic.Int64
		cfg := cfg
		cfg.KeyPrefix = "t" + rand.Text() + ":"
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		return storetest.Subject{Store: open(t, cfg), Twin: open(t, cfg), Now: cfg.Now, Advance: func(d time.Duration) {
			passed.Add(int64(d))
			for _, s := range servers {
				s.Age(db, cfg.KeyPrefix, d)
			}
		}}
	})
	keys := 0
	for _, s := range servers {
		for key, ttl := range s.Keys(db, "") {
			if keys++; ttl <= 0 {
				t.Errorf("%s has no TTL", key)
			}
		}
	}
	if keys < 50 {
		t.Errorf("%d keys are left to look at", keys)
	}
}

func TestContract(t *testing.T) {
	server := redistest.Start(t)
	contract(t, redisstore.Config{URL: server.URL(0)}, 0, server)
}

func TestContractPasswordAndDatabase(t *testing.T) {
	server := redistest.StartWith(t, redistest.Config{Password: "pässword%/@:"})
	contract(t, redisstore.Config{URL: fmt.Sprintf("redis://%s/3", server.Addr), Password: server.Password}, 3, server)
	if keys := server.Keys(0, ""); len(keys) > 0 {
		t.Errorf("%d keys in database 0", len(keys))
	}
}

func TestContractTLS(t *testing.T) {
	server := redistest.StartWith(t, redistest.Config{TLS: true, Password: "secret"})
	contract(t, redisstore.Config{URL: server.URL(0), TLS: &tls.Config{RootCAs: server.TLS.Pool, MinVersion: tls.VersionTLS12}}, 0, server)

	for name, roots := range map[string]*tls.Config{"system roots": nil, "another name": {RootCAs: server.TLS.Pool, ServerName: "other.test", MinVersion: tls.VersionTLS12}} {
		s := open(t, redisstore.Config{URL: server.URL(0), TLS: roots})
		if err := s.Ping(t.Context()); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("%s: a certificate that does not verify: %v", name, err)
		}
	}
	named := open(t, redisstore.Config{URL: server.URL(0), TLS: &tls.Config{RootCAs: server.TLS.Pool, ServerName: "redis.test", MinVersion: tls.VersionTLS12}})
	if err := named.Ping(t.Context()); err != nil {
		t.Errorf("server name: %v", err)
	}
}

func TestContractCluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3)
	contract(t, redisstore.Config{Cluster: []string{nodes[0].Addr}}, 0, nodes...)
	for _, node := range nodes {
		if len(node.Keys(0, "")) == 0 {
			t.Errorf("%s holds nothing: the keys do not spread over the slots", node.Addr)
		}
	}
}

func entry(key session.Key) session.Entry {
	return session.Entry{Key: key, Value: []byte("value"), Expires: time.Now().Add(time.Hour)}
}

// The server really forgets, by its own clock and without help.
func TestServerExpires(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	e := entry("s:short")
	e.Expires = time.Now().Add(150 * time.Millisecond)
	if err := s.Create(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := s.Enlist(t.Context(), "u:a", e.Key, e.Expires); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Keys(0, redisstore.DefaultKeyPrefix)); n != 2 {
		t.Fatalf("%d keys, want 2", n)
	}
	within(t, func() bool {
		_, err := s.Get(t.Context(), e.Key)
		return errors.Is(err, session.ErrNotFound) && len(server.Keys(0, "")) == 0
	})
}

// patience is how long a test waits for what is to happen in a moment: a machine under load takes its time.
const patience = time.Minute

// within polls until the condition holds.
func within(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not within %v", patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A gateway whose clock is wrong by an hour neither loses nor prolongs what another one wrote.
func TestClocksApart(t *testing.T) {
	server := redistest.Start(t)
	good := open(t, redisstore.Config{URL: server.URL(0)})
	ahead := open(t, redisstore.Config{URL: server.URL(0), Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if err := good.Create(t.Context(), entry("s:a")); err != nil {
		t.Fatal(err)
	}
	if _, err := ahead.Get(t.Context(), "s:a"); err != nil {
		t.Fatalf("a clock ahead ends another's entry: %v", err)
	}
	if err := ahead.Create(t.Context(), entry("s:b")); err == nil {
		t.Fatal("an end that lies behind, by this clock, was taken")
	}
}

// A server without scripts in its cache (new, or flushed) gets them by itself.
func TestScriptsAreForgotten(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	for round := range 2 {
		e := entry(session.Key(fmt.Sprintf("s:%d", round)))
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		e.Version = 1
		if _, err := s.Replace(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if err := s.Enlist(t.Context(), "u:a", e.Key, e.Expires); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Remove(t.Context(), e.Key); err != nil {
			t.Fatal(err)
		}
		server.Do("script", "flush")
	}
}

// Something else in the database under our name is an error, and is never taken for absence.
func TestForeignData(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	server.Do("set", "latchkey:s:short", "x", "ex", "100")
	server.Do("rpush", "latchkey:s:list", "x")
	server.Do("set", "latchkey:~u:string", "x", "ex", "100")
	for _, key := range []session.Key{"s:short", "s:list"} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNotFound) {
			t.Errorf("get %s: %v", key, err)
		}
	}
	if _, err := s.Members(t.Context(), "u:string", time.Time{}, 1); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("members: %v", err)
	}
}

// Design section 10, and the promise of one command a method: what the server is asked for one session, and what it
// then holds.
func TestCommandsAndMemory(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	run := func(i int) {
		e := entry(session.Key(fmt.Sprintf("s:%022d", i)))
		e.Value = make([]byte, 700)
		if err := s.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), e.Key); err != nil {
			t.Fatal(err)
		}
		if err := s.Enlist(t.Context(), session.Key(fmt.Sprintf("u:%022d", i)), e.Key, e.Expires); err != nil {
			t.Fatal(err)
		}
	}
	run(0)
	server.Do("config", "resetstat")
	run(1)
	stats := server.Do("info", "commandstats").(string)
	for _, unwanted := range []string{"client", "hello", "select", "auth", "ping", "multi"} {
		if strings.Contains(stats, "cmdstat_"+unwanted) {
			t.Errorf("the server was asked for more than was needed:\n%s", stats)
		}
	}
	before := used(t, server)
	const n = 5000
	for i := range n {
		run(i + 2)
	}
	each := (used(t, server) - before) / n
	t.Logf("%d bytes for a session of 700 bytes and its index", each)
	if each > 1500 {
		t.Errorf("%d bytes for a session of 700 bytes and its index", each)
	}
}

func used(t *testing.T, server *redistest.Server) (n int) {
	t.Helper()
	for line := range strings.Lines(server.Do("info", "memory").(string)) {
		if _, err := fmt.Sscanf(line, "used_memory:%d", &n); err == nil {
			return n
		}
	}
	t.Fatal("no used_memory")
	return 0
}
