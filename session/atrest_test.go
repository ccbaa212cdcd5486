package session_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

const canary = "canary-4f1c0b9e-refresh-token"

func someTokens() session.Tokens {
	return session.Tokens{Refresh: canary, IDHeader: []byte("eyJhbGciOiJFUzI1NiJ9"), IDSignature: []byte("c2lnbmF0dXJl")}
}

func fullDraft() session.Record {
	return session.Record{
		Provider: "example", Identity: ada, ProviderSession: "sid-1", User: "ada", Name: "Ada Lovelace", Email: "ada@example.com",
		Claims: []byte(`{"sub":"248289761001"}`), Groups: []string{"staff"}, GroupsComplete: true, Kind: session.Persistent,
		KindReason: "answered yes", BrowserID: "b", FirstIP: "192.0.2.1", FirstAgent: "Mozilla/5.0",
	}
}

// An attacker with the whole store but without the key ring can read nothing.
func TestStolenStore(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	for key, value := range w.store.dump() {
		for _, secret := range [][]byte{
			[]byte(canary), []byte("ada"), []byte(ada.Subject), []byte("staff"), s.ID[:], token.Secret[:],
			[]byte(base64.RawURLEncoding.EncodeToString(token.Secret[:])), fmt.Appendf(nil, "%x", token.Secret),
		} {
			if bytes.Contains(value, secret) || bytes.Contains([]byte(key), secret) {
				t.Errorf("the store shows %q", secret)
			}
		}
	}
}

// An attacker with the store and the key ring, such as an administrator, sees who is signed in but can open no token of
// the provider, and cannot make the cookie: only the browser has the secret.
func TestStolenStoreAndKeys(t *testing.T) {
	w := newWorld(t)
	_, token := w.create(t, fullDraft(), someTokens())
	listed, err := w.Of(t.Context(), ada)
	if err != nil || len(listed) != 1 {
		t.Fatalf("%v, %v", listed, err)
	}
	stolen := listed[0]
	if _, err := w.Tokens(stolen, session.Token{ID: stolen.ID}); err == nil {
		t.Error("tokens open without the secret")
	}
	for range 100 {
		_, err := w.Tokens(stolen, session.Token{ID: stolen.ID, Secret: session.NewToken().Secret})
		want(t, "a guessed secret", err, keyring.ErrUnsealable)
	}
	for key := range w.store.dump() {
		plain, _, err := (session.Vault{Store: w.store, Keys: w.keys}).Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(plain, []byte(canary)) || bytes.Contains(plain, token.Secret[:]) {
			t.Error("the opened record shows the token or the secret")
		}
	}
	tokens, err := w.Tokens(stolen, token)
	if err != nil || tokens.Refresh != canary || string(tokens.IDHeader) != "eyJhbGciOiJFUzI1NiJ9" || string(tokens.IDSignature) != "c2lnbmF0dXJl" {
		t.Errorf("with the secret: %+v, %v", tokens, err)
	}
	// The secret alone is not enough either.
	foreign := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'x')})
	_, err = foreign.Tokens(stolen, token)
	want(t, "another ring", err, keyring.ErrUnsealable)
	// Rotation keeps them readable.
	rotated := w.replica(t, session.ManagerConfig{Keys: keyringtest.Ring(t, 'n', 'k')})
	if tokens, err := rotated.Tokens(stolen, token); err != nil || tokens.Refresh != canary {
		t.Errorf("after a rotation: %+v, %v", tokens, err)
	}
}

// Sealed tokens of one session open in no other, not even with its own secret.
func TestTokensAreBoundToTheirSession(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), someTokens())
	moved := *s
	moved.ID = session.NewToken().ID
	_, err := w.Tokens(&moved, token)
	want(t, "moved to another session", err, keyring.ErrUnsealable)
}

func TestNoTokens(t *testing.T) {
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{})
	tokens, err := w.Tokens(s, token)
	if err != nil || tokens.Refresh != "" || tokens.IDHeader != nil || tokens.IDSignature != nil {
		t.Errorf("%+v, %v", tokens, err)
	}
}

// A session tells the keys that it still needs, also after a rotation.
func TestSealedUnder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{Refresh: "r"})
	was := w.keys.Keys()[0].ID
	want(t, "another key", w.keys.Replace([]keyring.Key{
		{Secret: bytes.Repeat([]byte{9}, keyring.MinSecret)}, {Secret: bytes.Repeat([]byte{'k'}, keyring.MinSecret)},
	}, time.Time{}), nil)
	if got := s.SealedUnder(); len(got) != 1 || got[0] != was {
		t.Errorf("a new session needs %v", got)
	}
	_, err := w.Tighten(t.Context(), s, "test")
	want(t, "writing it again", err, nil)
	again, err := w.LoadRecord(t.Context(), token)
	want(t, "loading", err, nil)
	if got := again.SealedUnder(); len(got) != 2 || got[0] != w.keys.Keys()[0].ID || got[1] != was {
		t.Errorf("a session that was written again needs %v", got)
	}
}
