package keyring_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

var sealing = []keyring.Purpose{
	"cookie", "record", keyring.PurposeFlow, keyring.PurposePending, keyring.PurposeAnswer, keyring.PurposeBrowser,
}

func TestNew(t *testing.T) {
	good, other := bytes.Repeat([]byte{'a'}, keyring.MinSecret), bytes.Repeat([]byte{'b'}, keyring.MinSecret)
	for name, tt := range map[string]struct {
		secrets [][]byte
		message string // empty: taken
	}{
		"one":         {[][]byte{good}, ""},
		"two":         {[][]byte{good, other}, ""},
		"longer":      {[][]byte{bytes.Repeat([]byte{'a'}, 100)}, ""},
		"none":        {nil, "no key"},
		"empty":       {[][]byte{{}}, "key 1 has 0 bytes"},
		"short":       {[][]byte{good[1:]}, "key 1 has 31 bytes, at least 32"},
		"short later": {[][]byte{good, other[1:]}, "key 2 has 31 bytes"},
		"twice":       {[][]byte{good, other, bytes.Clone(good)}, "key 3 is listed twice"},
	} {
		r, err := keyring.New(tt.secrets...)
		switch {
		case tt.message == "" && (err != nil || r == nil):
			t.Errorf("%s: %v", name, err)
		case tt.message != "" && (err == nil || r != nil || !strings.Contains(err.Error(), tt.message)):
			t.Errorf("%s: %v, want %q", name, err, tt.message)
		}
		for _, secret := range tt.secrets {
			if err != nil && len(secret) > 0 && strings.Contains(err.Error(), string(secret)) {
				t.Errorf("%s: the error tells the secret", name)
			}
		}
	}
}

// What is sealed for one purpose opens for that one alone.
func TestPurposesAreApart(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	for _, p := range sealing {
		sealed := r.Seal(p, []byte("plain"), "host", "name")
		for _, q := range append([]keyring.Purpose{"tokens", keyring.PurposeCSRF, "", "nonsense"}, sealing...) {
			plain, err := r.Open(q, sealed, "host", "name")
			if p == q {
				if err != nil || string(plain) != "plain" {
					t.Errorf("%s: %q, %v", p, plain, err)
				}
				continue
			}
			want(t, string(p+" opened as "+q), err, keyring.ErrUnsealable)
		}
	}
}

// A72: what is sealed for one place opens in that place alone, also where the strings of both places run together to
// the same bytes.
func TestPlacesAreApart(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	places := [][]string{
		{},
		{""},
		{"", ""},
		{"wiki.example.com"},
		{"wiki.example.com", "__Host-latchkey"},
		{"__Host-latchkey", "wiki.example.com"},
		{"wiki.example.com__Host-latchkey"},
		{"wiki.example.co", "m__Host-latchkey"},
		{"wiki.example.com_", "_Host-latchkey"},
		{"wiki.example.com", "__Host-latchkey", ""},
		{"", "wiki.example.com", "__Host-latchkey"},
		{"admin.example.com", "__Host-latchkey"},
		{"wiki.example.com", "__Host-latchkey-answer"},
		{"WIKI.example.com", "__Host-latchkey"},
		{"\x10wiki.example.com"},
		{"a\x01b"},
		{"a", "b"},
	}
	for i, from := range places {
		sealed := r.Seal(keyring.PurposeFlow, []byte("plain"), from...)
		for j, to := range places {
			_, err := r.Open(keyring.PurposeFlow, sealed, to...)
			if (err == nil) != (i == j) {
				t.Errorf("sealed for %q, opened for %q: %v", from, to, err)
			}
		}
	}
}

// A72, as a property: two lists of strings share a place or a sum if and only if they are the same list.
func TestFieldBoundaries(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringN(0, 300, -1).Draw(t, "whole")
		cut := func(name string) []string {
			var parts []string
			rest := whole
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 6).Draw(t, name) {
				n = min(n, len(rest))
				parts, rest = append(parts, rest[:n]), rest[n:]
			}
			return append(parts, rest)
		}
		a, b := cut("a"), cut("b")
		same := len(a) == len(b)
		for i := range a {
			same = same && a[i] == b[i]
		}
		sealed := r.Seal(keyring.PurposeAnswer, nil, a...)
		if _, err := r.Open(keyring.PurposeAnswer, sealed, b...); (err == nil) != same {
			t.Fatalf("%q opens as %q: %v", a, b, err)
		}
		if r.Verify(r.Sum(a...), b...) != same {
			t.Fatalf("sum of %q as %q", a, b)
		}
	})
}

