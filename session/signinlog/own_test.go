package signinlog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

const mine = "https://idp#me"

func (w *world) add(change func(*signinlog.Record)) {
	w.clock.Advance(time.Millisecond)
	r := w.record()
	change(&r)
	w.Write(r)
	w.settled(w.Log)
}

func (w *world) own(limit int) string {
	w.t.Helper()
	p, err := w.Own(w.t.Context(), mine, limit)
	if err != nil || p.Unreadable > 0 {
		w.t.Fatalf("%+v, %v", p, err)
	}
	var ids []string
	for _, e := range p.Entries {
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

// L7: however busy the site is, people find their own: what they took part in, and what did not succeed.
func TestOwn(t *testing.T) {
	w := newWorld(t)
	w.ScanAtMost(1) // nothing is looked through
	me := func(r *signinlog.Record) { r.UserSubject, r.Interactive = "me", true }
	w.add(me)
	w.write(300)
	w.add(func(r *signinlog.Record) { me(r); r.Code = signinlog.KeepMeSignedIn })
	w.add(func(r *signinlog.Record) { me(r); r.Interactive, r.Code = false, signinlog.SessionExpired })
	w.add(func(r *signinlog.Record) { me(r); r.Interactive = false }) // a gateway's own doing
	w.add(func(r *signinlog.Record) { me(r); r.UserIssuer = "https://other" })
	w.add(func(r *signinlog.Record) { r.UserSubject, r.UserName, r.Interactive = "", "me", true })
	w.write(300)
	for limit, want := range map[int]string{0: "v303", 1: "v303", 2: "v303 v302", 51: "v303 v302 v1", 1 << 20: "v303 v302 v1"} {
		if got := w.own(limit); got != want {
			t.Errorf("at most %d: %s, want %s", limit, got, want)
		}
	}
	// What is about no person is nobody's, and fills no list.
	if found, err := w.mem.Owned(t.Context(), string(session.HashKey("p", "https://idp#")), 1); err != nil || len(found) > 0 {
		t.Errorf("nobody owns %d, %v", len(found), err)
	}
	w.clock.Advance(20 * 24 * time.Hour)
	w.add(me)
	w.clock.Advance(11 * 24 * time.Hour)
	if got := w.own(51); got != "v607" {
		t.Errorf("after a month: %s", got)
	}
	w.mem.Fail(session.ErrUnavailable)
	if _, err := w.Own(t.Context(), mine, 1); !errors.Is(err, session.ErrUnavailable) {
		t.Errorf("with the store away: %v", err)
	}
}

// Keep counts from when a sign-in began, whatever else is still in the store.
func TestOwnKeep(t *testing.T) {
	w := newWorld(t)
	w.add(func(r *signinlog.Record) { r.UserSubject, r.Interactive = "me", true })
	w.Log = w.open(func(c *signinlog.Config) { c.Keep = time.Hour })
	w.clock.Advance(time.Hour - time.Second)
	if got := w.own(10); got != "v1" {
		t.Errorf("in time: %q", got)
	}
	w.clock.Advance(2 * time.Second)
	if got := w.own(10); got != "" {
		t.Errorf("too old: %q", got)
	}
}

// Whoever can write to the store and lists another's record as mine shows me nothing of it.
func TestOwnIsMine(t *testing.T) {
	w := newWorld(t)
	w.add(func(r *signinlog.Record) { r.UserSubject, r.Interactive = "me", true })
	w.write(1) // somebody else's
	stream := w.mem.Streams()[0]
	theirs, err := w.mem.Before(t.Context(), stream, journal.Position{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := journal.Batch{Values: [][]byte{theirs[0].Value}, Owners: []string{string(session.HashKey("p", mine))}, Until: w.clock.Now().Add(time.Hour), Most: 10}
	if err := w.mem.Append(t.Context(), stream, b); err != nil {
		t.Fatal(err)
	}
	if got := w.own(10); got != "v1" {
		t.Errorf("shown: %s", got)
	}
	// Nor does a record open that was moved to another day.
	if err := w.mem.Append(t.Context(), "sign-ins:2026-01-01", b); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Own(t.Context(), mine, 10); err != nil || p.Unreadable != 1 || len(p.Entries) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}
