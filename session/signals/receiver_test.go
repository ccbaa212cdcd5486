package signals

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// Every event of the table, for a user who is signed in twice: what ends, what is demanded, what is only logged.
func TestEffects(t *testing.T) {
	at := func(w *world) int64 { return w.clock.Now().Unix() }
	for _, row := range []struct {
		uri     string
		body    dict
		options Options
		result  Result
		ends    bool
		renews  bool // a new authentication is demanded
		asks    bool // the provider is asked for the claims
	}{
		{uri: caep + "session-revoked", result: Acted, ends: true},
		{uri: caep + "session-revoked", options: Options{SessionOnly: true}, result: NotConsidered},
		{uri: risc + "sessions-revoked", result: Acted, ends: true},
		{uri: risc + "account-disabled", body: dict{"reason": "hijacking"}, result: Acted, ends: true},
		{uri: risc + "account-purged", result: Acted, ends: true},
		{uri: risc + "credential-compromise", body: dict{"credential_type": "password"}, result: Acted, ends: true},
		{uri: risc + "identifier-changed", result: Acted, ends: true},
		{uri: risc + "identifier-recycled", result: Acted, ends: true},
		{uri: risc + "account-credential-change-required", result: Acted, renews: true},
		{uri: caep + "credential-change", body: dict{"change_type": "update", "credential_type": "password"}, result: Acted, renews: true},
		{uri: caep + "credential-change", body: dict{"change_type": "update", "credential_type": "password"}, options: Options{CredentialChange: Ended}, result: Acted, ends: true},
		{uri: caep + "credential-change", body: dict{"change_type": "update", "credential_type": "password"}, options: Options{CredentialChange: Logged}, result: Acted},
		{uri: caep + "credential-change", body: dict{"change_type": "delete", "credential_type": "fido2-roaming"}, result: Acted, renews: true},
		{uri: caep + "credential-change", body: dict{"change_type": "revoke", "credential_type": "app"}, result: Acted, renews: true},
		{uri: caep + "credential-change", body: dict{"change_type": "create", "credential_type": "fido2-roaming"}, options: Options{CredentialChange: Ended}, result: Acted},
		{uri: caep + "assurance-level-change", body: dict{"change_direction": "increase"}, result: Acted},
		{uri: caep + "token-claims-change", body: dict{"claims": dict{"groups": []string{"admins"}}}, result: Acted, asks: true},
		{uri: risc + "account-enabled", result: Acted},
		{uri: risc + "recovery-activated", result: Acted},
		{uri: risc + "recovery-information-changed", result: Acted},
		{uri: caep + "session-established", result: NotConsidered},
		{uri: caep + "session-presented", result: NotConsidered},
		{uri: risc + "opt-out-effective", result: NotConsidered},
		{uri: "https://e.example/other", result: UnknownEvent},
		{uri: ssf + "verification", body: dict{"state": "x"}, result: AboutStream},
		{uri: ssf + "stream-updated", body: dict{"status": "paused"}, result: AboutStream},
	} {
		t.Run(row.uri[strings.LastIndex(row.uri, "/")+1:], func(t *testing.T) {
			w := newWorld(t)
			w.Options = row.options
			one, two, other := w.signIn("ada", "s1"), w.signIn("ada", "s2"), w.signIn("grace", "s3")
			w.clock.Advance(time.Minute)
			body := dict{"event_timestamp": at(w)}
			for k, v := range row.body {
				body[k] = v
			}
			w.push(row.result, dict{"sub_id": sub("ada"), "events": event(row.uri, body)})
			if w.lives(one) == row.ends || w.lives(two) == row.ends || !w.lives(other) {
				t.Fatalf("live: %t, %t, the other %t", w.lives(one), w.lives(two), w.lives(other))
			}
			if !row.ends && w.record(one).Renounced() != row.renews {
				t.Errorf("demands a new authentication: %t", !row.renews)
			}
			if !row.ends && w.record(one).Outdated() != row.asks {
				t.Errorf("the claims are outdated: %t", !row.asks)
			}
			if w.record(other).Signalled != (session.Signalled{}) {
				t.Error("something was kept of another user")
			}
			if logged := len(w.log.all) == 1; logged != (row.result == Acted) {
				t.Errorf("entries %+v", w.log.all)
			}
			raw := w.token(nil, dict{"sub_id": sub("ada"), "events": event(row.uri, body)})
			w.again(w.secondTime(row.result, row.asks), raw)
			if row.result == Acted || row.result == NothingToDo {
				w.again(Duplicate, raw)
			}
		})
	}
}

