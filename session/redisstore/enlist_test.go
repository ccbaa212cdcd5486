package redisstore_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
)

// executed counts how often a server has executed a command.
func executed(t *testing.T, server *redistest.Server, command string) int {
	t.Helper()
	_, rest, ok := strings.Cut(server.Do("info", "commandstats").(string), "cmdstat_"+command+":calls=")
	if !ok {
		return 0
	}
	count, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// later is a clock that a test moves on.
type later struct{ by atomic.Int64 }

func (l *later) now() time.Time { return time.Now().Add(time.Duration(l.by.Load())) }

// list creates an entry that is listed until and kept for so long.
func list(t *testing.T, s *redisstore.Store, clock *later, index session.Key, member string, until, kept time.Duration) {
	t.Helper()
	now := clock.now()
	l := session.Listing{Index: index, Member: session.Key(member), Until: now.Add(until)}
	if kept > 0 {
		l.Kept = now.Add(kept)
	}
	e := session.Entry{Key: session.Key("s:" + session.NewRandom(8)), Value: []byte("v"), Expires: now.Add(time.Hour)}
	if err := s.Create(t.Context(), e, l); err != nil {
		t.Fatal(err)
	}
}

// The TTL of an index that is kept is set by the first member of a part of its life, and not by the others. It is set again
// by a later part, by a member that is listed again, after an earlier version has removed what shows it, and if the index
// has a shorter one.
func TestTTLOfKeptIndex(t *testing.T) {
	const until, kept = 10 * 24 * time.Hour, 401 * 24 * time.Hour
	server := redistest.Start(t)
	var clock later
	s := open(t, redisstore.Config{URL: server.URL(0), Now: clock.now})
	n := 0
	sets := func(name string, want int, do func()) {
		t.Helper()
		before := executed(t, server, "pexpire")
		if do(); executed(t, server, "pexpire")-before != want {
			t.Errorf("%s: the TTL is set %d times, want %d", name, executed(t, server, "pexpire")-before, want)
		}
	}
	add := func() { n++; list(t, s, &clock, "a:a", fmt.Sprint("m", n), until, kept) }
	// The beginning of a part of the life, so that the test does not cross into the next one.
	const part = int64(1) << 32
	clock.by.Store(int64(time.Duration(part-(time.Now().Add(kept).UnixMilli()%part)) * time.Millisecond))
	sets("the first", 1, add)
	sets("the second", 0, add)
	sets("one that is listed again", 0, func() { list(t, s, &clock, "a:a", "m1", until+time.Hour, kept) })
	sets("an earlier version removed a mark", 1, func() { server.Do("zrem", "latchkey:~a:a", ".", ".."); add() })
	sets("after that", 0, add)
	server.Age(0, "latchkey:", 30*24*time.Hour)
	clock.by.Add(int64(30 * 24 * time.Hour))
	sets("in the same part", 0, add)
	server.Age(0, "latchkey:", 30*24*time.Hour)
	clock.by.Add(int64(30 * 24 * time.Hour))
	sets("in the next part", 1, add)
	server.Do("zadd", "latchkey:~a:old", clock.now().Add(time.Hour).UnixMilli(), "before")
	server.Do("pexpire", "latchkey:~a:old", 1000)
	sets("an index of an earlier version", 1, func() { list(t, s, &clock, "a:old", "m", until, kept) })
	if ttl := server.Keys(0, "latchkey:~a:old")["latchkey:~a:old"]; ttl < kept-time.Minute {
		t.Errorf("it lives for %v", ttl)
	}
	sets("a member that ends as late as the index", 2, func() {
		list(t, s, &clock, "b:b", "m1", kept, kept)
		list(t, s, &clock, "b:b", "m2", kept, kept)
	})
	// Clocks of gateways differ, so a mark is no answer for a member that ends shortly before it.
	sets("a member that ends shortly before the index", 2, func() {
		list(t, s, &clock, "c:c", "m1", kept-20*24*time.Hour, kept)
		list(t, s, &clock, "c:c", "m2", kept-20*24*time.Hour, kept)
	})
	list(t, s, &clock, "a:old", "late", kept-time.Hour, kept) // after the marks
	for _, limit := range []int{1, 2, 3, 100} {
		got, err := s.Members(t.Context(), "a:old", time.Time{}, limit)
		if want := fmt.Sprint([]string{"before", "m", "late"}[:min(limit, 3)]); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%d members: %v, %v; want %s", limit, got, err, want)
		}
	}
	got, err := s.Members(t.Context(), "a:a", clock.now().Add(400*24*time.Hour), 100)
	if want := fmt.Sprint([]string{fmt.Sprint("m", n)}); err != nil || fmt.Sprint(got) != want {
		t.Errorf("members before a time after that of the marks: %v, %v; want %s", got, err, want)
	}

	// A member that is listed again until the same time is no change, but the marks are.
	same := session.Listing{Index: "a:same", Member: "m", Until: clock.now().Add(60 * 24 * time.Hour)}
	for name, passed := range map[string]time.Duration{"the same member": 0, "the same, in the next part": 50 * 24 * time.Hour} {
		server.Do("del", "latchkey:~a:same")
		again := func() {
			same.Kept = clock.now().Add(kept)
			e := session.Entry{Key: session.Key("s:" + session.NewRandom(8)), Value: []byte("v"), Expires: clock.now().Add(time.Hour)}
			if err := s.Create(t.Context(), e, same); err != nil {
				t.Fatal(err)
			}
		}
		sets(name+", the first time", 1, again)
		server.Age(0, "latchkey:", passed)
		clock.by.Add(int64(passed))
		sets(name, min(1, int(passed)), again)
	}
}

