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

// V18: A persistent session that is not bound has limits of its own, each of which is by default that of a bound one. They
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
	draft.Binding = session.Binding{DeviceKey: session.DeviceKey{Identifier: "!x", Key: []byte("key")}, Since: w.clock.Now()}
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

// register gives a session the key.
func (w *world) register(t *testing.T, s *session.Record, key string) *session.Record {
	t.Helper()
	r, err := w.Bind(t.Context(), s.ID, session.DeviceKey{Identifier: "!id", Key: []byte(key), Algorithm: "ES256"}, session.KeyID{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// V3: A session takes one key. It counts as bound, with other limits, when that is confirmed, and not before; what is known
// of it without its record agrees.
func TestBind(t *testing.T) {
	w := unboundWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	if s.Session().Keyed() || s.Session().Has(session.KeyID{}) || !s.Session().BoundSince().IsZero() {
		t.Error("a key before there is one")
	}
	if got, first, err := w.ConfirmBinding(t.Context(), s.ID); err != nil || first || got.Binding.Bound() {
		t.Errorf("bound without a key: %+v, %v", got, err)
	}
	r := w.register(t, s, "one")
	if r.Binding.Bound() || r.Limit != unboundLimits.Unbound || r.Session().Bound || !r.Session().Has(r.Binding.KeyID()) || r.Session().Has(session.KeyID{}) || r.Binding.KeyID() == (session.KeyID{}) {
		t.Errorf("registered: %+v", r)
	}
	if raised := r.Raised(w.clock.Now()); raised.Limit != unboundLimits.Persistent || !raised.Binding.Bound() || r.Binding.Bound() {
		t.Errorf("as it will be: %+v, and is %+v", raised, r)
	}
	_, err := w.Bind(t.Context(), s.ID, session.DeviceKey{Identifier: "!other", Key: []byte("two"), Algorithm: "ES256"}, session.KeyID{})
	want(t, "a second key", err, session.ErrBound)
	if again, err := w.Bind(t.Context(), s.ID, session.DeviceKey{Identifier: "!id", Key: []byte("one"), Algorithm: "ES256"}, r.Binding.KeyID()); err != nil || again.Binding.Bound() {
		t.Errorf("in place of the key that is named: %v", err)
	}
	w.clock.Advance(time.Minute)
	at := w.clock.Now().UTC().Truncate(time.Millisecond)
	b, first, err := w.ConfirmBinding(t.Context(), s.ID)
	if err != nil || !first || !b.Binding.Since.Equal(at) || b.Limit != unboundLimits.Persistent || string(b.Binding.Key) != "one" {
		t.Fatalf("%+v, %v", b, err)
	}
	live, err := w.Reload(t.Context(), token)
	if err != nil || !live.Bound || !live.BoundSince().Equal(at) || !live.Has(b.Binding.KeyID()) {
		t.Errorf("%+v, %v", live, err)
	}
	if again, err := live.Record(); err != nil || again.Binding.Limit != (session.Limit{}) || !again.Binding.Since.Equal(at) {
		t.Errorf("%+v, %v", again, err)
	}
	w.clock.Advance(time.Minute)
	if b, first, err = w.ConfirmBinding(t.Context(), s.ID); err != nil || first || !b.Binding.Since.Equal(at) {
		t.Errorf("confirmed twice: %+v, %v", b, err)
	}
	if tokens, err := w.Tokens(b, token); err != nil || tokens.Refresh != someTokens().Refresh {
		t.Errorf("tokens: %v", err)
	}
}

// A45: a session that is bound, and lives longer, is found by its user for as long as it lives.
func TestBoundSessionStaysListed(t *testing.T) {
	w := unboundWorld(t)
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	w.register(t, s, "one")
	if _, _, err := w.ConfirmBinding(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(unboundLimits.Unbound.Max + day)
	if of, err := w.Of(t.Context(), s.Identity); err != nil || len(of) != 1 {
		t.Errorf("found %v, %v", of, err)
	}
	if n, err := w.EndAll(t.Context(), s.Identity); err != nil || n != 1 {
		t.Errorf("ended %d, %v", n, err)
	}
}

// A session that cannot be listed for its longer life does not get it.
func TestConfirmBindingFails(t *testing.T) {
	w := unboundWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	w.register(t, s, "one")
	for _, op := range []string{"enlist", "replace"} {
		w.store.interrupt(failOn(op))
		_, _, err := w.ConfirmBinding(t.Context(), s.ID)
		want(t, op, err, session.ErrUnavailable)
		w.store.interrupt(nil)
		if live, err := w.Reload(t.Context(), token); err != nil || live.Bound {
			t.Errorf("%s: %+v, %v", op, live, err)
		}
	}
	if err := w.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.ConfirmBinding(t.Context(), s.ID)
	want(t, "ended", err, session.ErrNotFound)
	_, err = w.Bind(t.Context(), s.ID, session.DeviceKey{Key: []byte("two")}, session.KeyID{})
	want(t, "ended", err, session.ErrNotFound)
}

// V11: A13: a step-up of a bound session keeps its key and its limits, and its cookie says so.
func TestSucceedBound(t *testing.T) {
	w := unboundWorld(t)
	s, _ := w.create(t, fullDraft(), session.Tokens{})
	w.register(t, s, "one")
	b, _, err := w.ConfirmBinding(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(6 * day)
	next, token, err := w.Succeed(t.Context(), b, fullDraft(), session.Tokens{})
	if err != nil || !next.Binding.Bound() || string(next.Binding.Key) != "one" || next.Limit != unboundLimits.Persistent || !token.Bound {
		t.Errorf("%+v, %+v, %v", next, token, err)
	}
}

// A bound cookie and one of before are two values, and each tells what it is.
func TestBoundToken(t *testing.T) {
	keys := newWorld(t).keys
	token := session.NewToken()
	before := session.SealToken(keys, token, "wiki.example.com", "c")
	token.Bound = true
	value := session.SealToken(keys, token, "wiki.example.com", "c")
	if got, err := session.OpenToken(keys, value, "wiki.example.com", "c"); err != nil || got != token || len(value) > 90 {
		t.Errorf("%+v, %v", got, err)
	}
	token.Bound = false
	if got, err := session.OpenToken(keys, before, "wiki.example.com", "c"); err != nil || got != token {
		t.Errorf("%+v, %v", got, err)
	}
}
