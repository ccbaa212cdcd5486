package signin

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// beside are commands of the test itself, of idle connections, and of the log's keeper, which counts entries once a minute
// whether users sign in or not.
var beside = []string{"info", "ping", "hello", "client|setinfo", "subscribe", "xlen"}

// commands are how often a server has executed each command, those inside of scripts included.
func commands(server *redistest.Server) map[string]int {
	said, _ := server.Do("info", "commandstats").(string)
	calls := map[string]int{}
	for line := range strings.SplitSeq(said, "\r\n") {
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok || slices.Contains(beside, name) {
			continue
		}
		count, _, _ := strings.Cut(rest, ",")
		calls[name], _ = strconv.Atoi(count)
	}
	return calls
}

// since returns what was executed more often than before, with the sum.
func since(before, after map[string]int) (sum int, list string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if n := after[name] - before[name]; n > 0 {
			sum, list = sum+n, list+fmt.Sprint(" ", name, " ", n)
		}
	}
	return sum, list
}

// storedAt is a gateway with a store by the real clock, and its stored log.
func storedAt(t *testing.T, store session.Store, entries journal.Journal) (*gateway, *signinlog.Log) {
	t.Helper()
	g := newGateway(t, func(s *settings) {
		s.clock.Advance(time.Since(s.clock.Now()))
		s.real, s.keepFor, s.prompt.SharedUsers = store, time.Minute, 2
	})
	l := signinlog.Open(signinlog.Config{Journal: entries, Keys: g.service.Keys})
	t.Cleanup(l.Close)
	g.log.next = l
	return g, l
}

// signInStored signs in from a new browser with the answer Yes, opens the page, and waits until that is in the stored
// log.
func (g *gateway) signInStored(l *signinlog.Log) {
	g.t.Helper()
	g.clock.Advance(time.Second)
	stored := l.Stats().Stored
	b := g.browser()
	b.answer(b.prompted("/page"), "yes")
	if r := b.get("/page"); r.body != "app: ada persistent" {
		g.t.Fatalf("after signing in: %d %q", r.status, r.body)
	}
	storetest.Until(g.t, "the sign-in is stored", func() bool { return l.Stats().Stored > stored })
}

// others creates sessions of other users, so that the lists exist.
func others(t *testing.T, store session.Store, keys *keyring.Ring) {
	t.Helper()
	m := session.NewManager(session.ManagerConfig{Store: store, Keys: keys})
	defer m.Close()
	var all sync.WaitGroup
	for part := range 8 {
		all.Go(func() {
			for i := range 400 {
				who := session.Identity{Issuer: "https://login.example.com", Subject: fmt.Sprint("other-", part, i)}
				if _, _, err := m.Create(context.Background(), session.Record{Provider: "example", Identity: who, Kind: session.Browser}, session.Tokens{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// What a sign-in with a prompt and a stored log asks of Redis: so many round trips, and so many commands as Redis counts
// them. A change that adds one changes these numbers.
func TestTripsOfASignIn(t *testing.T) {
	const (
		trips = 3
		most  = 14 // of most sign-ins
		all   = 19 // of those too that clean up after others, or are the first in a list
	)
	server := redistest.Start(t)
	meter := redistest.NewMeter(t, server)
	store, err := redisstore.Open(redisstore.Config{URL: "redis://" + meter.Addr + "/0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g, l := storedAt(t, store, store)
	others(t, store, g.service.Keys)
	g.signInStored(l) // the server learns the scripts
	var sums []int
	for range 9 {
		meter.Trips()
		before := commands(server)
		g.signInStored(l)
		sum, list := since(before, commands(server))
		asked := slices.DeleteFunc(meter.Trips(), func(trip []string) bool { return slices.Contains(beside, trip[0]) })
		if sums = append(sums, sum); len(asked) != trips || sum > all {
			t.Errorf("%d round trips %q, %d commands:%s; want %d and at most %d", len(asked), asked, sum, list, trips, all)
		}
	}
	if slices.Sort(sums); sums[len(sums)/2] > most {
		t.Errorf("%d commands, want %d", sums, most)
	}
	for key, ttl := range server.Keys(0, "") {
		if ttl <= 0 {
			t.Errorf("%s has no TTL", key)
		}
	}
}

// counted counts what a store writes.
type counted struct {
	*filestore.Store
	writes atomic.Int64
}

func (s *counted) Create(ctx context.Context, e session.Entry, in ...session.Listing) error {
	s.writes.Add(1)
	return s.Store.Create(ctx, e, in...)
}

func (s *counted) Apply(ctx context.Context, st session.Step) (session.Outcome, error) {
	s.writes.Add(1)
	return s.Store.Apply(ctx, st)
}

func (s *counted) Replace(ctx context.Context, e session.Entry) (uint64, error) {
	s.writes.Add(1)
	return s.Store.Replace(ctx, e)
}

func (s *counted) Remove(ctx context.Context, key session.Key, from ...session.Listing) (session.Entry, error) {
	s.writes.Add(1)
	return s.Store.Remove(ctx, key, from...)
}

func (s *counted) Enlist(ctx context.Context, index, member session.Key, until time.Time) error {
	s.writes.Add(1)
	return s.Store.Enlist(ctx, index, member, until)
}

func (s *counted) Delist(ctx context.Context, index session.Key, members ...session.Key) error {
	s.writes.Add(1)
	return s.Store.Delist(ctx, index, members...)
}

func (s *counted) Append(ctx context.Context, stream string, b journal.Batch) error {
	s.writes.Add(1)
	return s.Store.Append(ctx, stream, b)
}

// The same with the file: so many writes, each of which is one transaction (TestStepIsOneTransaction). The last one is
// that of the log, for which no user waits.
func TestWritesOfASignIn(t *testing.T) {
	file, err := filestore.Open(filestore.Config{Path: filepath.Join(t.TempDir(), "sessions.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	store := &counted{Store: file}
	g, l := storedAt(t, store, store)
	for range 3 {
		before := store.writes.Load()
		g.signInStored(l)
		if n := store.writes.Load() - before; n != 4 {
			t.Errorf("%d writes, want 4", n)
		}
	}
}