// secondTime is what a second event of the same kind comes to: there is nothing left to do, or it is logged again.
func (w *world) secondTime(first Result, kept bool) Result {
	if first == Acted && (kept || w.log.all[0].Code != signinlog.Success) {
		return NothingToDo
	}
	return first
}

// An event that is received again, by whatever replica and after a restart, changes nothing, and is acknowledged.
func TestReceivedAgain(t *testing.T) {
	inStores(t, func(t *testing.T, w *world) {
		w.signIn("ada", "s1")
		w.clock.Advance(time.Minute)
		raw := w.push(Acted, dict{"sub_id": sub("ada")})
		w.clock.Advance(time.Second)
		later := w.signIn("ada", "s2", func(s *session.Record) { s.AuthTime = w.clock.Now().Add(-time.Minute) })
		w.again(Duplicate, raw)
		w.Actor = w.actor(w.replica()) // as after a restart
		w.again(Duplicate, raw)
		if !w.lives(later) || len(w.log.all) != 1 {
			t.Errorf("lives: %t, entries %+v", w.lives(later), w.log.all)
		}
		w.clock.Advance(rememberFor)
		w.again(TooOld, raw)
	})
}

// A82: while the store does not answer, an event is neither acknowledged nor remembered; the next attempt is carried out.
func TestReceiveDuringOutage(t *testing.T) {
	w := &world{sender: newSender(t), t: t}
	memory := storetest.NewMemory(w.clock.Now)
	broken := &storetest.Interrupted{Store: memory}
	w.over(broken)
	token := w.signIn("ada", "s1", w.confirmed)
	id := w.makeToken(token)
	w.clock.Advance(time.Minute) // a session from after the event would stay
	raw := w.token(nil, dict{"sub_id": sub("ada")})
	for failing := 1; ; failing++ {
		calls := 0
		broken.Interrupt(func(context.Context, string, session.Key) error {
			if calls++; calls == failing {
				return session.ErrUnavailable
			}
			return nil
		})
		err := w.Receive(t.Context(), w.Actor, raw)
		broken.Interrupt(nil)
		if calls < failing {
			break // no call failed
		}
		if err == nil && (w.lives(token) || w.good(id)) {
			t.Fatalf("call %d failed: acknowledged, and the session lives: %t, the token is good: %t", failing, w.lives(token), w.good(id))
		}
		if errors.As(err, new(*Refused)) {
			t.Fatalf("call %d failed: refused", failing)
		}
		w.clock.Advance(leaseLife + time.Second)
	}
	if w.lives(token) {
		t.Error("the session lives")
	}
}

// Two replicas that receive the same event at the same time: one carries it out, the other has it sent again.
func TestReceivedTwiceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.signIn("ada", "s1")
	w.clock.Advance(time.Minute)
	raw := w.token(nil, dict{"sub_id": sub("ada"), "jti": "one"})
	lease := session.Entry{Key: session.HashKey("el", w.Receiver.Transmitter.Issuer, "one"), Value: []byte{1}, Expires: w.clock.Now().Add(leaseLife)}
	if err := w.store.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if err := w.Receive(t.Context(), w.Actor, raw); !errors.Is(err, ErrBusy) {
		t.Fatalf("%v", err)
	}
	w.clock.Advance(leaseLife + time.Second) // the other has stopped
	w.again(Acted, raw)
}

