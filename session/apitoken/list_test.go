package apitoken_test

import (
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// A token whose key is gone from the ring does not keep the others from being listed and revoked.
func TestOwnWithUnreadable(t *testing.T) {
	w := newWorld(t)
	who := w.signIn(ada)
	_, old := w.create(who, laptop)
	ring, err := keyring.New([]byte("another-key-another-key-another-"), []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	w.ring = ring
	both := w.replica()
	phone, _, err := both.Create(t.Context(), who, apitoken.Draft{Name: "phone", App: "git"})
	if err != nil {
		t.Fatal(err)
	}
	if w.ring, err = keyring.New([]byte("another-key-another-key-another-")); err != nil {
		t.Fatal(err)
	}
	late := w.replica()
	if own, err := late.Own(t.Context(), ada); err != nil || len(own) != 1 || own[0].Short() != phone.Short() {
		t.Errorf("%d tokens: %v", len(own), err)
	}
	if ended, err := late.EndWithUser(t.Context(), ada); err != nil || len(ended) != 1 {
		t.Errorf("ended %d: %v", len(ended), err)
	}
	w.is("the unreadable one, where it can be read", both, old, session.ErrRevoked)
	w.store.Fail(session.ErrUnavailable)
	if own, err := late.Own(t.Context(), ada); err == nil {
		t.Errorf("without the store: %d tokens", len(own))
	}
}
