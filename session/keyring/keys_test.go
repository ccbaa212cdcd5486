package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

var errUnread = errors.New("the keys cannot be read")

func key(b byte, created time.Time) keyring.Key {
	return keyring.Key{Secret: bytes.Repeat([]byte{b}, keyring.MinSecret), Created: created}
}

func holding(t *testing.T, keys ...keyring.Key) *keyring.Ring {
	t.Helper()
	ring := new(keyring.Ring)
	want(t, "keys", ring.Replace(keys, time.Time{}), nil)
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
			return here.Replace([]keyring.Key{newer, older}, time.Time{})
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

// A sum names no key. It is checked with the keys that are there, and a wrong one causes no reading.
func TestSumOfAKeyThatWaits(t *testing.T) {
	t.Parallel()
	older, newer := key(1, time.Time{}), key(2, time.Time{})
	there := holding(t, newer, older)
	newer.Seals = time.Unix(1, 0)
	here := holding(t, newer, older)
	here.OnUnknown(func(keyring.ID) error { t.Error("a sum made the keys be read"); return nil })
	sum := there.Sum("form")
	if bytes.Equal(sum, here.Sum("form")) || !here.Verify(sum, "form") || here.Verify(sum, "another") {
		t.Error("a sum of a key that waits here")
	}
	if holding(t, older).Verify(sum, "form") {
		t.Error("a sum of another key was taken")
	}
}

// A key opens as soon as the ring has it, and seals from its own time on.
func TestSealingKey(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	seals := func(b byte, after time.Duration) keyring.Key {
		k := key(b, at.Add(-time.Hour))
		k.Seals = at.Add(after)
		return k
	}
	unknown := key(9, time.Time{}) // of a configuration
	for name, row := range map[string]struct {
		keys  []keyring.Key
		seals int
		until []time.Duration // of each key after the first
	}{
		"the newest waits":            {[]keyring.Key{seals(2, time.Second), seals(1, -time.Hour)}, 1, []time.Duration{time.Second}},
		"its time has come":           {[]keyring.Key{seals(2, 0), seals(1, -time.Hour)}, 0, []time.Duration{0}},
		"two wait":                    {[]keyring.Key{seals(3, 2), seals(2, 1), seals(1, 0)}, 2, []time.Duration{2, 1}},
		"the newer of two is earlier": {[]keyring.Key{seals(3, 0), seals(2, 1), seals(1, -1)}, 0, []time.Duration{0, 0}},
		"all wait":                    {[]keyring.Key{seals(3, 3), seals(2, 1), seals(1, 2)}, 2, []time.Duration{3, 1}},
		"one waits alone":             {[]keyring.Key{seals(1, time.Hour)}, 0, nil},
		"no time is known":            {[]keyring.Key{unknown, key(8, time.Time{})}, 0, []time.Duration{-1 << 63}},
	} {
		ring := new(keyring.Ring)
		want(t, name, ring.Replace(row.keys, at), nil)
		id, err := row.keys[row.seals].ID()
		want(t, name, err, nil)
		sealed, err := ring.SealWithSecret([]byte("secret"), []byte("x"))
		want(t, name, err, nil)
		for _, b := range [][]byte{sealed, ring.Seal(keyring.PurposeFlow, []byte("x"))} {
			if by, ok := keyring.SealedBy(b); !ok || by != id {
				t.Errorf("%s: %s seals, want %s", name, by, id)
			}
		}
		if !bytes.Equal(ring.Sum("x"), holding(t, row.keys[row.seals]).Sum("x")) {
			t.Errorf("%s: another key sums", name)
		}
		for i, k := range row.keys {
			k.Seals = time.Time{}
			_, err := ring.Open(keyring.PurposeFlow, holding(t, k).Seal(keyring.PurposeFlow, []byte("x")))
			want(t, name+": opening", err, nil)
			info := ring.Keys()[i]
			if info.Seals != (i == row.seals) || !info.From.Equal(row.keys[i].Seals) {
				t.Errorf("%s: key %d is %+v", name, i, info)
			}
			until := time.Time{}
			if i > 0 && row.until[i-1] != -1<<63 {
				until = at.Add(row.until[i-1])
			}
			if !info.Until.Equal(until) {
				t.Errorf("%s: key %d seals until %s, want %s", name, i, info.Until, until)
			}
		}
	}
}

// The key that seals changes with time, and what was listed before stays as it was.
func TestSealAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	newer := key(2, at)
	newer.Seals = at.Add(time.Minute)
	ring := holding(t, newer, key(1, at.Add(-time.Hour)))
	before := ring.Keys()
	for _, row := range []struct {
		now   time.Duration
		seals int
	}{{0, 1}, {time.Minute - 1, 1}, {time.Minute, 0}, {time.Hour, 0}, {time.Second, 1}} {
		ring.SealAt(at.Add(row.now))
		list := ring.Keys()
		by, _ := keyring.SealedBy(ring.Seal(keyring.PurposeFlow, nil))
		if by != list[row.seals].ID || !list[row.seals].Seals || list[1-row.seals].Seals {
			t.Errorf("after %s %s seals: %+v", row.now, by, list)
		}
	}
	if before[0].Seals || !before[1].Seals {
		t.Errorf("the list of before is now %+v", before)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 100 {
				ring.SealAt(at.Add(time.Duration(i) * time.Minute))
				if list := ring.Keys(); list[0].Seals == list[1].Seals {
					t.Errorf("at the same time %+v", list)
				}
			}
		})
	}
	all.Wait()
}