// Whom an event names, and no other user: each format, members that hold together, other providers, a tenant alone.
func TestWhomAnEventNames(t *testing.T) {
	for _, row := range []struct {
		what    string
		subject dict
		result  Result
		ends    string // of: ada1 ada2 grace other
	}{
		{"iss_sub", sub("ada"), Acted, "ada1 ada2"},
		{"iss_sub of the transmitter", dict{"format": "iss_sub", "iss": "TRANSMITTER", "sub": "ada"}, Acted, "ada1 ada2"},
		{"iss_sub of another provider", dict{"format": "iss_sub", "iss": "https://other.example.com", "sub": "ada"}, UnknownWho, ""},
		{"iss_sub with another case", sub("Ada"), NothingToDo, ""},
		{"email", mail("ADA@example.com"), Acted, "ada1 ada2"},
		{"email, not verified", mail("grace@example.com"), NothingToDo, ""},
		{"email of no user", mail("x@example.com"), NothingToDo, ""},
		{"account", dict{"format": "account", "uri": "acct:ada@example.com"}, Acted, "ada1 ada2"},
		{"account of another scheme", dict{"format": "account", "uri": "https://ada@example.com"}, UnknownWho, ""},
		{"phone", dict{"format": "phone_number", "phone_number": "+12065550100"}, Acted, "ada1 ada2"},
		{"phone of no user", dict{"format": "phone_number", "phone_number": "+12065550199"}, NothingToDo, ""},
		{"opaque user", dict{"format": "opaque", "id": "ada"}, Acted, "ada1 ada2"},
		{"opaque session", dict{"format": "opaque", "id": "s1"}, Acted, "ada1"},
		{"uri", dict{"format": "uri", "uri": "ada"}, Acted, "ada1 ada2"},
		{"did", dict{"format": "did", "url": "ada"}, Acted, "ada1 ada2"},
		{"aliases", dict{"format": "aliases", "identifiers": []dict{mail("x@example.com"), sub("grace")}}, Acted, "grace"},
		{"a format of later", dict{"format": "later", "id": "ada"}, UnknownWho, ""},
		{"a session", dict{"format": "complex", "session": dict{"format": "opaque", "id": "s1"}}, Acted, "ada1"},
		{"a user and their session", dict{"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s2"}}, Acted, "ada2"},
		{"as authentik", dict{"user": mail("ada@example.com"), "session": dict{"format": "opaque", "id": "s2"}}, Acted, "ada2"},
		{"a user and another's session", dict{"format": "complex", "user": sub("grace"), "session": dict{"format": "opaque", "id": "s1"}}, NothingToDo, ""},
		{"a session that is not known", dict{"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s9"}}, NothingToDo, ""},
		{"a session of a format that is not read", dict{"format": "complex", "user": sub("ada"), "session": mail("s1")}, UnknownWho, ""},
		{"a user and a tenant", dict{"format": "complex", "user": sub("ada"), "tenant": dict{"format": "opaque", "id": "t"}}, Acted, "ada1 ada2"},
		{"a tenant alone", dict{"format": "complex", "tenant": dict{"format": "opaque", "id": "t"}}, UnknownWho, ""},
		{"a device alone", dict{"format": "complex", "device": dict{"format": "opaque", "id": "d1"}}, UnknownWho, ""},
		{"a user on a device", dict{"format": "complex", "user": sub("ada"), "device": dict{"format": "opaque", "id": "d1"}}, Acted, "ada1"},
		{"a user on an unknown device", dict{"format": "complex", "user": sub("ada"), "device": dict{"format": "opaque", "id": "d9"}}, NothingToDo, ""},
		{"at another application", dict{"format": "complex", "user": sub("ada"), "application": dict{"format": "opaque", "id": "payroll"}}, UnknownWho, ""},
		{"at us", dict{"format": "complex", "user": sub("ada"), "application": dict{"format": "opaque", "id": "latchkey"}}, Acted, "ada1 ada2"},
		{"none", nil, UnknownWho, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			w := newWorld(t)
			named := map[string]session.Token{
				"ada1": w.signIn("ada", "s1", func(s *session.Record) {
					s.KnownAs = append(s.KnownAs, session.KnownAsPhone("+1 (206) 555-0100"))
					s.Claims = []byte(`{"deviceid":"d1"}`)
				}),
				"ada2":  w.signIn("ada", "s2"),
				"grace": w.signIn("grace", "s3", func(s *session.Record) { s.KnownAs = nil }),
				"other": w.signIn("ada", "s1", func(s *session.Record) { s.Identity.Issuer = "https://other.example.com" }),
			}
			w.clock.Advance(time.Minute)
			subject := any(row.subject)
			if row.subject == nil {
				subject = nil
			} else if row.subject["iss"] == "TRANSMITTER" {
				row.subject["iss"] = w.IDP.URL
			}
			w.push(row.result, dict{"sub_id": subject})
			for name, token := range named {
				if ends := strings.Contains(row.ends, name); w.lives(token) == ends {
					t.Errorf("%s lives: %t", name, !ends)
				}
			}
			for _, e := range w.log.all {
				if e.Code != signinlog.GrantRevoked || e.InitiatedBy.Activity != "session-revoked" || e.InitiatedBy.Name != "okta" || e.Provider != "main" || e.UserSubject == "" {
					t.Errorf("entry %+v", e)
				}
			}
			for _, told := range w.told {
				if told["event"] != access.EventRevoked || told["by"] != access.BySignal || told["from"] != "okta" {
					t.Errorf("told %+v", told)
				}
			}
		})
	}
}

