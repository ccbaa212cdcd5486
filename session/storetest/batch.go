package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// An entry is written with its listings, whatever the lists contained before. The second run shows that nothing was
// learned only once.
func testCreateListed(t *testing.T, s Subject) {
	now := s.Now()
	s.enlist(t, "u:a", "s:old", now.Add(3*time.Hour))
	for _, name := range []string{"one", "two"} {
		in := []session.Listing{{Index: "u:a", Member: session.Key("s:in-a-" + name), Until: now.Add(time.Hour)}, {Index: "u:b", Member: session.Key("s:in-b-" + name), Until: now.Add(2 * time.Hour)}}
		if err := s.Store.Create(ctx, s.entry(key(name), name), in...); err != nil {
			t.Fatal(err)
		}
		if got := s.get(t, key(name)); string(got.Value) != name || got.Version != 1 {
			t.Fatalf("%+v", got)
		}
	}
	s.members(t, "u:a", time.Time{}, 10, "s:in-a-one", "s:in-a-two", "s:old")
	s.members(t, "u:b", time.Time{}, 10, "s:in-b-one", "s:in-b-two")
	is(t, "the same again", s.Store.Create(ctx, s.entry(key("one"), "again"), session.Listing{Index: "u:c", Member: "s:c", Until: now.Add(time.Hour)}), session.ErrConflict)
	if got := s.get(t, key("one")); string(got.Value) != "one" {
		t.Fatalf("overwritten by %q", got.Value)
	}
	s.Advance(90 * time.Minute)
	s.members(t, "u:a", time.Time{}, 10, "s:old")
	s.members(t, "u:b", time.Time{}, 10, "s:in-b-one", "s:in-b-two")
}

// If a listing is not accepted, the entry is not written.
func testCreateListedRefuses(t *testing.T, s Subject) {
	good := session.Listing{Index: "u:a", Member: "s:1", Until: s.Now().Add(time.Hour)}
	for name, change := range map[string]func(*session.Listing){
		"index":  func(l *session.Listing) { l.Index = "u:a b" },
		"member": func(l *session.Listing) { l.Member = "" },
		"no end": func(l *session.Listing) { l.Until = time.Time{} },
		"ended":  func(l *session.Listing) { l.Until = s.Now().Add(-time.Minute) },
	} {
		bad := good
		change(&bad)
		refused(t, name, s.Store.Create(ctx, s.entry(key("one"), "1"), good, bad))
		s.gone(t, key("one"))
		s.members(t, "u:a", time.Time{}, 10)
	}
}

// The listings are removed with the entry, even if the entry does not exist any more.
func testRemoveListed(t *testing.T, s Subject) {
	until := s.Now().Add(time.Hour)
	in := []session.Listing{{Index: "u:a", Member: "s:1", Until: until}, {Index: "u:b", Member: "s:1", Until: until}}
	for _, there := range []bool{true, false} {
		s.enlist(t, "u:a", "s:2", until)
		for _, l := range in {
			s.enlist(t, l.Index, l.Member, l.Until)
		}
		want := session.ErrNotFound
		if there {
			s.create(t, s.entry(key("one"), "1"))
			want = nil
		}
		got, err := s.Store.Remove(ctx, key("one"), in...)
		is(t, fmt.Sprint("remove, there: ", there), err, want)
		if there && string(got.Value) != "1" {
			t.Fatalf("%+v", got)
		}
		s.gone(t, key("one"))
		s.members(t, "u:a", time.Time{}, 10, "s:2")
		s.members(t, "u:b", time.Time{}, 10)
	}
}

func testGetAll(t *testing.T, s Subject) {
	const many = 40
	var keys []session.Key
	for i := range many {
		k := key(label("all", i))
		keys = append(keys, k)
		if i%3 != 0 {
			s.create(t, s.entry(k, label("value", i)))
		}
	}
	got, err := s.Store.GetAll(ctx, keys...)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if i%3 == 0 {
			continue
		}
		if len(got) == 0 || got[0].Key != k || string(got[0].Value) != label("value", i) || got[0].Version != 1 || !got[0].Expires.After(s.Now()) {
			t.Fatalf("%s: %+v", k, got)
		}
		got = got[1:]
	}
	if len(got) != 0 {
		t.Fatalf("more than was asked for: %+v", got)
	}
	if got, err := s.Store.GetAll(ctx); len(got) != 0 || err != nil {
		t.Fatalf("of none: %v, %v", got, err)
	}
	if got, err := s.Store.GetAll(ctx, key("none")); len(got) != 0 || err != nil {
		t.Fatalf("of an absent one: %v, %v", got, err)
	}
	_, err = s.Store.GetAll(ctx, keys[1], "no key")
	refused(t, "a bad key", err)
	s.Advance(2 * time.Hour)
	if got, err := s.Store.GetAll(ctx, keys...); len(got) != 0 || err != nil {
		t.Fatalf("expired: %v, %v", got, err)
	}
}