// What one replica seals opens at each other, over any rotations, if every replica reads the ring within a time, a new key
// waits for twice that time, and the clocks differ by half the wait at most.
func TestSealedOpensAtEveryReplica(t *testing.T) {
	t.Parallel()
	const look = time.Minute
	const delay = 2 * look
	type replica struct {
		ring *keyring.Ring
		skew time.Duration
		read time.Time // the latest
		keys int
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		stored := []keyring.Key{key(0, now)}
		all := make([]*replica, rapid.IntRange(2, 4).Draw(t, "replicas"))
		read := func(r *replica) {
			r.read = now
			if r.keys == len(stored) {
				r.ring.SealAt(now.Add(r.skew)) // quicker
				return
			}
			r.keys = len(stored)
			if err := r.ring.Replace(stored, now.Add(r.skew)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range all {
			all[i] = &replica{ring: new(keyring.Ring), skew: time.Duration(rapid.Int64Range(0, int64(delay/2)).Draw(t, "skew"))}
			read(all[i])
		}
		one := rapid.Custom(func(t *rapid.T) *replica { return rapid.SampledFrom(all).Draw(t, "replica") })
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*look)).Draw(t, "for")))
				for _, r := range all {
					if now.Sub(r.read) >= look {
						read(r)
					}
				}
			},
			"read":   func(t *rapid.T) { read(one.Draw(t, "at")) },
			"choose": func(t *rapid.T) { r := one.Draw(t, "at"); r.ring.SealAt(now.Add(r.skew)) },
			"rotate": func(t *rapid.T) {
				if len(stored) == 6 {
					t.Skip("enough keys")
				}
				r := one.Draw(t, "at")
				k := key(byte(len(stored)), now.Add(r.skew))
				k.Seals = k.Created.Add(delay)
				stored = append([]keyring.Key{k}, stored...)
				read(r)
			},
			"": func(t *rapid.T) {
				for _, from := range all {
					sealed, sum := from.ring.Seal(keyring.PurposeFlow, []byte("x"), "place"), from.ring.Sum("form")
					for _, to := range all {
						if _, err := to.ring.Open(keyring.PurposeFlow, sealed, "place"); err != nil {
							t.Fatalf("%v", err)
						}
						if !to.ring.Verify(sum, "form") {
							t.Fatal("a sum of another replica does not hold")
						}
					}
				}
			},
		})
	})
}

func TestReplaceKeepsWhatIsGood(t *testing.T) {
	t.Parallel()
	ring := holding(t, key(1, time.Time{}))
	sealed := ring.Seal(keyring.PurposeFlow, []byte("x"))
	for name, keys := range map[string][]keyring.Key{
		"none": nil, "short": {{Secret: []byte("short")}}, "twice": {key(3, time.Time{}), key(3, time.Time{})},
	} {
		if ring.Replace(keys, time.Time{}) == nil {
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
