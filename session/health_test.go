package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// The state of the store over an outage: what is known goes on, then nothing does, then some answers come, then all.
func TestHealth(t *testing.T) {
	w := newCachedWorld(t, cached())
	_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
	state := func(when string, want session.State, since time.Time) {
		t.Helper()
		if h := w.Health(); h.State != want || !h.Since.Equal(since) {
			t.Errorf("%s: %s since %v, want %s since %v", when, h.State, h.Since, want, since)
		}
	}
	began := w.clock.Now()
	state("at first", session.StoreOK, began)
	w.clock.Advance(recheck)
	w.store.interrupt(failOn("get", "members"))
	out := w.clock.Now()
	w.loads(t, "known", token, nil)
	state("out", session.StoreCacheOnly, out)
	w.clock.Advance(outageGrace)
	w.loads(t, "after the grace", token, session.ErrUnavailable)
	state("after the grace", session.StoreUnavailable, out)
	w.store.interrupt(nil)
	w.clock.Advance(time.Second)
	want(t, "ping", w.Ping(t.Context()), nil)
	state("it answers again", session.StoreDegraded, out)
	w.clock.Advance(5 * time.Second)
	w.loads(t, "after the outage", token, nil)
	state("back", session.StoreOK, w.clock.Now())
	if n := w.Health().Outages; n != 1 {
		t.Errorf("%d outages", n)
	}
}

// An outage that only a sign-in meets is one; what says nothing about the store is none.
func TestNoteFailure(t *testing.T) {
	w := newCachedWorld(t, cached())
	for _, err := range []error{nil, session.ErrNotFound, session.ErrConflict, session.ErrClosed, keyring.ErrUnsealable, errors.New("bug")} {
		w.NoteFailure(err)
	}
	if h := w.Health(); h.State != session.StoreOK {
		t.Errorf("%+v", h)
	}
	w.NoteFailure(errDown)
	if h := w.Health(); h.State != session.StoreCacheOnly || h.Outages != 1 {
		t.Errorf("%+v", h)
	}
}

func TestCacheCounts(t *testing.T) {
	c := cached()
	c.Cache = session.NewCache(session.CacheConfig{Entries: 64})
	w := newCachedWorld(t, c)
	for range 300 {
		_, token := w.create(t, draft(ada, session.Browser), session.Tokens{})
		w.loads(t, "load", token, nil)
	}
	w.loads(t, "nobody's", session.NewToken(), session.ErrNotFound)
	if k := w.Known(); k.Hits != 300 || k.Misses != 1 || k.Sessions > 64 || k.Evictions != uint64(300-k.Sessions) || k.Bytes < int64(k.Sessions)*900 {
		t.Errorf("%+v", k)
	}
}
