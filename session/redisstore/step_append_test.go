package redisstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// A step appends to the sign-in log what tells of its new entry, if there is one, and nothing was read that may end it.
func TestStepAppends(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, redisstore.Config{URL: server.URL(0)})
	ctx, until := t.Context(), time.Now().Add(time.Hour)
	value := func(text string) *session.Appended {
		return &session.Appended{Stream: "log", Value: []byte(text), Owner: "p:ada", Until: until, Most: 1000}
	}
	for _, key := range []session.Key{"s:note", "s:there"} {
		if err := s.Create(ctx, session.Entry{Key: key, Value: []byte("v"), Expires: until}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	step := func(st session.Step) (session.Outcome, error) {
		n++
		if st.Create.Key == "" {
			st.Create.Key = session.Key(fmt.Sprint("s:", n))
		}
		st.Create.Value, st.Create.Expires = []byte("v"), until
		st.List, st.Tag = "i:a", "a"
		st.In = []session.Listing{{Index: "i:a", Member: session.Key(fmt.Sprint("a", n)), Until: until}}
		return s.Apply(ctx, st)
	}
	before := executed(t, server, "pexpire")
	for i, st := range []session.Step{{Append: value("one")}, {Append: value("two"), Read: []session.Key{"s:none", "s:never"}}} {
		if done, err := step(st); err != nil || !done.Appended || len(done.Members) != i+1 {
			t.Fatalf("%d: %+v, %v", i, done, err)
		}
	}
	if sets := executed(t, server, "pexpire") - before; sets != 4 { // two of the index, and one of stream and owner each
		t.Errorf("%d TTLs are set", sets)
	}
	unowned := value("three")
	unowned.Owner = ""
	if done, err := step(session.Step{Append: unowned}); err != nil || !done.Appended {
		t.Errorf("without an owner: %+v, %v", done, err)
	}
	if done, err := step(session.Step{Append: value("ended"), Read: []session.Key{"s:none", "s:note"}}); err != nil || done.Appended || len(done.Entries) != 1 {
		t.Errorf("beside what may end it: %+v, %v", done, err)
	}
	if done, err := step(session.Step{Take: "s:gone", Append: value("gone")}); !errors.Is(err, session.ErrNotFound) || done.Appended {
		t.Errorf("with nothing to take: %+v, %v", done, err)
	}
	if done, err := step(session.Step{Create: session.Entry{Key: "s:there"}, Append: value("again")}); !errors.Is(err, session.ErrConflict) || done.Appended {
		t.Errorf("of an entry that is there: %+v, %v", done, err)
	}
	entries, err := s.After(ctx, "log", journal.Position{}, 10)
	owned, errOwned := s.Owned(ctx, "p:ada", 10)
	got := ""
	for _, e := range entries {
		got += string(e.Value) + " "
	}
	for _, e := range owned {
		got += e.Stream + ":" + string(e.Value) + " "
	}
	if want := "one two three log:two log:one "; err != nil || errOwned != nil || got != want {
		t.Errorf("%q, %v, %v; want %q", got, err, errOwned, want)
	}
	for key, ttl := range server.Keys(0, "") {
		if ttl <= 0 {
			t.Errorf("%s has no TTL", key)
		}
	}
	// A log that cannot be written ends no sign-in.
	server.Do("acl", "setuser", "default", "-xadd")
	if done, err := step(session.Step{Append: value("refused")}); err != nil || done.Appended {
		t.Errorf("a user that may not append: %+v, %v", done, err)
	}
	for name, a := range map[string]*session.Appended{
		"no end": {Stream: "log", Value: []byte("v"), Most: 1}, "no stream": {Value: []byte("v"), Until: until, Most: 1},
		"nothing": {Stream: "log", Until: until, Most: 1}, "for none": {Stream: "log", Value: []byte("v"), Until: until},
		"an owner that is no key": {Stream: "log", Value: []byte("v"), Owner: "*", Until: until, Most: 1},
	} {
		if _, err := step(session.Step{Append: a}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// In a cluster a step does not append.
func TestStepAppendsOnOneServer(t *testing.T) {
	if s := open(t, redisstore.Config{URL: redistest.Start(t).URL(0)}); !s.AppendsInStep() {
		t.Error("a single server does not append in a step")
	}
}