// A sign-in in progress loses against an event, by whatever name the event has for the user; what began after the event
// is not touched, however late the event arrives.
func TestEventWinsOverSignIn(t *testing.T) {
	for what, subject := range map[string]dict{
		"sub": sub("ada"), "email": mail("ada@example.com"), "session": {"format": "complex", "session": dict{"format": "opaque", "id": "s1"}},
		"user and session": {"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s1"}},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			began := w.clock.Now()
			w.clock.Advance(time.Minute)
			w.push(NothingToDo, dict{"sub_id": subject})
			w.clock.Advance(time.Minute)
			_, err := w.trySignIn("ada", "s1", func(s *session.Record) { s.Began, s.AuthTime = began, began })
			if !errors.Is(err, session.ErrRevoked) {
				t.Errorf("a sign-in from before: %v", err)
			}
			if w.lives(w.signIn("ada", "s2")) != true {
				t.Error("a new sign-in was ended")
			}
		})
	}
	w := newWorld(t)
	happened := w.clock.Now()
	w.clock.Advance(time.Hour)
	since := w.signIn("ada", "s1")
	w.push(NothingToDo, dict{"sub_id": sub("ada"), "events": event(risc+"account-disabled", dict{"event_timestamp": happened.UnixMilli()})})
	if !w.lives(since) {
		t.Error("a session from after the event has ended")
	}
}

