package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// members checks what an index lists.
func (s Subject) members(t *testing.T, index session.Key, before time.Time, limit int, want ...session.Key) {
	t.Helper()
	got, err := s.Store.Members(ctx, index, before, limit)
	if err != nil {
		t.Fatalf("members of %s: %v", index, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("members of %s: %v, want %v", index, got, want)
	}
}

func (s Subject) enlist(t *testing.T, index, member session.Key, until time.Time) {
	t.Helper()
	if err := s.Store.Enlist(ctx, index, member, until); err != nil {
		t.Fatalf("enlist %s in %s: %v", member, index, err)
	}
}

func testIndexOrder(t *testing.T, s Subject) {
	now := s.Now()
	s.members(t, "u:none", time.Time{}, 10)
	s.enlist(t, "u:a", "s:3", now.Add(3*time.Hour))
	s.enlist(t, "u:a", "s:1", now.Add(1*time.Hour))
	s.enlist(t, "u:a", "s:2", now.Add(2*time.Hour))
	s.enlist(t, "u:ab", "s:9", now.Add(1*time.Hour))
	s.members(t, "u:a", time.Time{}, 10, "s:1", "s:2", "s:3")
	s.members(t, "u:a", time.Time{}, 3, "s:1", "s:2", "s:3")
	s.members(t, "u:a", time.Time{}, 2, "s:1", "s:2")
	s.members(t, "u:a", time.Time{}, 0)
	s.members(t, "u:a", time.Time{}, -1)
	s.members(t, "u:ab", time.Time{}, 10, "s:9")
	s.members(t, "u:", time.Time{}, 10)
}

func testIndexBefore(t *testing.T, s Subject) {
	now := s.Now().Truncate(time.Millisecond)
	s.enlist(t, "u:a", "s:1", now.Add(1*time.Hour))
	s.enlist(t, "u:a", "s:2", now.Add(2*time.Hour))
	s.enlist(t, "u:a", "s:3", now.Add(3*time.Hour))
	s.members(t, "u:a", now.Add(30*time.Minute), 10)
	s.members(t, "u:a", now.Add(2*time.Hour), 10, "s:1")
	s.members(t, "u:a", now.Add(2*time.Hour+time.Millisecond), 10, "s:1", "s:2")
	s.members(t, "u:a", now.Add(2*time.Hour+time.Millisecond), 1, "s:1")
	s.members(t, "u:a", now.Add(-time.Hour), 10)
	s.members(t, "u:a", time.Unix(-1000, 0), 10)
	s.members(t, "u:a", now.Add(1000*time.Hour), 10, "s:1", "s:2", "s:3")
}

// A later listing replaces the time of an earlier one, in both directions; members stay unique.
func testIndexRelist(t *testing.T, s Subject) {
	now := s.Now()
	s.enlist(t, "u:a", "s:1", now.Add(1*time.Hour))
	s.enlist(t, "u:a", "s:2", now.Add(2*time.Hour))
	s.enlist(t, "u:a", "s:1", now.Add(3*time.Hour))
	s.members(t, "u:a", time.Time{}, 10, "s:2", "s:1")
	s.enlist(t, "u:a", "s:1", now.Add(30*time.Minute))
	s.members(t, "u:a", time.Time{}, 10, "s:1", "s:2")
	s.Advance(time.Hour)
	s.members(t, "u:a", time.Time{}, 10, "s:2")
}

func testIndexExpiry(t *testing.T, s Subject) {
	now := s.Now()
	for i := range 5 {
		s.enlist(t, "u:a", key(label("m", i)), now.Add(time.Duration(i+1)*time.Hour))
	}
	s.Advance(2 * time.Hour)
	s.members(t, "u:a", time.Time{}, 2, key("m0002"), key("m0003"))
	s.members(t, "u:a", now.Add(time.Hour+time.Minute), 10)
	s.enlist(t, "u:a", "s:new", s.Now().Add(90*time.Minute))
	s.members(t, "u:a", time.Time{}, 10, key("m0002"), "s:new", key("m0003"), key("m0004"))
	s.enlist(t, "u:a", key("m0000"), s.Now().Add(10*time.Hour)) // a removed member comes back
	s.members(t, "u:a", time.Time{}, 10, key("m0002"), "s:new", key("m0003"), key("m0004"), key("m0000"))
	s.Advance(20 * time.Hour)
	s.members(t, "u:a", time.Time{}, 10)
}

// An index lives as long as its last member, whichever was enlisted last.
func testIndexLifetime(t *testing.T, s Subject) {
	now := s.Now()
	s.enlist(t, "u:a", "s:long", now.Add(10*time.Hour))
	s.enlist(t, "u:a", "s:short", now.Add(time.Hour))
	if err := s.Store.Delist(ctx, "u:a", "s:short"); err != nil {
		t.Fatal(err)
	}
	s.enlist(t, "u:a", "s:short", now.Add(2*time.Hour))
	s.Advance(9 * time.Hour)
	s.members(t, "u:a", time.Time{}, 10, "s:long")
	s.Advance(time.Hour)
	s.members(t, "u:a", time.Time{}, 10)
}

func testIndexDelist(t *testing.T, s Subject) {
	until := s.Now().Add(time.Hour)
	for _, m := range []session.Key{"s:1", "s:2", "s:3", "s:4"} {
		s.enlist(t, "u:a", m, until)
		s.enlist(t, "u:b", m, until)
	}
	is(t, "delist nothing", s.Store.Delist(ctx, "u:a"), nil)
	is(t, "delist an absent one", s.Store.Delist(ctx, "u:a", "s:9"), nil)
	is(t, "delist from nowhere", s.Store.Delist(ctx, "u:none", "s:1"), nil)
	s.members(t, "u:a", time.Time{}, 10, "s:1", "s:2", "s:3", "s:4")
	is(t, "delist", s.Store.Delist(ctx, "u:a", "s:1", "s:9", "s:3", "s:3"), nil)
	s.members(t, "u:a", time.Time{}, 10, "s:2", "s:4")
	is(t, "delist the rest", s.Store.Delist(ctx, "u:a", "s:2", "s:4"), nil)
	s.members(t, "u:a", time.Time{}, 10)
	s.members(t, "u:b", time.Time{}, 10, "s:1", "s:2", "s:3", "s:4")
}

// Every key has a TTL, an index too.
func testIndexNoMemberWithoutEnd(t *testing.T, s Subject) {
	s.enlist(t, "u:a", "s:1", s.Now().Add(time.Hour))
	for name, until := range map[string]time.Time{"zero": {}, "past": s.Now().Add(-time.Second), "epoch": time.Unix(0, 0)} {
		refused(t, name, s.Store.Enlist(ctx, "u:a", "s:1", until))
		refused(t, name, s.Store.Enlist(ctx, "u:a", "s:2", until))
	}
	s.members(t, "u:a", time.Time{}, 10, "s:1")
}

func testIndexMany(t *testing.T, s Subject) {
	now := s.Now()
	var want []session.Key
	for i := range 150 {
		want = append(want, key(label("m", i)))
		s.enlist(t, "u:a", want[i], now.Add(time.Hour+time.Duration(i)*time.Second))
	}
	s.members(t, "u:a", time.Time{}, 1000, want...)
	s.members(t, "u:a", time.Time{}, 100, want[:100]...)
	if err := s.Store.Delist(ctx, "u:a", want[:149]...); err != nil {
		t.Fatal(err)
	}
	s.members(t, "u:a", time.Time{}, 1000, want[149])
}
