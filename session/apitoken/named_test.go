package apitoken_test

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// A user who has tokens and no session is found by a name of the provider: the names of now, at that issuer alone, for as long
// as a token lives.
func TestUsersNamed(t *testing.T) {
	w := newWorld(t)
	const before, after = "mail:ada@example.com", "mail:lovelace@example.com"
	is := func(what, issuer, name string, want ...session.Identity) {
		t.Helper()
		if got, err := w.b.UsersNamed(t.Context(), issuer, name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	is("nobody has a token", ada.Issuer, before)
	s := w.signIn(ada)
	_, id := w.create(s, laptop)
	if err := w.a.Sessions.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	is("by the address", ada.Issuer, before, ada)
	is("at another issuer", "https://other.example.com", before)
	is("another address", ada.Issuer, after)
	w.clock.Advance(10 * time.Minute)
	if _, _, err := w.a.Sessions.Create(t.Context(), session.Record{
		Kind: session.Persistent, Provider: "main", Identity: ada, User: "ada", GroupsAsOf: w.clock.Now(), KnownAs: []string{after},
	}, session.Tokens{}); err != nil {
		t.Fatal(err)
	}
	w.is("takes up the new address", w.b, id, nil)
	is("by the new address", ada.Issuer, after, ada)
	is("by the address of before", ada.Issuer, before)
	w.clock.Advance(apitoken.DefaultLife)
	is("after the last token", ada.Issuer, after)
}
