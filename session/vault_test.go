package session_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

func newVault(t testing.TB) (session.Vault, *memStore) {
	store := newMemStore(nil)
	return session.Vault{Store: store, Keys: keyringtest.Ring(t, 'a')}, store
}

func TestVault(t *testing.T) {
	v, store := newVault(t)
	ctx, key, later := t.Context(), session.HashKey("p", "1"), time.Now().Add(time.Hour)
	plain := []byte("a pending sign-in of ada@example.com")
	want(t, "put", v.Put(ctx, key, plain, later), nil)
	want(t, "put twice", v.Put(ctx, key, plain, later), session.ErrConflict)
	got, version, err := v.Get(ctx, key)
	if err != nil || version != 1 || !bytes.Equal(got, plain) {
		t.Errorf("%q, %d, %v", got, version, err)
	}
	if bytes.Contains(store.dump()[key], []byte("ada")) {
		t.Error("the store shows the value")
	}
	version, err = v.Replace(ctx, key, []byte("changed"), version, later)
	if err != nil || version != 2 {
		t.Errorf("%d, %v", version, err)
	}
	_, err = v.Replace(ctx, key, []byte("lost"), 1, later)
	want(t, "replace another version", err, session.ErrConflict)
	got, err = v.Take(ctx, key)
	if err != nil || string(got) != "changed" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = v.Take(ctx, key)
	want(t, "take twice", err, session.ErrNotFound)
	_, _, err = v.Get(ctx, key)
	want(t, "get after", err, session.ErrNotFound)
	_, err = v.Replace(ctx, key, []byte("revived"), 2, later)
	want(t, "replace after", err, session.ErrNotFound)
	store.interrupt(failOn("create", "get", "replace", "remove"))
	want(t, "put, store down", v.Put(ctx, key, plain, later), session.ErrUnavailable)
	_, _, err = v.Get(ctx, key)
	want(t, "get, store down", err, session.ErrUnavailable)
	_, err = v.Replace(ctx, key, plain, 1, later)
	want(t, "replace, store down", err, session.ErrUnavailable)
	_, err = v.Take(ctx, key)
	want(t, "take, store down", err, session.ErrUnavailable)
}

// An attacker who can write to the store cannot replace a value by another one, or by one of their own.
func TestVaultValuesAreBound(t *testing.T) {
	v, store := newVault(t)
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	mine, yours := session.HashKey("s", "mine"), session.HashKey("s", "yours")
	want(t, "mine", v.Put(ctx, mine, []byte("an administrator"), later), nil)
	want(t, "yours", v.Put(ctx, yours, []byte("a guest"), later), nil)
	sealed := store.dump()[mine]
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	forgery := session.Vault{Store: newMemStore(nil), Keys: keyringtest.Ring(t, 'x')}
	want(t, "forged", forgery.Put(ctx, yours, []byte("an administrator"), later), nil)
	for name, value := range map[string][]byte{
		"of another key":     sealed,
		"changed":            changed,
		"cut short":          sealed[:20],
		"empty":              {},
		"plain":              []byte("\x00an administrator"),
		"of another ring":    forgery.Store.(*memStore).dump()[yours],
		"of another purpose": v.Keys.Seal(keyring.PurposePending, []byte("\x00an administrator"), string(yours)),
	} {
		e, err := store.Get(ctx, yours)
		want(t, name, err, nil)
		e.Value = value
		_, err = store.Replace(ctx, e)
		want(t, name, err, nil)
		plain, _, err := v.Get(ctx, yours)
		want(t, name, err, keyring.ErrUnsealable)
		if plain != nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
	_, err := v.Take(ctx, yours)
	want(t, "taken", err, keyring.ErrUnsealable)
}

// A47: whatever is taken is given back, whatever its size; what is too large is refused when it is written, and says so.
func TestVaultSizes(t *testing.T) {
	random := randomBytes(5 * session.MaxValue)
	text := bytes.Repeat([]byte("group-"), session.MaxValue)
	largest := session.MaxValue - keyring.SealOverhead - 1 // that does not pack smaller
	for _, tt := range []struct {
		plain []byte
		fits  bool
	}{
		{nil, true},
		{random[:1], true},
		{random[:session.MaxValue/2], true},
		{random[:largest-1], true},
		{random[:largest], true},
		{random[:largest+1], false},
		{random[:session.MaxValue], false},
		{random, false},
		{text[:session.MaxValue], true},
		{text[:4*session.MaxValue], true},
		{text[:4*session.MaxValue+1], false},
		{text, false},
	} {
		v, store := newVault(t)
		ctx, key, small, later := t.Context(), session.HashKey("s", "1"), session.HashKey("s", "2"), time.Now().Add(time.Hour)
		want(t, "a small one", v.Put(ctx, small, nil, later), nil)
		err := v.Put(ctx, key, tt.plain, later)
		_, replaced := v.Replace(ctx, small, tt.plain, 1, later)
		if (err == nil) != tt.fits || (replaced == nil) != tt.fits {
			t.Fatalf("%d bytes: put %v, replace %v", len(tt.plain), err, replaced)
		}
		if tt.fits {
			got, _, err := v.Get(ctx, key)
			again, _, replaced := v.Get(ctx, small)
			if err != nil || replaced != nil || !bytes.Equal(got, tt.plain) || !bytes.Equal(again, tt.plain) {
				t.Fatalf("%d bytes come back as %d and %d, %v, %v", len(tt.plain), len(got), len(again), err, replaced)
			}
			continue
		}
		if !strings.Contains(err.Error(), "too large to keep") || store.dump()[key] != nil {
			t.Fatalf("%d bytes: %v", len(tt.plain), err)
		}
	}
}
