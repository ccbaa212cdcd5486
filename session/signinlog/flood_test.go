package signinlog_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Field trial 2.6: however many sign-ins do not succeed, those that did stay.
func TestUnsuccessfulPushOutNoSuccess(t *testing.T) {
	w := newWorld(t, func(c *signinlog.Config) { c.MaxEntries = 100 })
	w.write(10)
	for range 1000 {
		r := w.record()
		r.Code, r.UserSubject = signinlog.StrongAuthRequired, fmt.Sprint("other", w.n)
		w.Write(r)
		if w.n%100 == 0 {
			w.settled(w.Log)
		}
	}
	w.settled(w.Log)
	got := w.all(signinlog.Query{Status: signinlog.StatusSuccess})
	if want := newest(10, 0); !slices.Equal(got, want) {
		t.Errorf("of ten that succeeded %v are kept", got)
	}
	if n := len(w.all(signinlog.Query{})); n > 10+50 {
		t.Errorf("%d are kept", n)
	}
}

// Field trial 2.6: one person, or one address where no person is known, has a share of a day, and no more.
func TestShareOfOnePerson(t *testing.T) {
	for name, set := range map[string]func(*signinlog.Record){
		"a person":   func(r *signinlog.Record) { r.UserSubject = "flood" },
		"an address": func(r *signinlog.Record) { r.UserSubject, r.IP = "", "203.0.113.9" },
	} {
		w := newWorld(t)
		w.ShareAtMost(5)
		write := func(n int, set func(*signinlog.Record)) {
			for range n {
				r := w.record()
				set(&r)
				w.Write(r)
			}
			storetest.Until(t, "all are seen to", func() bool { s := w.Stats(); return s.Stored+s.OverShare == uint64(w.n) })
		}
		write(20, set)
		write(1, func(r *signinlog.Record) { r.UserSubject = "else" })
		if n := len(w.all(signinlog.Query{})); n != 6 {
			t.Errorf("%s: %d are kept, want five and the other's", name, n)
		}
		w.clock.Advance(24 * time.Hour)
		write(20, set)
		if n := len(w.all(signinlog.Query{})); n != 11 {
			t.Errorf("%s: %d are kept on the next day, want five more", name, n)
		}
	}
}

// What an administrator does is always stored.
func TestShareNotOfAdministrators(t *testing.T) {
	w := newWorld(t)
	w.ShareAtMost(1)
	for range 3 {
		r := w.record()
		r.Code, r.InitiatedBy = signinlog.GrantRevoked, &signinlog.Initiator{Activity: "end session", Name: "ops"}
		w.Write(r)
	}
	w.settled(w.Log)
	p, err := w.Read(t.Context(), signinlog.Query{})
	if err != nil || len(p.Entries) != 3 || p.Entries[0].InitiatedBy == nil || *p.Entries[0].InitiatedBy != (signinlog.Initiator{Activity: "end session", Name: "ops"}) {
		t.Errorf("%+v, %v", p.Entries, err)
	}
}

// Field trial 2.6: nothing is stored for a client that has proven nothing.
func TestUnprovenIsNotStored(t *testing.T) {
	w := newWorld(t)
	r := w.record()
	r.Unproven = true
	w.Write(r)
	w.Write(w.record())
	storetest.Until(t, "one is stored", func() bool { return w.Stats().Stored == 1 })
	w.holds("the other", []string{"v2"})
}

