package signals

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// confirmed makes that the provider has just said that the user exists.
func (w *world) confirmed(s *session.Record) { s.GroupsAsOf = w.clock.Now() }

// makeToken makes a token of the user of a session, for a program.
func (w *world) makeToken(of session.Token) session.ID {
	w.t.Helper()
	_, text, err := w.Tokens.Create(w.t.Context(), w.record(of), apitoken.Draft{Name: "laptop", App: "git"})
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := apitoken.ID(text)
	return id
}

// good reports whether a token is good on another replica.
func (w *world) good(id session.ID) bool {
	w.t.Helper()
	_, _, err := w.actor(w.replica()).Tokens.Find(w.t.Context(), id, "git")
	if err != nil && !errors.Is(err, session.ErrNotFound) && !errors.Is(err, session.ErrRevoked) {
		w.t.Fatal(err)
	}
	return err == nil
}

// Which events end the tokens that users have made for programs: those that end all sessions of the user, whether there is
// a session or not. An event about one session or one device does not, nor does one that ends nothing. result is that for a
// user without a session.
func TestTokensEndWithTheirUser(t *testing.T) {
	session1 := dict{"format": "opaque", "id": "s1"}
	for _, row := range []struct {
		what, uri string
		body      dict
		subject   dict
		options   Options
		result    Result
		ends      string // of: ada grace
	}{
		{"disabled", risc + "account-disabled", nil, sub("ada"), Options{}, Acted, "ada"},
		{"purged", risc + "account-purged", nil, sub("ada"), Options{}, Acted, "ada"},
		{"compromised", risc + "credential-compromise", dict{"credential_type": "password"}, sub("ada"), Options{}, Acted, "ada"},
		{"all sessions of RISC", risc + "sessions-revoked", nil, sub("ada"), Options{}, Acted, "ada"},
		{"a user", caep + "session-revoked", nil, sub("ada"), Options{}, Acted, "ada"},
		{"an opaque user", caep + "session-revoked", nil, dict{"format": "opaque", "id": "ada"}, Options{}, Acted, "ada"},
		{"an address", risc + "account-disabled", nil, mail("ADA@example.com"), Options{}, Acted, "ada"},
		{"an address of another user", risc + "account-disabled", nil, mail("eve@example.com"), Options{}, NothingToDo, ""},
		{"two users", risc + "account-disabled", nil, dict{"format": "aliases", "identifiers": []dict{sub("ada"), sub("grace")}}, Options{}, Acted, "ada grace"},
		{"an address and an ID", risc + "account-disabled", nil, dict{"format": "aliases", "identifiers": []dict{mail("grace@example.com"), sub("ada")}}, Options{}, Acted, "ada grace"},
		{"a user at another provider", risc + "account-disabled", nil, dict{"format": "iss_sub", "iss": "https://other.example.com", "sub": "ada"}, Options{}, UnknownWho, ""},
		{"a password that ends sessions", caep + "credential-change", dict{"change_type": "update", "credential_type": "password"}, sub("ada"), Options{CredentialChange: Ended}, Acted, "ada"},
		{"a password that does not", caep + "credential-change", dict{"change_type": "update", "credential_type": "password"}, sub("ada"), Options{}, NothingToDo, ""},
		{"a session", caep + "session-revoked", nil, dict{"format": "complex", "session": session1}, Options{}, NothingToDo, ""},
		{"a user and a session", caep + "session-revoked", nil, dict{"format": "complex", "user": sub("ada"), "session": session1}, Options{}, NothingToDo, ""},
		{"an opaque session", caep + "session-revoked", nil, session1, Options{}, NothingToDo, ""},
		{"a device", caep + "session-revoked", nil, dict{"format": "complex", "user": sub("ada"), "device": dict{"format": "opaque", "id": "d1"}}, Options{}, NothingToDo, ""},
		{"a user, where only sessions count", caep + "session-revoked", nil, sub("ada"), Options{SessionOnly: true}, NotConsidered, ""},
		{"enabled", risc + "account-enabled", nil, sub("ada"), Options{}, NothingToDo, ""},
	} {
		for _, signedIn := range []bool{false, true} {
			t.Run(row.what, func(t *testing.T) {
				w := newWorld(t)
				w.Options = row.options
				adas, graces := w.signIn("ada", "s1", w.confirmed), w.signIn("grace", "s2", w.confirmed)
				tokens := map[string]session.ID{"ada": w.makeToken(adas), "grace": w.makeToken(graces)}
				if !signedIn {
					for _, one := range []session.Token{adas, graces} {
						if err := w.manager.End(t.Context(), w.record(one)); err != nil {
							t.Fatal(err)
						}
					}
				}
				w.clock.Advance(time.Minute)
				body := dict{"event_timestamp": w.clock.Now().Unix()}
				for k, v := range row.body {
					body[k] = v
				}
				change := dict{"sub_id": row.subject, "events": event(row.uri, body)}
				if signedIn {
					if err := w.Receive(t.Context(), w.Actor, w.token(nil, change)); err != nil {
						t.Fatal(err)
					}
				} else {
					w.push(row.result, change)
					w.holdsTold(row.result == Acted, row.ends)
				}
				for name, id := range tokens {
					if ends := strings.Contains(row.ends, name); w.good(id) == ends {
						t.Errorf("signed in %t: the token of %s is good: %t", signedIn, name, !ends)
					}
				}
				w.clock.Advance(time.Second)
				if !w.good(w.makeToken(w.signIn("ada", "s3", w.confirmed))) {
					t.Error("a token from afterwards is not good")
				}
			})
		}
	}
}

