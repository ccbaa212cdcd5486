package session_test

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// unboundLimits are limits with which a persistent session lives shorter if it is not bound.
var unboundLimits = session.Limits{
	Browser:    session.Limit{Idle: time.Hour, Max: 8 * time.Hour},
	Persistent: session.Limit{Idle: 90 * day, Max: 180 * day},
	Unbound:    session.Limit{Idle: 7 * day, Max: 30 * day},
}

func unboundWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.Manager = w.replica(t, session.ManagerConfig{Limits: unboundLimits})
	return w
}

// A persistent session that is not bound has limits of its own, each of which is by default that of a bound one. They
// make no difference to a session that ends with the browser.
func TestUnboundLimits(t *testing.T) {
	partly := unboundLimits
	partly.Unbound.Max = 0
	for name, tt := range map[string]struct {
		limits session.Limits
		kind   session.Kind
		bound  bool
		want   session.Limit
	}{
		"bound":              {unboundLimits, session.Persistent, true, unboundLimits.Persistent},
		"not bound":          {unboundLimits, session.Persistent, false, unboundLimits.Unbound},
		"idle limit only":    {partly, session.Persistent, false, session.Limit{Idle: 7 * day, Max: 180 * day}},
		"not configured":     {session.DefaultLimits, session.Persistent, false, session.DefaultLimits.Persistent},
		"browser":            {unboundLimits, session.Browser, false, unboundLimits.Browser},
		"browser, and bound": {unboundLimits, session.Browser, true, unboundLimits.Browser},
	} {
		if got := tt.limits.Of(tt.kind, tt.bound); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	same := session.Limits{Browser: unboundLimits.Browser, Persistent: unboundLimits.Browser}
	if !same.Same() {
		t.Error("equal limits are not the same")
	}
	same.Unbound.Idle = time.Minute
	if same.Same() {
		t.Error("the answer Yes shortens the session, and counts as no change")
	}
}

// A74: whether a session is bound decides by which of the limits of today it is held.
func TestLimitsOfBoundSession(t *testing.T) {
	s := session.Record{Kind: session.Persistent, Created: at("2026-01-01T00:00:00Z"), LastUsed: at("2026-01-01T00:00:00Z"), Limit: unboundLimits.Persistent}
	if got := s.MaxEnd(unboundLimits); !got.Equal(s.Created.Add(30 * day)) {
		t.Errorf("not bound: ends at the latest %v", got)
	}
	s.Binding.Registered = s.Created
	if got := s.Ends(unboundLimits); !got.Equal(s.Created.Add(7 * day)) {
		t.Errorf("registered, and not yet bound: ends %v", got)
	}
	s.Binding.Since = s.Created
	if got := s.MaxEnd(unboundLimits); !got.Equal(s.Created.Add(180 * day)) {
		t.Errorf("bound: ends at the latest %v", got)
	}
}

// A persistent session begins with the limits of one that is not bound, whatever its draft says, and remembers those
// that it gets once it is bound.
func TestSessionBeginsUnbound(t *testing.T) {
	w := unboundWorld(t)
	draft := fullDraft()
	draft.Binding = session.Binding{Identifier: "!x", Key: []byte("key"), Since: w.clock.Now()}
	s, _ := w.create(t, draft, session.Tokens{})
	if s.Limit != unboundLimits.Unbound || s.Binding.Limit != unboundLimits.Persistent || s.Binding.Bound() || len(s.Binding.Key) > 0 || s.Session().Bound {
		t.Errorf("begins as %+v, limit %v", s.Binding, s.Limit)
	}
	draft.Kind = session.Browser
	if s, _ := w.create(t, draft, session.Tokens{}); s.Limit != unboundLimits.Browser || s.Binding.Limit != (session.Limit{}) {
		t.Errorf("browser session: %+v, limit %v", s.Binding, s.Limit)
	}
	tight, err := w.Tighten(t.Context(), s, "never")
	if err != nil || tight.Limit != unboundLimits.Browser || tight.Binding.Limit != (session.Limit{}) {
		t.Errorf("X16: tightened to %+v, %v", tight, err)
	}
}

// X21, A16: a step-up of a session that is not bound loosens neither its limits nor those that it would get.
func TestSucceedUnbound(t *testing.T) {
	w := unboundWorld(t)
	longer := unboundLimits
	longer.Persistent, longer.Unbound = session.Limit{Idle: 300 * day, Max: 300 * day}, session.Limit{Idle: 200 * day, Max: 200 * day}
	old, _ := w.create(t, fullDraft(), session.Tokens{})
	s, _, err := w.replica(t, session.ManagerConfig{Limits: longer}).Succeed(t.Context(), old, fullDraft(), session.Tokens{})
	if err != nil || s.Limit != unboundLimits.Unbound || s.Binding.Limit != unboundLimits.Persistent {
		t.Errorf("%+v, limit %v, %v", s.Binding, s.Limit, err)
	}
}
