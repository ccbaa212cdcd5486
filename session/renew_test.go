package session_test

import (
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Field trial 2.4: a renewal that comes with another session at the provider has the record name that one, and its end
// reaches the session. A renewal that says nothing of it leaves what was there.
func TestRenewMovesToAnotherProviderSession(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, w.signedIn(ada, "sid-1"), session.Tokens{Refresh: "one"})
	renew := func(sid string) {
		t.Helper()
		w.clock.Advance(time.Hour)
		fresh := session.Record{Identity: ada, ProviderSession: sid, GroupsAsOf: w.clock.Now()}
		var err error
		if s, err = w.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "next"}); err != nil {
			t.Fatal(err)
		}
	}
	if renew(""); s.ProviderSession != "sid-1" {
		t.Errorf("a renewal without a sid leaves %q", s.ProviderSession)
	}
	if renew("sid-2"); s.ProviderSession != "sid-2" {
		t.Errorf("a renewal with another sid leaves %q", s.ProviderSession)
	}
	if n := w.endByProvider(t, "", "sid-1", w.clock.Now()); len(n) != 0 {
		t.Errorf("the end of the session before ends %v", n)
	}
	w.loads(t, "after the end of the session before", token, nil)
	if n := w.endByProvider(t, "", "sid-2", w.clock.Now()); len(n) != 1 {
		t.Errorf("the end of the session now ends %v", n)
	}
	w.loads(t, "after the end of the session now", token, session.ErrNotFound)
}

// Field trial 2.4: the provider ends its session while the renewal that names it is on its way.
func TestRenewIntoAnEndedProviderSession(t *testing.T) {
	w := newCachedWorld(t, cached())
	s, token := w.create(t, w.signedIn(ada, "sid-1"), session.Tokens{Refresh: "one"})
	w.clock.Advance(time.Hour)
	fresh := session.Record{Identity: ada, ProviderSession: "sid-2", GroupsAsOf: w.clock.Now()}
	if n := w.endByProvider(t, "", "sid-2", w.clock.Now()); len(n) != 0 {
		t.Fatalf("ended %v", n)
	}
	_, err := w.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "next"})
	want(t, "renew", err, session.ErrNotFound)
	w.loads(t, "afterwards", token, session.ErrNotFound)
}

// Field trial 2.4: a sign-in without a sid that is under way makes no session once a sid and its person are signed out;
// one with another sid does.
func TestEndBySidAndSubWhileSigningIn(t *testing.T) {
	w := newWorld(t)
	unnamed, other := w.signedIn(ada, ""), w.signedIn(ada, "sid-2")
	unnamed.Began, other.Began = w.clock.Now(), w.clock.Now()
	w.clock.Advance(time.Second)
	w.endByProvider(t, ada.Subject, "sid-1", w.clock.Now())
	w.clock.Advance(time.Second)
	_, _, err := w.Create(t.Context(), unnamed, session.Tokens{})
	want(t, "without a sid", err, session.ErrRevoked)
	_, _, err = w.Create(t.Context(), other, session.Tokens{})
	want(t, "with another sid", err, nil)
}

// Field trial 1.2: that the provider took the refresh token is kept apart from when it stated the groups, across a
// restart, and the later of both is its last answer.
func TestConfirmed(t *testing.T) {
	w := newWorld(t)
	d := draft(ada, session.Browser)
	d.GroupsAsOf = w.clock.Now()
	s, token := w.create(t, d, session.Tokens{Refresh: "one"})
	if !s.Confirmed.IsZero() || !s.LastAnswer().Equal(s.GroupsAsOf) {
		t.Errorf("at first: confirmed %v, last answer %v", s.Confirmed, s.LastAnswer())
	}
	stated := s.GroupsAsOf
	w.clock.Advance(time.Hour)
	fresh := *s
	fresh.Confirmed = w.clock.Now()
	if _, err := w.Renew(t.Context(), s, token, fresh, session.Tokens{Refresh: "two"}); err != nil {
		t.Fatal(err)
	}
	got, err := w.replica(t, session.ManagerConfig{}).LoadRecord(t.Context(), token)
	want(t, "load", err, nil)
	if !got.GroupsAsOf.Equal(stated) || !got.Confirmed.Equal(w.clock.Now().Truncate(time.Millisecond)) || !got.LastAnswer().Equal(got.Confirmed) || !got.Session().LastAnswer().Equal(got.Confirmed) {
		t.Errorf("groups as of %v, confirmed %v, last answer %v", got.GroupsAsOf, got.Confirmed, got.LastAnswer())
	}
	w.clock.Advance(time.Hour)
	fresh.GroupsAsOf = w.clock.Now()
	got, err = w.Renew(t.Context(), got, token, fresh, session.Tokens{Refresh: "three"})
	if err != nil || !got.LastAnswer().Equal(fresh.GroupsAsOf.Truncate(time.Millisecond)) {
		t.Errorf("stated again: last answer %v, %v", got.LastAnswer(), err)
	}
}
