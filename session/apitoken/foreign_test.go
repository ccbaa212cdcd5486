package apitoken_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Two users can share a part of a list. Neither sees or revokes a token of the other (A23).
func TestTokenOfAnotherUserInTheList(t *testing.T) {
	w := newWorld(t)
	made, id := w.create(w.signIn(session.Identity{Issuer: ada.Issuer, Subject: "s-bob"}), laptop)
	adas := session.NewOwnerList("tu", "t:", string(session.HashKey("to", ada.Issuer, ada.Subject)), "")
	l := adas.Listing("t:"+id.Key()[len("s:"):], w.clock.Now().Add(time.Hour))
	if err := w.store.Enlist(t.Context(), l.Index, l.Member, l.Until); err != nil {
		t.Fatal(err)
	}
	if keys, err := adas.Keys(t.Context(), w.store); err != nil || len(keys) != 1 {
		t.Fatalf("listed: %v, %v", keys, err)
	}
	if own, err := w.a.Own(t.Context(), ada); err != nil || len(own) != 0 {
		t.Errorf("ada has %v, %v", own, err)
	}
	if _, err := w.a.RevokeOwn(t.Context(), ada, made.Short()); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("ada revokes it: %v", err)
	}
	if ended, err := w.a.EndWithUser(t.Context(), ada); err != nil || len(ended) != 0 {
		t.Errorf("ada's tokens end: %v, %v", ended, err)
	}
	w.is("bob's token", w.b, id, nil)
}
