package signals

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// reported is the report of an event about a subject.
func (w *world) reported(kind, members string, about dict) *Report {
	w.t.Helper()
	raw, err := json.Marshal(about)
	if err != nil {
		w.t.Fatal(err)
	}
	event, _, err := ReadEvent(kind, json.RawMessage(members))
	if err != nil {
		w.t.Fatal(err)
	}
	subject, err := ReadSubject(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return &Report{Event: event, Subject: subject, At: w.clock.Now(), Provider: w.Receiver.Provider, From: "okta"}
}

// A preview reaches the sessions that the event then reaches, names what it keeps, and does nothing.
func TestPreview(t *testing.T) {
	for _, row := range []struct {
		event, members string
		subject        dict
		effect         Effect
		result         Result
		reaches        string // of: ada1 ada2 bare grace
	}{
		{"account-disabled", "", sub("ada"), Ended, Acted, "ada1 ada2 bare"},
		{risc + "account-disabled", "", mail("ada@example.com"), Ended, Acted, "ada1 ada2 bare"},
		{"session-revoked", "", dict{"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s1"}}, Ended, Acted, "ada1 bare"},
		{"session-revoked", "", dict{"format": "complex", "session": dict{"format": "opaque", "id": "s2"}}, Ended, Acted, "ada2"},
		{"session-revoked", "", dict{"format": "opaque", "id": "s1"}, Ended, Acted, "ada1"},
		{"session-revoked", "", dict{"format": "opaque", "id": "ada"}, Ended, Acted, "ada1 ada2 bare"},
		{"credential-change", `{"change_type":"update","credential_type":"password"}`, sub("grace"), Reauthenticated, Acted, "grace"},
		{"credential-change", `{"change_type":"create"}`, sub("grace"), Logged, Acted, "grace"},
		{"risk-level-change", `{"current_level":"HIGH","principal":"USER"}`, sub("ada"), Risky, Acted, "ada1 ada2 bare"},
		{"token-claims-change", "", sub("ada"), Rechecked, Acted, "ada1 ada2 bare"},
		{"global-token-revocation", "", sub("ada"), Ended, Acted, "ada1 ada2 bare"},
		{"account-disabled", "", sub("nobody"), Ended, NothingToDo, ""},
		{"account-disabled", "", dict{"format": "complex", "tenant": dict{"format": "opaque", "id": "t"}}, Ended, UnknownWho, ""},
		{"session-presented", "", sub("ada"), Ignored, NotConsidered, ""},
		{"https://e.example/other", "", sub("ada"), Ignored, UnknownEvent, ""},
	} {
		t.Run(row.event+" "+row.reaches, func(t *testing.T) {
			w := newWorld(t)
			named := map[string]session.Token{
				"ada1": w.signIn("ada", "s1"), "ada2": w.signIn("ada", "s2"), "bare": w.signIn("ada", ""), "grace": w.signIn("grace", "s4"),
			}
			w.clock.Advance(time.Minute)
			report := w.reported(row.event, row.members, row.subject)
			p, err := w.Preview(t.Context(), report)
			if err != nil || p.Effect != row.effect || p.Result != row.result {
				t.Fatalf("%+v, %v", p, err)
			}
			var reached []string
			for name, token := range named {
				if slices.ContainsFunc(p.Sessions, func(s *session.Record) bool { return s.ID == token.ID }) {
					reached = append(reached, name)
				}
				if !w.lives(token) || w.record(token).Signalled != (session.Signalled{}) {
					t.Errorf("%s was changed", name)
				}
			}
			slices.Sort(reached)
			if got := strings.Join(reached, " "); got != row.reaches {
				t.Errorf("reaches %q", got)
			}
			if len(w.log.all)+len(w.told) != 0 {
				t.Error("something was logged")
			}
			if got, err := w.Carry(t.Context(), report); err != nil || got != row.result {
				t.Errorf("carried out: %s, %v", got, err)
			}
			for name, token := range named {
				if ended := row.effect == Ended && slices.Contains(reached, name); w.lives(token) == ended {
					t.Errorf("%s lives: %t", name, !ended)
				}
			}
		})
	}
	if _, _, err := ReadEvent("account-disabled", json.RawMessage("[]")); err == nil {
		t.Error("a list is taken for an event")
	}
	if kinds := Kinds(); !slices.Contains(kinds, "account-disabled") || !slices.Contains(kinds, "global-token-revocation") {
		t.Error(kinds)
	}
}

// A preview names the tokens that the event then ends, also of a user without a session, and those for which a risk counts. It
// ends none.
func TestPreviewTokens(t *testing.T) {
	session1 := dict{"format": "complex", "user": sub("ada"), "session": dict{"format": "opaque", "id": "s1"}}
	for _, row := range []struct {
		event, members string
		subject        dict
		result         Result
		reaches        bool
		ends           bool
	}{
		{"account-disabled", "", sub("ada"), Acted, true, true},
		{"account-disabled", "", mail("ada@example.com"), Acted, true, true},
		{"global-token-revocation", "", mail("ada@example.com"), Acted, true, true},
		{"account-disabled", "", sub("grace"), NothingToDo, false, false},
		{"session-revoked", "", session1, NothingToDo, false, false},
		{"risk-level-change", `{"current_level":"HIGH","principal":"USER"}`, sub("ada"), NothingToDo, true, false},
		{"risk-level-change", `{"current_level":"HIGH","principal":"USER"}`, session1, NothingToDo, false, false},
		{"account-enabled", "", sub("ada"), NothingToDo, false, false},
	} {
		w := newWorld(t)
		adas := w.signIn("ada", "s1", w.confirmed)
		id := w.makeToken(adas)
		if err := w.manager.End(t.Context(), w.record(adas)); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Minute)
		report := w.reported(row.event, row.members, row.subject)
		p, err := w.Preview(t.Context(), report)
		if err != nil || p.Result != row.result || (len(p.Tokens) == 1) != row.reaches || len(p.Tokens) > 1 || !w.good(id) {
			t.Errorf("%s %v: %+v, %v", row.event, row.subject, p, err)
			continue
		}
		if row.reaches && (p.Tokens[0].Name != "laptop" || p.Tokens[0].App != "git" || p.Tokens[0].Who.Identity.Subject != "ada") {
			t.Errorf("%s: %+v of %+v", row.event, p.Tokens[0].Token, p.Tokens[0].Who)
		}
		if got, err := w.Carry(t.Context(), report); err != nil || got != row.result || w.good(id) == row.ends {
			t.Errorf("%s %v: carried out: %s, %v; the token is good: %t", row.event, row.subject, got, err, !row.ends)
		}
	}
}
