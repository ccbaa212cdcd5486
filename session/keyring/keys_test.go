package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

var errUnread = errors.New("the keys cannot be read")

func key(b byte, created time.Time) keyring.Key {
	return keyring.Key{Secret: bytes.Repeat([]byte{b}, keyring.MinSecret), Created: created}
}

func holding(t *testing.T, keys ...keyring.Key) *keyring.Ring {
	t.Helper()
	ring := new(keyring.Ring)
	want(t, "keys", ring.Replace(keys), nil)
	return ring
}

// A replica that does not know a key yet reads its ring again before it judges what the key has sealed. That the ring
// could not be read is an error of its own.
func TestUnknownKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	older, newer := key(1, time.Time{}), key(2, time.Time{})
	here, there := holding(t, older), holding(t, newer, older)
	sealed := there.Seal(keyring.PurposeFlow, []byte("x"), "place")
	_, err := here.Open(keyring.PurposeFlow, sealed, "place")
	want(t, "a ring that follows no store", err, keyring.ErrUnknownKey)
	want(t, "which is unsealable", err, keyring.ErrUnsealable)

	asked, answer := 0, errUnread
	here.OnUnknown(func(id keyring.ID) error {
		if asked++; id != there.Keys()[0].ID {
			t.Errorf("asked for %s", id)
		}
		if answer == nil {
			return here.Replace([]keyring.Key{newer, older})
		}
		return answer
	})
	_, err = here.Open(keyring.PurposeFlow, sealed, "place")
	want(t, "a ring that could not be read", err, errUnread)
	if errors.Is(err, keyring.ErrUnsealable) {
		t.Error("a failure says that the value is foreign")
	}
	answer = nil
	if plain, err := here.Open(keyring.PurposeFlow, sealed, "place"); err != nil || string(plain) != "x" {
		t.Errorf("after the ring was read: %q, %v", plain, err)
	}
	// What names a key that is there and does not open is no reason to ask.
	before := asked
	sealed[len(sealed)-1] ^= 1
	_, err = here.Open(keyring.PurposeFlow, sealed, "place")
	want(t, "changed", err, keyring.ErrUnsealable)
	if errors.Is(err, keyring.ErrUnknownKey) || asked != before {
		t.Errorf("%v, after %d questions", err, asked-before)
	}
}

func TestSumOfAKeyOnItsWay(t *testing.T) {
	t.Parallel()
	older, newer := key(1, time.Time{}), key(2, time.Time{})
	here, there := holding(t, older), holding(t, newer, older)
	sum := there.Sum("form")
	if here.Verify(sum, "form") {
		t.Fatal("a sum of another key was taken")
	}
	here.OnUnknown(func(keyring.ID) error { return here.Replace([]keyring.Key{newer, older}) })
	if !here.Verify(sum, "form") || here.Verify(sum, "another") {
		t.Error("a sum of a key that came since")
	}
}

func TestReplaceKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	ring := holding(t, key(1, time.Time{}))
	sealed := ring.Seal(keyring.PurposeFlow, []byte("x"))
	for name, keys := range map[string][]keyring.Key{
		"none": nil, "short": {{Secret: []byte("short")}}, "twice": {key(3, time.Time{}), key(3, time.Time{})},
	} {
		if ring.Replace(keys) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	_, err := ring.Open(keyring.PurposeFlow, sealed)
	want(t, "after keys that were refused", err, nil)
	id, err := key(1, time.Time{}).ID()
	if err != nil || id != ring.Keys()[0].ID {
		t.Errorf("the id of a key is %s alone and %s in a ring: %v", id, ring.Keys()[0].ID, err)
	}
}

// Every replica derives the same key for signatures, and signs with one that others have had time to hear of.
func TestSigner(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	older, newer := key(1, at.Add(-time.Hour)), key(2, at)
	ring, replica := holding(t, newer, older), holding(t, newer, older)
	all := []*keyring.Signer{ring.Signer(at.Add(time.Minute)), ring.Signer(at)}
	published := ring.PublicKeys().Keys
	if len(published) != 2 || all[0].ID == all[1].ID || published[0].KeyID != all[0].ID || published[1].KeyID != all[1].ID {
		t.Fatalf("signers %v, published %v", all, published)
	}
	for name, row := range map[string]struct {
		before time.Time
		want   *keyring.Signer
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
	if one := holding(t, key(5, time.Time{})); one.Signer(time.Time{}).ID != one.PublicKeys().Keys[0].KeyID {
		t.Error("a key of unknown age does not sign")
	}
	text, err := all[0].Sign([]byte(`{"sub":"ada"}`))
	want(t, "signing", err, nil)
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	want(t, "reading", err, nil)
	if h := signed.Signatures[0].Protected; h.KeyID != all[0].ID || h.Algorithm != "ES256" || h.ExtraHeaders[jose.HeaderType] != "JWT" || len(h.ExtraHeaders) != 1 {
		t.Errorf("header %+v", h)
	}
	set := replica.PublicKeys()
	if claims, err := signed.Verify(set); err != nil || string(claims) != `{"sub":"ada"}` {
		t.Errorf("%s, %v", claims, err)
	}
	if _, err := signed.Verify(set.Keys[1]); err == nil {
		t.Error("the signature holds under another key")
	}
}

// Applications have read the key set: a key keeps its name and its members, and nothing of the private half is there.
func TestPublishedKey(t *testing.T) {
	t.Parallel()
	published, err := json.Marshal(holding(t, key(1, time.Time{})).PublicKeys())
	want(t, "the set", err, nil)
	var set map[string][]map[string]string
	want(t, "its members", json.Unmarshal(published, &set), nil)
	if len(set) != 1 || len(set["keys"]) != 1 || !maps.Equal(set["keys"][0], map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "uG3RVERa2aMpXyP8",
		"x": "MsZeGm-L-fEzFZhAoD8x59LalDIsnXiPPDHaOEJa5f8", "y": "vqMOlKUmCg0pxuiFC_ltz1_H6lZam6Ki8Aq2hcN2wpE",
	}) {
		t.Errorf("%s", published)
	}
}
