package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"strconv"
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
		_, owned := s.Owned(t.Context(), "p:ada", 1)
		for call, err := range map[string]error{"append": s.Append(t.Context(), "day", oneEntry("x")), "before": before, "after": after, "len": length, "trim": trim, "owned": owned} {
			if !isUnavailable(err) {
				t.Errorf("%s: %s: %v", what, call, err)
			}
		}
	}
	server.Stop()
	all("down")
	server.Restart()
	server.Do("set", redisstore.DefaultKeyPrefix+"+day", "no stream")
	server.Do("set", redisstore.DefaultKeyPrefix+"=p:ada", "no set")
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

// What an owner has is noted after the entries are written. If that fails, Append does: the batch comes again and is there
// once, in the stream and for its owner.
func TestJournalOwnedAfterFailure(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	server.Do("set", redisstore.DefaultKeyPrefix+"=p:ada", "no set")
	b := oneEntry("mine")
	b.Values, b.Owners = append(b.Values, []byte("nobody's"), []byte("mine too")), []string{"p:ada", "", "p:ada"}
	if err := s.Append(t.Context(), "day", b); !isUnavailable(err) {
		t.Fatalf("append: %v", err)
	}
	server.Do("del", redisstore.DefaultKeyPrefix+"=p:ada")
	if err := s.Append(t.Context(), "day", oneEntry("later")); err != nil {
		t.Fatal(err)
	}
	b.Again = true
	if err := s.Append(t.Context(), "day", b); err != nil {
		t.Fatal(err)
	}
	found, err := s.Owned(t.Context(), "p:ada", 10)
	if n, _ := s.Len(t.Context(), "day"); err != nil || n != 4 || len(found) != 2 || string(found[0].Value) != "mine too" || string(found[1].Value) != "mine" {
		t.Errorf("%d entries, owned %v, %v", n, found, err)
	}
}

// The cost of finding a user's own entries: two round trips, for a log of any size; and a key of limited size.
func TestJournalOwnedCost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	b := journal.Batch{Until: time.Now().Add(time.Hour), Most: 1 << 20}
	for i := range 4 * journal.MaxOwned {
		b.Values, b.Owners = append(b.Values, fmt.Appendf(nil, "%d", i)), append(b.Owners, "p:ada")
	}
	for range 2 {
		if err := s.Append(t.Context(), "sign-ins:2026-11-28", b); err != nil {
			t.Fatal(err)
		}
	}
	size, _ := server.Do("memory", "usage", redisstore.DefaultKeyPrefix+"=p:ada", "samples", "0").(int64)
	t.Logf("%d bytes for %d entries", size, journal.MaxOwned)
	if size <= 0 || size > 5<<10 {
		t.Errorf("%d bytes for %d entries", size, journal.MaxOwned)
	}
	server.Do("config", "resetstat")
	if found, err := s.Owned(t.Context(), "p:ada", 10); err != nil || len(found) != 10 {
		t.Errorf("%d, %v", len(found), err)
	}
	asked := map[string]bool{}
	for name := range commandsOf(server) {
		asked[name] = true
	}
	if asked["xrevrange"] || asked["scan"] || asked["keys"] || !asked["zrange"] || !asked["xrange"] {
		t.Errorf("asked %v", asked)
	}
}

// A stream keeps its TTL while a process appends to it again and again, gets a longer one where it is to last longer, and
// has one again after the server has forgotten everything.
func TestJournalTTL(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	lasts := func(what string, want time.Duration) {
		t.Helper()
		if ttl := server.Keys(0, redisstore.DefaultKeyPrefix+"+")[redisstore.DefaultKeyPrefix+"+day"]; ttl <= want-time.Minute || ttl > want {
			t.Errorf("%s: a TTL of %v, want %v", what, ttl, want)
		}
	}
	b := oneEntry("x")
	add := func() {
		t.Helper()
		if err := s.Append(t.Context(), "day", b); err != nil {
			t.Fatal(err)
		}
	}
	add()
	add()
	lasts("at first", time.Hour)
	b.Until = b.Until.Add(time.Hour)
	add()
	lasts("to last longer", 2*time.Hour)
	server.Do("flushall")
	add()
	lasts("after a loss", 2*time.Hour)
	server.Do("config", "resetstat")
	add()
	if asked := commandsOf(server); asked["pexpire"] {
		t.Error("a TTL that is set is set again")
	}
}

// The TTL of an owner's set is set by the first entry that lasts so long, and not by those that follow. What shows it is no
// entry, also for an earlier version, and takes the place of none.
func TestJournalOwnedTTL(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	const key = redisstore.DefaultKeyPrefix + "=p:ada"
	until, n := time.Now().Add(time.Hour), 0
	add := func(stream string, want int) {
		t.Helper()
		n++
		b := journal.Batch{Values: [][]byte{fmt.Appendf(nil, "%d", n)}, Owners: []string{"p:ada"}, Until: until, Most: 1 << 20}
		before := executed(t, server, "pexpire")
		if err := s.Append(t.Context(), stream, b); err != nil {
			t.Fatal(err)
		}
		if got := executed(t, server, "pexpire") - before; got != want {
			t.Errorf("entry %d: a TTL is set %d times, want %d", n, got, want)
		}
		if ttl := server.Keys(0, key)[key]; ttl < time.Until(until)-time.Minute || ttl > time.Until(until)+time.Minute {
			t.Errorf("entry %d: the set lasts for %v, want %v", n, ttl, time.Until(until))
		}
	}
	add("day1", 2) // that of the stream too
	add("day1", 0)
	until = until.Add(24 * time.Hour)
	add("day2", 2)
	add("day2", 0)
	server.Do("zrem", key, "b0-1 ")
	add("day2", 1)
	for range 3 * journal.MaxOwned {
		add("day2", 0)
	}
	for _, limit := range []int{1, 2, journal.MaxOwned} {
		found, err := s.Owned(t.Context(), "p:ada", limit)
		if err != nil || len(found) != limit || string(found[0].Value) != strconv.Itoa(n) {
			t.Errorf("%d of %d, %v", len(found), limit, err)
		}
	}
	if at, err := journal.ParsePosition(strings.TrimSuffix("b0-1 "[1:], " ")); err != nil || at.IsZero() {
		t.Errorf("an earlier version cannot read the mark: %v", err)
	}
}

// Every stream is a key of its own, so that a cluster spreads the days.
func TestJournalKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	for day := range 3 {
		if err := s.Append(t.Context(), fmt.Sprintf("day%d", day), oneEntry("x")); err != nil {
			t.Fatal(err)
		}
	}
	owned := oneEntry("mine")
	owned.Owners = []string{"p:ada"}
	if err := s.Append(t.Context(), "day0", owned); err != nil {
		t.Fatal(err)
	}
	keys := server.Keys(0, redisstore.DefaultKeyPrefix+"+")
	if len(keys) != 3 {
		t.Errorf("keys %v", keys)
	}
	mine := server.Keys(0, redisstore.DefaultKeyPrefix+"=")
	if len(mine) != 1 {
		t.Errorf("keys of owners %v", mine)
	}
	maps.Copy(keys, mine)
	for key, ttl := range keys {
		if ttl <= 59*time.Minute || ttl > time.Hour {
			t.Errorf("%s has a TTL of %v", key, ttl)
		}
	}
}