// A step that lists what an owner has does not ask where that is known: the index or the owner is new. It asks again while
// another member is there, also one that is not the first, and names all of them.
func TestOwnerIsNotAskedFor(t *testing.T) {
	server := redistest.Start(t)
	var clock later
	s := open(t, redisstore.Config{URL: server.URL(0), Now: clock.now})
	member := func(owner, name string) session.Listing {
		now := clock.now()
		return session.Listing{
			Index: "w:a", Member: session.Key(owner + name), Owner: session.Key(owner), Until: now.Add(time.Hour), Kept: now.Add(3 * 24 * time.Hour),
		}
	}
	step := func(st session.Step) ([]session.Key, bool) {
		t.Helper()
		before := executed(t, server, "zrangebyscore")
		done, err := s.Apply(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		return done.Members, executed(t, server, "zrangebyscore") > before
	}
	hold := func(owner, name string, asks bool, want ...string) {
		t.Helper()
		l := member(owner, name)
		e := session.Entry{Key: session.Key("p:" + name), Value: []byte("v"), Expires: l.Until}
		got, asked := step(session.Step{Create: e, In: []session.Listing{l}, List: l.Index, Tag: owner})
		if asked != asks || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s of %s: asked %v, found %q; want %v, %q", name, owner, asked, got, asks, want)
		}
	}
	take := func(owner, name string) error {
		_, err := s.Apply(t.Context(), session.Step{Take: session.Key("p:" + name), From: []session.Listing{member(owner, name)}})
		return err
	}
	hold("ada", "1", false, "ada1") // the index is new
	hold("ada", "2", true, "ada1", "ada2")
	hold("bob", "3", false, "bob3") // the owner is new
	hold("bob", "4", true, "bob3", "bob4")
	if err := take("ada", "1"); err != nil {
		t.Fatal(err)
	}
	hold("ada", "5", false, "ada5") // one less than there were: no need to ask
	hold("ada", "6", true, "ada2", "ada5", "ada6")
	if err := take("ada", "1"); err == nil { // a second time: nothing has ended
		t.Fatal("taken twice")
	}
	hold("ada", "7", true, "ada2", "ada5", "ada6", "ada7")
	if _, err := s.Remove(t.Context(), "p:6", member("ada", "6")); err != nil {
		t.Fatal(err)
	}
	hold("ada", "8", false, "ada8")
	if _, err := s.Remove(t.Context(), "p:6", member("ada", "6")); err == nil {
		t.Fatal("removed twice")
	}
	hold("ada", "9", true, "ada2", "ada5", "ada7", "ada8", "ada9")
	// The TTL is that of the index, whoever is new.
	if ttl := server.Keys(0, "latchkey:~w:a")["latchkey:~w:a"]; ttl < 3*24*time.Hour-time.Minute {
		t.Errorf("the index lives for %v", ttl)
	}
	// With the next time of the marks it asks, and sets the TTL.
	server.Age(0, "latchkey:", 12*time.Hour)
	clock.by.Add(int64(12 * time.Hour))
	before := executed(t, server, "zrangebyscore")
	l := member("eve", "10")
	if _, err := s.Apply(t.Context(), session.Step{
		Create: session.Entry{Key: "p:10", Value: []byte("v"), Expires: l.Until}, In: []session.Listing{l}, List: l.Index, Tag: "eve",
	}); err != nil || executed(t, server, "zrangebyscore") == before {
		t.Errorf("the marks have moved on and nothing is asked: %v", err)
	}
	if ttl := server.Keys(0, "latchkey:~w:a")["latchkey:~w:a"]; ttl < 3*24*time.Hour-time.Minute {
		t.Errorf("then it lives for %v", ttl)
	}
}

