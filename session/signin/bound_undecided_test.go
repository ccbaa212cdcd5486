package signin

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// V6: Policies that cannot be evaluated refuse a refresh for now. The session and its key stay.
func TestRefreshWithoutADecision(t *testing.T) {
	var failed atomic.Bool
	g := binding(t, func(s *settings) {
		s.admit = func(*access.Visit, *session.Record) access.Admission {
			if failed.Load() {
				return access.Admission{Err: errors.New("a rule cannot be evaluated"), Refusal: &access.Refusal{}}
			}
			return access.Admission{}
		}
	})
	b := g.bound("yes")
	failed.Store(true)
	if r := b.refresh(); r.status != http.StatusServiceUnavailable || len(r.setCookies()) > 0 {
		t.Errorf("without a decision: %d %s", r.status, r.body)
	}
	failed.Store(false)
	if r := b.refresh(); r.status != http.StatusOK || b.value(short) == "" {
		t.Errorf("afterwards: %d", r.status)
	}
}

// V6: a refresh reads the session once, at whatever age of the cached copy, and writes once: that the challenge was answered.
func TestRefreshAsksOnce(t *testing.T) {
	store := &refusing{}
	g := binding(t, func(s *settings) { s.keepFor, s.wrap = 5*time.Second, store })
	b := g.bound("yes")
	for name, age := range map[string]time.Duration{"a fresh copy": time.Second, "an old copy": 7 * time.Minute} {
		b.get(wiki + "/") // the cached copy is of now
		g.clock.Advance(age)
		now := g.clock.Now().Add(-time.Millisecond) // when the request came
		g.service.Now = func() time.Time { return now }
		reads, before := 0, store.writes.Load()
		store.before = func(op string) {
			if op == "get" {
				reads++
			}
		}
		if r := b.refresh(); r.status != http.StatusOK || r.setCookies()[short] == nil {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		store.before, g.service.Now = nil, g.clock.Now
		if n := store.writes.Load() - before; reads != 1 || n != 1 {
			t.Errorf("%s: %d reads, %d writes", name, reads, n)
		}
	}
}
