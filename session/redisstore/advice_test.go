package redisstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// What an operator should know of a server is said, and nothing where the server does not tell.
func TestAdvice(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	says := func(when string, s *redisstore.Store, want ...string) {
		t.Helper()
		got, err := s.Advice(t.Context())
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %q, %v", when, got, err)
			return
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q, want %q", when, got[i], want[i])
			}
		}
	}
	says("as it should be", s)
	server.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	says("it would evict", s, "(maxmemory-policy allkeys-lru), and with them sessions: set maxmemory-policy noeviction; it has no maxmemory")
	server.Do("CONFIG", "SET", "maxmemory", "100mb")
	got, _ := s.Advice(t.Context())
	if len(got) != 1 || strings.Contains(got[0], "no maxmemory") {
		t.Errorf("it evicts: %q", got)
	}
	server.Do("REPLICAOF", "127.0.0.1", "1")
	says("a replica", s, "allkeys-lru", "is a replica")
	server.Do("REPLICAOF", "NO", "ONE")
	server.Do("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-info")
	if got, err := open(t, redisstore.Config{URL: server.URL(0), Username: "app", Password: "secret"}).Advice(t.Context()); err == nil || got != nil {
		t.Errorf("INFO is forbidden: %q, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Advice(t.Context()); !errors.Is(err, session.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
