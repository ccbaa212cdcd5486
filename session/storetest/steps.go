package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func listing(index, member string, until time.Time) session.Listing {
	return session.Listing{Index: session.Key(index), Member: session.Key(member), Until: until}
}

// testStep: what is taken is gone with its listings, what is created is there with its own, and what is read is read
// after all that.
func testStep(t *testing.T, s Subject) {
	until := s.Now().Add(time.Hour)
	if err := s.Store.Create(ctx, s.entry(key("old"), "old"), listing("q:a", "s:old", until), listing("u:a", "s:old", until)); err != nil {
		t.Fatal(err)
	}
	s.create(t, s.entry(key("note"), "note"))
	for member, d := range map[string]time.Duration{"ada:1": time.Minute, "ada:3": 3 * time.Hour, "eve:1": time.Hour} {
		if err := s.Store.Enlist(ctx, "i:a", session.Key(member), s.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	fresh := listing("i:a", "ada:2", s.Now().Add(2*time.Hour))
	fresh.Kept = s.Now().Add(24 * time.Hour)
	all := listing("a:a", "s:new", until)
	all.Kept = fresh.Kept
	done, err := s.Store.Apply(ctx, session.Step{
		Take: key("old"), From: []session.Listing{listing("q:a", "s:old", time.Time{})},
		Create: s.entry(key("new"), "new"), In: []session.Listing{fresh, all, listing("b:a", "s:new", until)},
		Read: []session.Key{key("none"), key("new"), key("note"), key("old")}, List: "i:a", Tag: "ada:",
	})
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, e := range done.Entries {
		read = append(read, fmt.Sprint(e.Key, "=", string(e.Value), " ", e.Version))
	}
	if want := []string{"s:new=new 1", "s:note=note 1"}; !slices.Equal(read, want) {
		t.Errorf("read %q, want %q", read, want)
	}
	if want := []session.Key{"ada:1", "ada:2", "ada:3"}; !slices.Equal(done.Members, want) {
		t.Errorf("listed %q, want %q", done.Members, want)
	}
	if done, err := s.Store.Apply(ctx, session.Step{List: "i:a"}); err != nil || !slices.Equal(done.Members, []session.Key{"ada:1", "eve:1", "ada:2", "ada:3"}) {
		t.Errorf("without a tag %q, %v", done.Members, err)
	}
	s.gone(t, key("old"))
	s.members(t, "q:a", time.Time{}, 10)
	s.members(t, "u:a", time.Time{}, 10, "s:old") // it was not to be left
	s.members(t, "i:a", time.Time{}, 10, "ada:1", "eve:1", "ada:2", "ada:3")
	s.members(t, "a:a", time.Time{}, 10, "s:new")
	s.members(t, "b:a", time.Time{}, 10, "s:new")
	got := s.get(t, key("new"))
	if d := got.Expires.Sub(until); d < -time.Minute || d > time.Minute {
		t.Errorf("it ends %v, want %v", got.Expires, until)
	}
	// An index that is listed lives as long as the last of its members, and so does one that is not.
	s.Advance(150 * time.Minute)
	s.members(t, "i:a", time.Time{}, 10, "ada:3")
	s.members(t, "a:a", time.Time{}, 10)
	s.gone(t, key("new"))
}

// testStepLifetime: whatever was in an index before, it lives as long as the last of its members.
func testStepLifetime(t *testing.T, s Subject) {
	for i, before := range []time.Duration{0, time.Minute, time.Hour, 3 * time.Hour} {
		index := session.Key(label("i:", i))
		if before > 0 {
			if err := s.Store.Enlist(ctx, index, "m:before", s.Now().Add(before)); err != nil {
				t.Fatal(err)
			}
		}
		for j, kept := range []time.Duration{0, 5 * time.Hour} {
			l := session.Listing{Index: index, Member: session.Key(label("m:new", j)), Until: s.Now().Add(2*time.Hour + time.Duration(j)*time.Minute)}
			if kept > 0 {
				l.Kept = s.Now().Add(kept)
			}
			done, err := s.Store.Apply(ctx, session.Step{Create: s.entry(key(label("e", 10*i+j)), "v"), In: []session.Listing{l}, List: index, Tag: "m:new"})
			if err != nil || len(done.Members) != j+1 {
				t.Fatalf("%v before, kept %v: %q, %v", before, kept, done.Members, err)
			}
		}
	}
	s.Advance(2*time.Hour + 30*time.Second)
	for i, want := range [][]session.Key{{"m:new0001"}, {"m:new0001"}, {"m:new0001"}, {"m:new0001", "m:before"}} {
		s.members(t, session.Key(label("i:", i)), time.Time{}, 10, want...)
	}
	s.Advance(31 * time.Second)
	s.members(t, session.Key(label("i:", 0)), time.Time{}, 10)
}

// testStepRefuses: a step that finds nothing to take does nothing else, and one with a mistake in it nothing at all.
func testStepRefuses(t *testing.T, s Subject) {
	until := s.Now().Add(time.Hour)
	in := []session.Listing{listing("i:a", "s:new", until)}
	if err := s.Store.Enlist(ctx, "q:a", "s:gone", until); err != nil {
		t.Fatal(err)
	}
	_, err := s.Store.Apply(ctx, session.Step{
		Take: key("gone"), From: []session.Listing{listing("q:a", "s:gone", time.Time{})}, Create: s.entry(key("new"), "new"), In: in,
	})
	is(t, "nothing to take", err, session.ErrNotFound)
	_, err = s.Store.Apply(ctx, session.Step{Take: key("gone"), Create: s.entry(key("new"), "new"), In: in})
	is(t, "nothing to take, listed nowhere", err, session.ErrNotFound)
	s.gone(t, key("new"))
	s.members(t, "i:a", time.Time{}, 10)
	s.members(t, "q:a", time.Time{}, 10) // the listing referred to nothing

	s.create(t, s.entry(key("there"), "there"))
	_, err = s.Store.Apply(ctx, session.Step{Create: s.entry(key("there"), "again"), In: in})
	is(t, "it is there", err, session.ErrConflict)
	if got := s.get(t, key("there")); string(got.Value) != "there" || got.Version != 1 {
		t.Errorf("the loser wrote: %+v", got)
	}
	s.create(t, s.entry(key("old"), "old"))
	_, err = s.Store.Apply(ctx, session.Step{Take: key("old"), Create: s.entry(key("there"), "again"), In: in})
	is(t, "it is there, and another is taken", err, session.ErrConflict)
	s.gone(t, key("old"))
	s.members(t, "i:a", time.Time{}, 10)

	s.create(t, s.entry(key("old"), "old"))
	early := listing("i:a", "s:new", until)
	early.Kept = until.Add(-time.Second)
	for name, st := range map[string]session.Step{
		"take":        {Take: "s:é"},
		"from":        {Take: key("old"), From: []session.Listing{{Index: "q:a"}}},
		"create":      {Take: key("old"), Create: session.Entry{Key: "s:{x}", Expires: until}},
		"no end":      {Take: key("old"), Create: session.Entry{Key: key("new")}},
		"too large":   {Take: key("old"), Create: session.Entry{Key: key("new"), Expires: until, Value: make([]byte, session.MaxValue+1)}},
		"in":          {Take: key("old"), Create: s.entry(key("new"), "new"), In: []session.Listing{listing("i:a", "s: ", until)}},
		"in, no end":  {Take: key("old"), Create: s.entry(key("new"), "new"), In: []session.Listing{listing("i:a", "s:new", time.Time{})}},
		"in, kept":    {Take: key("old"), Create: s.entry(key("new"), "new"), In: []session.Listing{early}},
		"in, nothing": {Take: key("old"), In: in},
		"read":        {Take: key("old"), Read: []session.Key{""}},
		"list":        {Take: key("old"), List: "i:*"},
		"tag":         {Take: key("old"), List: "i:a", Tag: "*"},
	} {
		_, err := s.Store.Apply(ctx, st)
		refused(t, name, err)
	}
	if got := s.get(t, key("old")); string(got.Value) != "old" {
		t.Errorf("after mistakes: %+v", got)
	}
	if done, err := s.Store.Apply(ctx, session.Step{}); err != nil || done.Entries != nil || done.Members != nil {
		t.Errorf("an empty step: %+v, %v", done, err)
	}
}

// testRaceStep: of several steps that take the same entry exactly one creates its own, through any replica.
func testRaceStep(t *testing.T, s Subject) {
	for round := range 20 {
		s.create(t, s.entry(key(label("old", round)), "old"))
		index := session.Key(label("i:", round))
		errs := s.race(8, func(i int, store session.Store) error {
			name := label(label("new", round), i)
			_, err := store.Apply(ctx, session.Step{
				Take: key(label("old", round)), Create: s.entry(key(name), "new"), In: []session.Listing{listing(string(index), "s:"+name, s.Now().Add(time.Hour))},
			})
			return err
		})
		oneWinner(t, errs, session.ErrNotFound)
		if made, err := s.Store.Members(ctx, index, time.Time{}, 10); err != nil || len(made) != 1 {
			t.Fatalf("made %q, %v", made, err)
		}
	}
}