func TestSealRoundTrip(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(sealing).Draw(t, "purpose")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		place := rapid.SliceOf(rapid.String()).Draw(t, "place")
		sealed := r.Seal(p, plain, place...)
		if len(sealed) != len(plain)+keyring.SealOverhead {
			t.Fatalf("%d bytes sealed are %d", len(plain), len(sealed))
		}
		if again := r.Seal(p, plain, place...); bytes.Equal(sealed, again) {
			t.Fatal("sealed twice alike: the nonce is not random")
		}
		got, err := r.Open(p, sealed, place...)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

// Every bit of a sealed value counts, and so does its length.
func TestSealedValueCannotBeChanged(t *testing.T) {
	r := keyringtest.Ring(t, 'a', 'b')
	sealed := r.Seal(keyring.PurposePending, []byte("plain"), "place")
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := r.Open(keyring.PurposePending, changed, "place")
		want(t, "changed", err, keyring.ErrUnsealable)
	}
	for n := range sealed {
		_, err := r.Open(keyring.PurposePending, sealed[:n], "place")
		want(t, "cut short", err, keyring.ErrUnsealable)
		_, err = r.Open(keyring.PurposePending, sealed[n+1:], "place")
		want(t, "cut off in front", err, keyring.ErrUnsealable)
	}
	_, err := r.Open(keyring.PurposePending, append(bytes.Clone(sealed), 0), "place")
	want(t, "extended", err, keyring.ErrUnsealable)
}

func TestRotation(t *testing.T) {
	before, during, after, foreign := keyringtest.Ring(t, 'a'), keyringtest.Ring(t, 'b', 'a'), keyringtest.Ring(t, 'b'), keyringtest.Ring(t, 'x', 'y')
	old := before.Seal(keyring.PurposeAnswer, []byte("old"), "place")
	renewed := during.Seal(keyring.PurposeAnswer, []byte("new"), "place")
	for name, tt := range map[string]struct {
		ring   *keyring.Ring
		sealed []byte
		wanted error
	}{
		"the old key still opens":       {during, old, nil},
		"the newest key seals":          {after, renewed, nil},
		"a replica that has it not yet": {before, renewed, keyring.ErrUnsealable},
		"a key that is gone":            {after, old, keyring.ErrUnsealable},
		"a foreign ring, old":           {foreign, old, keyring.ErrUnsealable},
		"a foreign ring, new":           {foreign, renewed, keyring.ErrUnsealable},
	} {
		_, err := tt.ring.Open(keyring.PurposeAnswer, tt.sealed, "place")
		want(t, name, err, tt.wanted)
	}
}

// Two keys of a ring may share the short id that sealed values carry: a rotation must not fail for that.
func TestKeysThatShareAnID(t *testing.T) {
	seen := map[string][]byte{}
	var secrets [][]byte
	for n := uint64(0); secrets == nil; n++ {
		secret := binary.BigEndian.AppendUint64(bytes.Repeat([]byte{'s'}, keyring.MinSecret), n)
		r, err := keyring.New(secret)
		if err != nil {
			t.Fatal(err)
		}
		id := string(r.Seal(keyring.PurposeFlow, nil)[1:3])
		if seen[id] != nil {
			secrets = [][]byte{secret, seen[id]}
		}
		seen[id] = secret
	}
	both, err := keyring.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		one, err := keyring.New(secret)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := both.Open(keyring.PurposeFlow, one.Seal(keyring.PurposeFlow, []byte("plain"), "p"), "p")
		if err != nil || string(plain) != "plain" {
			t.Errorf("%q, %v", plain, err)
		}
	}
	newest, err := keyring.New(secrets[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = newest.Open(keyring.PurposeFlow, both.Seal(keyring.PurposeFlow, nil))
	want(t, "sealed with the newest", err, nil)
}

// A23: tokens of forms, over a rotation and against forgery.
func TestSum(t *testing.T) {
	before, during, after := keyringtest.Ring(t, 'a'), keyringtest.Ring(t, 'b', 'a'), keyringtest.Ring(t, 'b')
	mac := before.Sum("session", "/stay")
	for name, tt := range map[string]struct {
		ring  *keyring.Ring
		mac   []byte
		parts []string
		ok    bool
	}{
		"same ring":        {before, mac, []string{"session", "/stay"}, true},
		"old key":          {during, mac, []string{"session", "/stay"}, true},
		"newest key sums":  {after, during.Sum("session", "/stay"), []string{"session", "/stay"}, true},
		"key that is gone": {after, mac, []string{"session", "/stay"}, false},
		"not yet known":    {before, during.Sum("session", "/stay"), []string{"session", "/stay"}, false},
		"other part":       {before, mac, []string{"session", "/sign-out"}, false},
		"other session":    {before, mac, []string{"another", "/stay"}, false},
		"joined":           {before, mac, []string{"session/stay"}, false},
		"moved boundary":   {before, mac, []string{"session/", "stay"}, false},
		"one more":         {before, mac, []string{"session", "/stay", ""}, false},
		"nothing":          {before, nil, []string{"session", "/stay"}, false},
		"cut short":        {before, mac[:16], []string{"session", "/stay"}, false},
		"extended":         {before, append(bytes.Clone(mac), 0), []string{"session", "/stay"}, false},
		"zeros":            {before, make([]byte, 32), []string{"session", "/stay"}, false},
	} {
		if tt.ring.Verify(tt.mac, tt.parts...) != tt.ok {
			t.Errorf("%s: verified is %v", name, !tt.ok)
		}
	}
}

// want holds an error against the one it should be; nil means none.
func want(t testing.TB, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) || (wanted == nil && got != nil) {
		t.Errorf("%s: %v, want %v", what, got, wanted)
	}
}
