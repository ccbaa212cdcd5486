package signals

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// A renewal takes the mark of outdated claims back if the provider has answered since, and a sign-in in progress gets it if
// its claims are from before.
func TestClaimsChange(t *testing.T) {
	w := newWorld(t)
	old := func(s *session.Record) { s.GroupsAsOf, s.Renewable = w.clock.Now().Add(-time.Minute), true }
	token := w.signIn("ada", "s1", old)
	w.push(Acted, dict{"sub_id": sub("ada"), "events": event(caep+"token-claims-change", dict{})})
	inProgress := w.signIn("ada", "s2", old)
	w.clock.Advance(time.Second)
	after := w.signIn("ada", "s3", func(s *session.Record) { s.GroupsAsOf = w.clock.Now() })
	for name, row := range map[string]struct {
		token session.Token
		want  bool
	}{"before": {token, true}, "in progress": {inProgress, true}, "after": {after, false}} {
		if r := w.record(row.token); r.Outdated() != row.want || r.Session().Outdated != row.want {
			t.Errorf("%s: %t", name, !row.want)
		}
	}
	fresh := *w.record(token)
	fresh.GroupsAsOf = w.clock.Now()
	if _, err := w.manager.Renew(t.Context(), w.record(token), token, fresh, session.Tokens{}); err != nil || w.record(token).Outdated() {
		t.Errorf("renewed: %v", err)
	}
}

// SSF 1.0, 7.1: an event is discarded whose subject has a member that the transmitter marks as critical and that is not
// understood here. It is acknowledged. One that is understood is carried out.
func TestCriticalMembers(t *testing.T) {
	for what, row := range map[string]struct {
		critical []string
		result   Result
	}{
		"none": {nil, Acted}, "the user": {[]string{"user"}, Acted}, "the tenant": {[]string{"user", "tenant"}, CriticalField},
		"another": {[]string{"org_unit"}, Acted},
	} {
		w := newWorld(t)
		token := w.signIn("ada", "s1")
		w.clock.Advance(time.Minute)
		w.Critical = func(context.Context) ([]string, error) { return row.critical, nil }
		w.push(row.result, dict{"sub_id": dict{"format": "complex", "user": sub("ada"), "tenant": dict{"format": "opaque", "id": "t"}}})
		if w.lives(token) == (row.result == Acted) {
			t.Errorf("%s: the session lives: %t", what, w.lives(token))
		}
	}
	w := newWorld(t)
	token := w.signIn("ada", "s1")
	w.clock.Advance(time.Minute)
	w.Critical = func(context.Context) ([]string, error) { return nil, errors.New("no metadata") }
	raw := w.token(nil, dict{"sub_id": dict{"format": "complex", "user": sub("ada"), "tenant": dict{"format": "opaque", "id": "t"}}})
	if err := w.Receive(t.Context(), w.Actor, raw); err == nil || !w.lives(token) {
		t.Errorf("without metadata: %v", err)
	}
}
