package signals

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// A credential changed, and the event names the user by an address: the session goes on once the user has authenticated
// again, as for an event that names the user by the ID.
func TestCredentialChangeOfAnAddress(t *testing.T) {
	change := event(caep+"credential-change", dict{"change_type": "update", "credential_type": "password"})
	w := newWorld(t)
	before := w.signIn("ada", "s1")
	began := w.clock.Now()
	w.clock.Advance(time.Minute)
	w.push(Acted, dict{"sub_id": mail("ada@example.com"), "events": change})
	w.clock.Advance(time.Second)
	if !w.record(before).Renounced() {
		t.Fatal("no new authentication is demanded")
	}
	draft := *w.record(before)
	draft.AuthTime = w.clock.Now()
	_, again, err := w.manager.Succeed(t.Context(), w.record(before), draft, session.Tokens{})
	if err != nil || w.record(again).Renounced() {
		t.Errorf("after a new authentication: %v", err)
	}
	inProgress, err := w.trySignIn("ada", "s2", func(s *session.Record) { s.Began, s.AuthTime = began, began })
	if err != nil || !w.record(inProgress).Renounced() {
		t.Errorf("a sign-in in progress: %v", err)
	}
}

// A risk counts for a session that begins after the report, by whatever name the report has for the user.
func TestRiskBeforeSignIn(t *testing.T) {
	for what, subject := range map[string]dict{
		"sub": sub("ada"), "email": mail("Ada@example.com"), "phone": {"format": "phone_number", "phone_number": "+12065550100"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.push(NothingToDo, dict{"sub_id": subject, "events": event(caep+"risk-level-change", dict{"current_level": "HIGH", "principal": "USER"})})
			w.clock.Advance(time.Minute)
			phone := func(s *session.Record) { s.KnownAs = append(s.KnownAs, session.KnownAsPhone("+1 (206) 555-0100")) }
			if got := w.record(w.signIn("ada", "s1", phone)).Signalled.UserRisk.At(w.clock.Now()); got != "high" {
				t.Errorf("risk %q", got)
			}
			if got := w.record(w.signIn("grace", "s2")).Signalled.UserRisk.At(w.clock.Now()); got != "" {
				t.Errorf("risk of another user %q", got)
			}
		})
	}
}

// A session that an event does not end can be continued by a step-up: the note that stops sign-ins in progress does not
// stop the successor of a session that was looked at and stays.
func TestSessionThatStaysGoesOn(t *testing.T) {
	onDevice := dict{"format": "complex", "user": sub("ada"), "device": dict{"format": "opaque", "id": "d1"}}
	for what, row := range map[string]struct {
		change dict
		want   Result
	}{
		"on another device": {dict{"sub_id": onDevice}, NothingToDo},
		"since the event":   {dict{"sub_id": sub("ada"), "events": event(risc+"account-disabled", dict{"event_timestamp": 1_000_000_000})}, NothingToDo},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			token := w.signIn("ada", "s1", func(s *session.Record) { s.Claims = []byte(`{"deviceid":"d2"}`) })
			w.clock.Advance(time.Minute)
			w.push(row.want, row.change)
			succeed := func() (session.Token, error) {
				draft := *w.record(token)
				draft.AuthTime = w.clock.Now()
				_, next, err := w.manager.Succeed(t.Context(), w.record(token), draft, session.Tokens{})
				return next, err
			}
			if _, err := succeed(); !errors.Is(err, session.ErrRevoked) {
				t.Errorf("while the sessions may still be looked at: %v", err)
			}
			w.clock.Advance(3 * time.Minute)
			if next, err := succeed(); err != nil || !w.lives(next) {
				t.Errorf("later: %v", err)
			}
		})
	}
}

// With `on session_revoked session` an ID that is that of a user ends nothing, only one of a session does.
func TestOpaqueWithSessionOnly(t *testing.T) {
	w := newWorld(t)
	w.Options.SessionOnly = true
	one, two := w.signIn("ada", "s1"), w.signIn("ada", "s2")
	w.clock.Advance(time.Minute)
	w.push(NothingToDo, dict{"sub_id": dict{"format": "opaque", "id": "ada"}})
	if !w.lives(one) || !w.lives(two) {
		t.Error("an event that names only a user has ended sessions")
	}
	w.push(Acted, dict{"sub_id": dict{"format": "opaque", "id": "s1"}})
	if w.lives(one) || !w.lives(two) {
		t.Error("not the session that is named")
	}
}

