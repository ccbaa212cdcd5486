package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal/journaltest"
)

// journalContract runs the suite like contract does for sessions.
func journalContract(t *testing.T, cfg redisstore.Config, servers ...*redistest.Server) {
	journaltest.Run(t, func(t *testing.T) journaltest.Subject {
		var passed atomic.Int64
		cfg := cfg
		cfg.KeyPrefix = "t" + rand.Text() + ":"
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		s := open(t, cfg)
		return journaltest.Subject{
			Journal: s, Twin: open(t, cfg), Close: func() { _ = s.Close() }, Now: cfg.Now,
			Advance: func(d time.Duration) {
				passed.Add(int64(d))
				for _, server := range servers {
					server.Age(0, cfg.KeyPrefix, d)
				}
			},
		}
	})
	keys := 0
	for _, server := range servers {
		for key, ttl := range server.Keys(0, "") {
			if keys++; ttl <= 0 {
				t.Errorf("%s has no TTL", key)
			}
		}
	}
	if keys < 15 {
		t.Errorf("%d keys are left to look at", keys)
	}
}

func TestJournalContract(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	journalContract(t, redisstore.Config{URL: server.URL(0)}, server)
}

func TestJournalContractCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3)
	journalContract(t, redisstore.Config{Cluster: []string{nodes[0].Addr}}, nodes...)
}

func oneEntry(value string) journal.Batch {
	return journal.Batch{Values: [][]byte{[]byte(value)}, Until: time.Now().Add(time.Hour), Most: 10}
}

// A server that is down, hanging or full is an outage and never an empty log, and what it refused it has not written.
func TestJournalOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	all := func(what string) {
		t.Helper()
		_, before := s.Before(t.Context(), "day", journal.Position{}, 1)
		_, after := s.After(t.Context(), "day", journal.Position{}, 1)
		_, length := s.Len(t.Context(), "day")
		_, trim := s.Trim(t.Context(), "day", 1)
		for call, err := range map[string]error{"append": s.Append(t.Context(), "day", oneEntry("x")), "before": before, "after": after, "len": length, "trim": trim} {
			if !isUnavailable(err) {
				t.Errorf("%s: %s: %v", what, call, err)
			}
		}
	}
	server.Stop()
	all("down")
	server.Restart()
	server.Do("set", redisstore.DefaultKeyPrefix+"+day", "no stream")
	all("another type")
	server.Do("flushall")
	server.Do("config", "set", "maxmemory", "1")
	b := oneEntry("first")
	b.Values = append(b.Values, []byte("second"))
	if err := s.Append(t.Context(), "day", b); !isUnavailable(err) {
		t.Errorf("full: %v", err)
	}
	server.Do("config", "set", "maxmemory", "0")
	if n, err := s.Len(t.Context(), "day"); n != 0 || err != nil {
		t.Errorf("a full server wrote %d entries: %v", n, err)
	}
}

func isUnavailable(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), session.ErrUnavailable.Error())
}

// An Append that hangs is answered in time, and may have been carried out: repeated, it is there once.
func TestJournalAgainAfterHang(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	if err := s.Append(t.Context(), "day", oneEntry("before")); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	err := s.Append(ctx, "day", oneEntry("hangs"))
	cancel()
	server.Resume()
	if !isUnavailable(err) {
		t.Fatalf("append to a server that hangs: %v", err)
	}
	b := oneEntry("hangs")
	b.Again = true
	for i := range 3 {
		if err := s.Append(t.Context(), "day", b); err != nil {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if n, err := s.Len(t.Context(), "day"); n != 2 || err != nil {
		t.Errorf("%d entries, %v; want 2", n, err)
	}
}

// Every stream is a key of its own, so that a cluster spreads the days, and no script names two.
func TestJournalKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	for day := range 3 {
		if err := s.Append(t.Context(), fmt.Sprintf("day%d", day), oneEntry("x")); err != nil {
			t.Fatal(err)
		}
	}
	keys := server.Keys(0, redisstore.DefaultKeyPrefix+"+")
	if len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
	for key, ttl := range keys {
		if ttl <= 59*time.Minute || ttl > time.Hour {
			t.Errorf("%s has a TTL of %v", key, ttl)
		}
	}
}