// A server that refuses to set the TTL, because its user may not, leaves no mark which says that the TTL is set: once the
// user may, the next member sets it.
func TestTTLRefused(t *testing.T) {
	server := redistest.Start(t)
	var clock later
	s := open(t, redisstore.Config{URL: server.URL(0), Now: clock.now})
	const index = "latchkey:~a:a"
	now := clock.now()
	l := session.Listing{Index: "a:a", Member: "m", Until: now.Add(time.Hour), Kept: now.Add(100 * 24 * time.Hour)}
	e := session.Entry{Key: "s:refused", Value: []byte("v"), Expires: now.Add(time.Hour)}
	server.Do("acl", "setuser", "default", "-pexpire")
	if err := s.Create(t.Context(), e, l); err == nil {
		t.Error("an index without a TTL is no error")
	}
	server.Do("acl", "setuser", "default", "+pexpire")
	list(t, s, &clock, "a:a", "n", time.Hour, 100*24*time.Hour)
	if ttl := server.Keys(0, index)[index]; ttl == redistest.Forever || ttl < 99*24*time.Hour {
		t.Errorf("the index lives for %v", ttl)
	}
}

// Whatever is listed in which order, no member has a time after the end of its index, and no index is without a TTL.
func TestIndexOutlivesMembers(t *testing.T) {
	server := redistest.Start(t)
	var clock later
	s := open(t, redisstore.Config{URL: server.URL(0), Now: clock.now})
	const index = "latchkey:~i:a"
	rapid.Check(t, func(r *rapid.T) {
		server.Do("flushall")
		kept := time.Duration(rapid.Int64Range(int64(time.Second), int64(500*24*time.Hour)).Draw(r, "kept"))
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0: // as the index of a user
				if err := s.Enlist(t.Context(), "i:a", session.Key(fmt.Sprint("m", rapid.IntRange(0, 3).Draw(r, "member"))), clock.now().Add(within1(r, kept))); err != nil {
					r.Fatal(err)
				}
			case 1:
				by := time.Duration(rapid.Int64Range(0, int64(kept)).Draw(r, "passes"))
				server.Age(0, "latchkey:", by)
				clock.by.Add(int64(by))
			case 2:
				if err := s.Delist(t.Context(), "i:a", "m0", "m1"); err != nil {
					r.Fatal(err)
				}
			default:
				list(t, s, &clock, "i:a", fmt.Sprint("m", rapid.IntRange(0, 3).Draw(r, "member")), within1(r, kept), kept)
			}
			ttl, there := server.Keys(0, index)[index]
			if there && ttl == redistest.Forever {
				r.Fatal("the index has no TTL")
			}
			end := clock.now().Add(ttl + 5*time.Second)
			if n, ok := server.Do("zcount", index, end.UnixMilli(), "+inf").(int64); ok && n > 0 {
				r.Fatalf("the index ends in %v and has %v", ttl, server.Do("zrange", index, 0, -1, "withscores"))
			}
		}
	})
}

// within1 is how long a member is listed.
func within1(r *rapid.T, kept time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(time.Second), int64(kept)).Draw(r, "until"))
}
