package session_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

func ringKey(b byte, created time.Time) session.RingKey {
	return session.RingKey{Secret: bytes.Repeat([]byte{b}, session.MinSecret), Created: created}
}

func liveRing(t *testing.T, keys ...session.RingKey) *session.KeyRing {
	t.Helper()
	ring := new(session.KeyRing)
	want(t, "keys", ring.Replace(keys), nil)
	return ring
}

// A replica that does not know a key yet reads its ring anew before it says anything about what the key has sealed: an
// answer that it could not get is no answer.
func TestUnknownKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	older, newer := ringKey(1, time.Time{}), ringKey(2, time.Time{})
	here, there := liveRing(t, older), liveRing(t, newer, older)
	sealed := there.Seal(session.PurposeFlow, []byte("x"), "place")
	_, err := here.Open(session.PurposeFlow, sealed, "place")
	want(t, "a ring that follows nobody", err, session.ErrUnknownKey)
	want(t, "which is unsealable", err, session.ErrUnsealable)

	asked, answer := 0, session.ErrUnavailable
	here.OnUnknown(func(id session.KeyID) error {
		if asked++; id != there.Keys()[0].ID {
			t.Errorf("asked for %s", id)
		}
		if answer == nil {
			return here.Replace([]session.RingKey{newer, older})
		}
		return answer
	})
	_, err = here.Open(session.PurposeFlow, sealed, "place")
	want(t, "a ring that could not be read", err, session.ErrUnavailable)
	if errors.Is(err, session.ErrUnsealable) {
		t.Error("a failure says that the value is foreign")
	}
	answer = nil
	if plain, err := here.Open(session.PurposeFlow, sealed, "place"); err != nil || string(plain) != "x" {
		t.Errorf("after the ring was read: %q, %v", plain, err)
	}
	// What names a key that is there and does not open is no reason to ask.
	before := asked
	sealed[len(sealed)-1] ^= 1
	_, err = here.Open(session.PurposeFlow, sealed, "place")
	want(t, "changed", err, session.ErrUnsealable)
	if errors.Is(err, session.ErrUnknownKey) || asked != before {
		t.Errorf("%v, after %d questions", err, asked-before)
	}
}

func TestSumOfAKeyOnItsWay(t *testing.T) {
	t.Parallel()
	older, newer := ringKey(1, time.Time{}), ringKey(2, time.Time{})
	here, there := liveRing(t, older), liveRing(t, newer, older)
	sum := there.Sum("form")
	if here.Verify(sum, "form") {
		t.Fatal("a sum of another key was taken")
	}
	here.OnUnknown(func(session.KeyID) error { return here.Replace([]session.RingKey{newer, older}) })
	if !here.Verify(sum, "form") || here.Verify(sum, "another") {
		t.Error("a sum of a key that came since")
	}
}

func TestReplaceKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	ring := liveRing(t, ringKey(1, time.Time{}))
	sealed := ring.Seal(session.PurposeFlow, []byte("x"))
	for name, keys := range map[string][]session.RingKey{
		"none": nil, "short": {{Secret: []byte("short")}}, "twice": {ringKey(3, time.Time{}), ringKey(3, time.Time{})},
	} {
		if ring.Replace(keys) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	_, err := ring.Open(session.PurposeFlow, sealed)
	want(t, "after keys that were refused", err, nil)
	id, err := ringKey(1, time.Time{}).ID()
	if err != nil || id != ring.Keys()[0].ID {
		t.Errorf("the id of a key is %s alone and %s in a ring: %v", id, ring.Keys()[0].ID, err)
	}
}

// Every replica derives the same key for signatures, and signs with one that others have had time to hear of.
func TestSigner(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	older, newer := ringKey(1, at.Add(-time.Hour)), ringKey(2, at)
	ring, replica := liveRing(t, newer, older), liveRing(t, newer, older)
	all := ring.Signers()
	if len(all) != 2 || all[0].ID == all[1].ID || replica.Signers()[0].ID != all[0].ID {
		t.Fatalf("signers %v", all)
	}
	for name, row := range map[string]struct {
		before time.Time
		want   *session.Signer
	}{
		"the new one is young":    {at.Add(-time.Minute), all[1]},
		"the new one is known":    {at.Add(time.Minute), all[0]},
		"no one is old enough":    {at.Add(-time.Hour - 1), all[1]},
		"exactly when it is made": {at, all[1]},
	} {
		if got := ring.Signer(row.before); got.ID != row.want.ID {
			t.Errorf("%s: %s", name, got.ID)
		}
	}
	if one := liveRing(t, ringKey(5, time.Time{})); one.Signer(time.Time{}).ID != one.Signers()[0].ID {
		t.Error("a key of unknown age does not sign")
	}
	signature, err := all[0].Sign([]byte("message"))
	want(t, "signing", err, nil)
	x, y, err := replica.Signers()[0].Public()
	want(t, "public half", err, nil)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	want(t, "public half", err, nil)
	sum := sha256.Sum256([]byte("message"))
	if len(signature) != 64 || !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the signature does not hold")
	}
}

func TestSealedUnder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, token := w.create(t, fullDraft(), session.Tokens{Refresh: "r"})
	was := w.keys.Keys()[0].ID
	want(t, "another key", w.keys.Replace([]session.RingKey{ringKey(9, time.Time{}), ringKey('k', time.Time{})}), nil)
	if got := s.SealedUnder(); len(got) != 1 || got[0] != was {
		t.Errorf("a new session needs %v", got)
	}
	_, err := w.Tighten(t.Context(), s, "test")
	want(t, "writing it again", err, nil)
	again, err := w.Load(t.Context(), token)
	want(t, "loading", err, nil)
	if got := again.SealedUnder(); len(got) != 2 || got[0] != w.keys.Keys()[0].ID || got[1] != was {
		t.Errorf("a session that was written again needs %v", got)
	}
}