// A changed credential: sessions go on, and demand a new authentication; a sign-in in progress that authenticated before
// makes such a session too, and a renewal of claims does not take the demand back.
func TestCredentialChange(t *testing.T) {
	w := newWorld(t)
	before := w.signIn("ada", "s1")
	silent := w.signIn("ada", "s2", func(s *session.Record) { s.AuthTime = time.Time{} })
	authenticated := w.clock.Now()
	w.clock.Advance(time.Minute)
	change := event(caep+"credential-change", dict{"change_type": "update", "credential_type": "password"})
	w.push(Acted, dict{"sub_id": sub("ada"), "events": change})
	inProgress := w.signIn("ada", "s3", func(s *session.Record) { s.AuthTime = authenticated })
	w.clock.Advance(time.Second)
	after := w.signIn("ada", "s4")
	for name, row := range map[string]struct {
		token session.Token
		want  bool
	}{"before": {before, true}, "without auth_time": {silent, true}, "in progress": {inProgress, true}, "after": {after, false}} {
		if got := w.record(row.token).Renounced(); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	fresh := *w.record(before)
	fresh.GroupsAsOf, fresh.Signalled = w.clock.Now(), session.Signalled{}
	if _, err := w.manager.Renew(t.Context(), w.record(before), before, fresh, session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	if !w.record(before).Renounced() {
		t.Error("a renewal took the demand back")
	}
	draft := *w.record(before)
	draft.AuthTime = w.clock.Now()
	_, again, err := w.manager.Succeed(t.Context(), w.record(before), draft, session.Tokens{})
	if err != nil || w.record(again).Renounced() {
		t.Errorf("after a new authentication: %v", err)
	}
	if code := w.log.all[0].Code; code != signinlog.ReauthenticationRequired {
		t.Errorf("code %d", code)
	}
}

// What is signalled of a risk and of a device counts for a time; the later event counts, in whatever order they arrive.
func TestRiskAndDevice(t *testing.T) {
	w := newWorld(t)
	w.Options = Options{RiskTTL: time.Hour}
	one, two := w.signIn("ada", "s1"), w.signIn("ada", "s2")
	w.clock.Advance(time.Minute)
	early := w.clock.Now().Unix()
	w.clock.Advance(time.Minute)
	risk := func(level string, body dict) dict {
		body["current_level"] = level
		return event(caep+"risk-level-change", body)
	}
	w.push(Acted, dict{"sub_id": sub("ada"), "events": risk("HIGH", dict{"principal": "USER"})})
	w.push(NothingToDo, dict{"sub_id": sub("ada"), "events": risk("LOW", dict{"principal": "USER", "event_timestamp": early})})
	session1 := dict{"format": "complex", "session": dict{"format": "opaque", "id": "s1"}}
	w.push(Acted, dict{"sub_id": session1, "events": risk("MEDIUM", dict{"principal": "SESSION"})})
	w.push(Acted, dict{"sub_id": sub("ada"), "events": event(caep+"device-compliance-change", dict{"current_status": "not-compliant"})})
	now := w.clock.Now()
	for _, token := range []session.Token{one, two, w.signIn("ada", "s3")} {
		said := w.record(token).Signalled
		if said.UserRisk.At(now) != "high" || said.Compliant.At(now) != "false" || said.SignInRisk.At(now) != map[bool]string{true: "medium"}[token == one] {
			t.Errorf("%+v", said)
		}
		if later := now.Add(time.Hour); said.UserRisk.At(later) != "" || said.Compliant.At(later) != "" {
			t.Errorf("%+v is valid for ever", said)
		}
	}
	w.clock.Advance(time.Second)
	w.push(Acted, dict{"sub_id": sub("ada"), "events": risk("LOW", dict{"principal": "USER"})})
	if got := w.record(one).Signalled.UserRisk.At(w.clock.Now()); got != "low" {
		t.Errorf("risk %q", got)
	}
	w.push(Acted, dict{"sub_id": sub("ada"), "events": event(caep+"assurance-level-change", dict{"change_direction": "decrease"})})
	if !w.record(one).Weakened() {
		t.Error("a lower assurance level is not kept")
	}
}

// Another replica notices within the feed, and a cached session there is not used any more.
func TestOtherReplica(t *testing.T) {
	inStores(t, func(t *testing.T, w *world) {
		other := w.replica()
		token := w.signIn("ada", "s1")
		if _, err := other.Load(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
		w.push(Acted, dict{"sub_id": sub("ada"), "events": event(risc+"account-disabled", dict{})})
		if _, feeds := w.store.(session.Feed); !feeds {
			w.clock.Advance(time.Minute)
		}
		storetest.Until(t, "the other replica refuses the session", func() bool {
			_, err := other.Load(context.Background(), token)
			return errors.Is(err, session.ErrNotFound)
		})
	})
}
