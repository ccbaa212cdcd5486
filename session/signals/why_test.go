package signals

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// What the users are told: the kind of the event, and nothing of what they did themselves.
func TestWhy(t *testing.T) {
	for _, row := range []struct {
		event Event
		code  signinlog.Code
		want  Why
	}{
		{Event{Kind: AccountDisabled}, signinlog.GrantRevoked, WhyAccount},
		{Event{Kind: AccountDisabled, By: "admin"}, signinlog.GrantRevoked, WhyAccount},
		{Event{Kind: SessionRevoked, By: "user"}, signinlog.GrantRevoked, ""},
		{Event{Kind: SessionRevoked, By: "policy"}, signinlog.GrantRevoked, WhySessions},
		{Event{Kind: GlobalRevocation}, signinlog.GrantRevoked, WhySessions},
		{Event{Kind: CredentialChange, Change: "update", Credential: "password"}, signinlog.ReauthenticationRequired, WhyCredential},
		{Event{Kind: CredentialChange, Change: "create"}, signinlog.Success, ""},
		{Event{Kind: ProviderSignedOut}, signinlog.GrantRevoked, ""},
	} {
		for _, detail := range []string{row.event.String(), row.event.String() + "; 3 sessions"} {
			rec := &signinlog.Record{Code: row.code, Detail: detail, InitiatedBy: &signinlog.Initiator{Activity: string(row.event.Kind), Name: "okta"}}
			if got := WhyOf(rec); got != row.want {
				t.Errorf("%s: %q", detail, got)
			}
		}
		if got := row.event.why(); row.code != signinlog.Success && got != row.want {
			t.Errorf("%s: %q", row.event.String(), got)
		}
	}
	if WhyOf(&signinlog.Record{Code: signinlog.GrantRevoked}) != "" {
		t.Error("a reason without an event")
	}
}

// The reason goes with the end: to the browser that comes back, and to a sign-in that was in progress. A later end of
// another kind has no reason.
func TestWhyIsTold(t *testing.T) {
	inStores(t, func(t *testing.T, w *world) {
		began := w.clock.Now()
		token, other := w.signIn("ada", "s1"), w.signIn("grace", "s2")
		w.clock.Advance(time.Minute)
		w.push(Acted, dict{"sub_id": sub("ada"), "events": event(risc+"account-disabled", dict{})})
		if why := w.manager.WhyEnded(t.Context(), token.ID); why != string(WhyAccount) {
			t.Errorf("the browser is told %q", why)
		}
		if why := w.manager.WhyEnded(t.Context(), other.ID); why != "" {
			t.Errorf("another user is told %q", why)
		}
		_, err := w.trySignIn("ada", "s3", func(s *session.Record) { s.Began, s.AuthTime = began, began })
		var revoked *session.Revoked
		if !errors.Is(err, session.ErrRevoked) || !errors.As(err, &revoked) || revoked.Why != string(WhyAccount) {
			t.Errorf("the sign-in in progress: %v", err)
		}
		w.clock.Advance(time.Minute)
		if _, err := w.manager.EndAll(t.Context(), session.Identity{Issuer: login, Subject: "ada"}); err != nil {
			t.Fatal(err)
		}
		if _, err = w.trySignIn("ada", "s3", func(s *session.Record) { s.Began = began }); !errors.Is(err, session.ErrRevoked) || errors.As(err, &revoked) {
			t.Errorf("after an end of another kind: %v", err)
		}
	})
	w := newWorld(t)
	token := w.signIn("ada", "s1")
	w.clock.Advance(time.Minute)
	w.push(Acted, dict{"sub_id": sub("ada")})
	w.clock.Advance(25 * time.Hour)
	if why := w.manager.WhyEnded(t.Context(), token.ID); why != "" {
		t.Errorf("a day later: %q", why)
	}
}