// Both parts are read as one, the newest first, page by page, and followed without a gap.
func TestPartsAreReadAsOne(t *testing.T) {
	w := newWorld(t)
	codes := []signinlog.Code{signinlog.Success, signinlog.StrongAuthRequired, signinlog.ProviderFailed, signinlog.Success, signinlog.KeepMeSignedIn}
	end, err := w.Follow(t.Context(), signinlog.Query{Cursor: signinlog.FollowEnd})
	if err != nil {
		t.Fatal(err)
	}
	for day := range 2 {
		for i := range 60 {
			r := w.record()
			r.Code = codes[(i+day)%len(codes)]
			w.Write(r)
			w.settled(w.Log)
			w.clock.Advance(time.Millisecond)
		}
		w.clock.Advance(24 * time.Hour)
	}
	for _, limit := range []int{1, 2, 7, 59, 60, 1000} {
		if got := w.all(signinlog.Query{Limit: limit}); !slices.Equal(got, newest(120, 0)) {
			t.Errorf("limit %d: %d entries %v", limit, len(got), got)
		}
		seen := map[string]bool{}
		for cursor, more := end.Cursor, true; more; {
			p, err := w.Follow(t.Context(), signinlog.Query{Cursor: cursor, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Entries {
				if seen[e.ID] {
					t.Errorf("limit %d: %s is followed twice", limit, e.ID)
				}
				seen[e.ID] = true
			}
			cursor, more = p.Cursor, p.More
		}
		if len(seen) != 120 {
			t.Errorf("limit %d: %d are followed", limit, len(seen))
		}
	}
}

type recorded struct {
	mu  sync.Mutex
	all []signinlog.Record
}

func (r *recorded) Write(rec signinlog.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, rec)
}

func (r *recorded) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var said []string
	for _, rec := range r.all {
		said = append(said, fmt.Sprintf("%s %d +%d", rec.SessionID, rec.Code, rec.Repeats))
	}
	r.all = nil
	return strings.Join(said, ", ")
}

// Field trial 2.6: a page with a step-up that is loaded again and again is two records a minute, and says how often.
func TestRepeatsBecomeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to recorded
		s := signinlog.NewRepeats(&to, nil)
		stepUp := signinlog.Record{ID: "x", SessionID: "one", Code: signinlog.MFARequired, App: "wiki"}
		other := stepUp
		other.SessionID = "two"
		for range 3484 {
			s.Write(stepUp)
		}
		s.Write(other)
		if got := to.take(); got != "one 50076 +0, two 50076 +0" {
			t.Errorf("at once: %s", got)
		}
		pass(repeatsOver)
		if got := to.take(); got != "one 50076 +3483" {
			t.Errorf("after a minute: %s", got)
		}
		s.Write(stepUp)
		s.Write(stepUp)
		if got := to.take(); got != "one 50076 +0" {
			t.Errorf("the next one: %s", got)
		}
		s.Close()
		if got := to.take(); got != "one 50076 +1" {
			t.Errorf("at the end: %s", got)
		}
	})
}

// repeatsOver is when what repeated within a minute has been handed on. The time is that of the bubble.
const repeatsOver = 66 * time.Second

// K20: each abandoned prompt has a record of its own, and so has what succeeded or failed, and what an administrator did.
func TestRepeatsKeepOthersApart(t *testing.T) {
	var to recorded
	s := signinlog.NewRepeats(&to, nil)
	defer s.Close()
	for _, r := range []signinlog.Record{
		{Code: signinlog.Success},
		{Code: signinlog.KeepMeSignedIn},
		{Code: signinlog.BlockedByPolicy},
		{Code: signinlog.ProviderFailed},
		{Code: signinlog.MFARequired, InitiatedBy: &signinlog.Initiator{Activity: "x"}},
	} {
		s.Write(r)
		s.Write(r)
		if got := strings.Count(to.take(), ",") + 1; got != 2 {
			t.Errorf("%d: %d records of two", r.Code, got)
		}
	}
}

// However many sessions repeat at a time, memory is bounded and nothing is lost.
func TestRepeatsAreBounded(t *testing.T) {
	var to recorded
	s := signinlog.NewRepeats(&to, nil)
	for i := range 25_000 {
		for range 2 {
			s.Write(signinlog.Record{SessionID: fmt.Sprint(i), Code: signinlog.MFARequired})
		}
	}
	s.Close()
	n := 0
	for _, r := range to.all {
		n += 1 + max(0, r.Repeats-1)
	}
	if n != 50_000 {
		t.Errorf("%d of 50,000 are told of", n)
	}
}