// A later report counts, however long an earlier one is valid: streams of one provider can have different times, and the
// configuration may change. Of two reports of one second the stricter one counts.
func TestLaterRiskCounts(t *testing.T) {
	w := newWorld(t)
	token := w.signIn("ada", "s1")
	risk := func(level string) {
		w.push(Acted, dict{"sub_id": sub("ada"), "events": event(caep+"risk-level-change", dict{"current_level": level, "principal": "USER"})})
	}
	device := func(want Result, status string) {
		w.push(want, dict{"sub_id": sub("ada"), "events": event(caep+"device-compliance-change", dict{"current_status": status})})
	}
	w.clock.Advance(time.Minute)
	w.Options.RiskTTL = 30 * 24 * time.Hour
	risk("LOW")
	device(Acted, "compliant")
	w.clock.Advance(time.Minute)
	w.Options.RiskTTL = time.Hour
	risk("MEDIUM")
	device(Acted, "not-compliant")
	if said := w.record(token).Signalled; said.UserRisk.At(w.clock.Now()) != "medium" || said.Compliant.At(w.clock.Now()) != "false" {
		t.Errorf("%+v", said)
	}
	risk("HIGH")
	w.push(NothingToDo, dict{"sub_id": sub("ada"), "events": event(caep+"risk-level-change", dict{"current_level": "LOW", "principal": "USER"})})
	device(NothingToDo, "compliant")
	if said := w.record(token).Signalled; said.UserRisk.At(w.clock.Now()) != "high" || said.Compliant.At(w.clock.Now()) != "false" {
		t.Errorf("%+v", said)
	}
}

// A member of a subject that cannot be read restricts: it is not left out, with a format or without one.
func TestUnreadableMembers(t *testing.T) {
	w := newWorld(t)
	token := w.signIn("ada", "s1")
	w.clock.Advance(time.Minute)
	for _, name := range []string{"user", "session", "device", "application"} {
		subject := dict{"user": sub("ada"), "session": dict{"format": "opaque", "id": "s1"}}
		subject[name] = "d1"
		if err := w.Receive(t.Context(), w.Actor, w.token(nil, dict{"sub_id": subject})); err == nil {
			t.Errorf("%s is left out", name)
		}
	}
	if !w.lives(token) {
		t.Error("the session has ended")
	}
	members, err := claim.Parse([]byte(`{"user":{"format":"opaque","id":"ada"},"tenant":"t1","note":null}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSubject(members)
	if err != nil || len(s.Others) != 2 {
		t.Errorf("%v, %v", s.Others, err)
	}
}

// No event has happened after its token was issued: one that arrives late does not reach what began since.
func TestTimeAfterIssue(t *testing.T) {
	w := newWorld(t)
	issued := w.clock.Now()
	w.clock.Advance(time.Hour)
	since := w.signIn("ada", "s1")
	w.push(NothingToDo, dict{
		"iat": issued.Unix(), "sub_id": sub("ada"),
		"events": event(risc+"account-disabled", dict{"event_timestamp": issued.Add(2 * time.Hour).Unix()}),
	})
	if !w.lives(since) {
		t.Error("a session from after the event has ended")
	}
}

// Addresses that look alike are not the same: a letter outside of ASCII is never one of ASCII. A number without digits
// names no user, and an extension is a part of the number.
func TestNamesThatLookAlike(t *testing.T) {
	if session.KnownAsMail("Ä@EXAMPLE.com") != session.KnownAsMail("ä@example.com") {
		t.Error("case counts")
	}
	for _, pair := range [][2]string{
		{session.KnownAsMail("\u212aevin@example.com"), session.KnownAsMail("kevin@example.com")},
		{session.KnownAsMail("\u0130da@example.com"), session.KnownAsMail("ida@example.com")},
		{session.KnownAsPhone("+49 30 1234;ext=5"), session.KnownAsPhone("+49 30 12345")},
	} {
		if pair[0] == pair[1] {
			t.Errorf("%q is both", pair[0])
		}
	}
	w := newWorld(t)
	token := w.signIn("ada", "s1", func(s *session.Record) { s.KnownAs = []string{session.KnownAsPhone("unknown")} })
	w.clock.Advance(time.Minute)
	w.push(UnknownWho, dict{"sub_id": dict{"format": "phone_number", "phone_number": "none"}})
	if !w.lives(token) {
		t.Error("a number without digits ends a session")
	}
}