// holdsTold checks that what is told of tokens names their users and the event.
func (w *world) holdsTold(told bool, ends string) {
	w.t.Helper()
	if (len(w.told) > 0) != told || (len(w.log.all) > 0) != told {
		w.t.Errorf("told %v, logged %+v", w.told, w.log.all)
	}
	for _, one := range w.told {
		name, _ := one["user_subject"].(string)
		if one["event"] != access.EventTokenRevoked || one["by"] != access.BySignal || one["from"] != "okta" || one["app"] != "git" || !strings.Contains(ends, name) || one["user_name"] != name {
			w.t.Errorf("told %v", one)
		}
	}
	for _, e := range w.log.all {
		if e.Code != signinlog.GrantRevoked || e.TokenID == "" || e.SessionID != "" || e.InitiatedBy.Name != "okta" || !strings.Contains(ends, e.UserSubject) {
			w.t.Errorf("entry %+v", e)
		}
	}
}

// Several tokens of a user are one entry of the log, and an event each.
func TestManyTokensEnd(t *testing.T) {
	w := newWorld(t)
	adas := w.signIn("ada", "s1", w.confirmed)
	w.makeToken(adas)
	w.makeToken(adas)
	w.clock.Advance(time.Minute)
	w.push(Acted, dict{"sub_id": sub("ada"), "events": event(risc+"account-disabled", dict{})})
	if len(w.log.all) != 2 || w.log.all[1].TokenID != "" || !strings.HasSuffix(w.log.all[1].Detail, "; 2 tokens") || len(w.told) != 3 {
		t.Errorf("logged %+v, told %v", w.log.all, w.told)
	}
	if own, err := w.Tokens.Own(t.Context(), session.Identity{Issuer: login, Subject: "ada"}); err != nil || len(own) != 0 {
		t.Errorf("the list has %v, %v", own, err)
	}
}

// An order to revoke ends the tokens of the user, however the user is named. A logout token is a sign-out, and ends none.
func TestTokensAndOtherReports(t *testing.T) {
	for what, row := range map[string]struct {
		subject dict
		want    error
		ends    bool
	}{
		"an ID":                     {sub("ada"), nil, true},
		"an address":                {mail("ada@example.com"), nil, true},
		"an address without tokens": {mail("grace@example.com"), ErrNoUser, false},
	} {
		w := newWorld(t)
		adas := w.signIn("ada", "s1", w.confirmed)
		id := w.makeToken(adas)
		if err := w.manager.End(t.Context(), w.record(adas)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		if err := w.Revoke(t.Context(), w.Actor, nil, order(row.subject)); !errors.Is(err, row.want) || w.good(id) == row.ends {
			t.Errorf("%s: %v, the token is good: %t", what, err, w.good(id))
		}
	}
	for what, subject := range map[string]Subject{
		"a user":         {User: &Identifier{Format: IssSub, Issuer: login, Value: "ada"}},
		"their session":  {User: &Identifier{Format: IssSub, Issuer: login, Value: "ada"}, Session: &Identifier{Format: Opaque, Value: "s1"}},
		"a session only": {Session: &Identifier{Format: Opaque, Value: "s1"}},
	} {
		w := newWorld(t)
		adas := w.signIn("ada", "s1", w.confirmed)
		id := w.makeToken(adas)
		w.clock.Advance(time.Minute)
		result, err := w.Carry(t.Context(), &Report{
			Event: Event{Kind: ProviderSignedOut}, Subject: subject, At: w.clock.Now(), Provider: w.Receiver.Provider, By: access.ByProvider, From: "main",
		})
		if err != nil || result != Acted || w.lives(adas) || !w.good(id) {
			t.Errorf("%s: %s, %v, the session lives: %t, the token is good: %t", what, result, err, w.lives(adas), w.good(id))
		}
	}
}
