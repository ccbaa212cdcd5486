package session_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/keyring/keyringtest"
)

const (
	host   = "wiki.example.com"
	cookie = "__Host-latchkey"
)

func TestToken(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	token := session.NewToken()
	value := session.SealToken(r, token, host, cookie)
	if len(value) != 84 {
		t.Errorf("%d characters", len(value))
	}
	if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%q needs quoting in a cookie", value)
	}
	got, err := session.OpenToken(r, value, host, cookie)
	if err != nil || got != token {
		t.Errorf("%v, %v", got, err)
	}
	if other := session.NewToken(); other.ID == token.ID || other.Secret == token.Secret {
		t.Error("not random")
	}
}

// A37, A60: whatever else a browser presents is not ours, whatever it looks like.
func TestTokenIsRefused(t *testing.T) {
	r := keyringtest.Ring(t, 'a')
	value := session.SealToken(r, session.NewToken(), host, cookie)
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	spell := base64.RawURLEncoding.EncodeToString
	tests := map[string]string{
		"empty":                  "",
		"cut short":              value[:83],
		"one block short":        value[:80],
		"extended":               value + "A",
		"one block more":         value + "AAAA",
		"twice":                  value + value,
		"oversize":               strings.Repeat(value, 10_000),
		"huge chunk count":       "99999999",
		"padded":                 value + "==",
		"line break added":       value[:40] + "\n" + value[40:],
		"line breaks added":      value + "\r\n",
		"line break instead":     value[:40] + "\n" + value[41:],
		"space":                  " " + value[1:],
		"quoted":                 `"` + value[:82] + `"`,
		"standard alphabet":      strings.NewReplacer("-", "+", "_", "/").Replace(value[:83]) + "+",
		"not ASCII":              value[:82] + "é",
		"NUL":                    value[:83] + "\x00",
		"zeros":                  spell(make([]byte, 63)),
		"noise":                  spell(randomBytes(63)),
		"another version":        spell(append([]byte{2}, sealed[1:]...)),
		"unknown key":            spell(append([]byte{1, ^sealed[1], ^sealed[2]}, sealed[3:]...)),
		"of another host":        session.SealToken(r, session.NewToken(), "admin.example.com", cookie),
		"of another cookie":      session.SealToken(r, session.NewToken(), host, "__Host-latchkey-pending"),
		"host and name swapped":  session.SealToken(r, session.NewToken(), cookie, host),
		"boundary moved":         session.SealToken(r, session.NewToken(), host+"_", cookie[1:]),
		"of another purpose":     spell(r.Seal(keyring.PurposeBrowser, make([]byte, 32), host, cookie)),
		"of a foreign ring":      session.SealToken(keyringtest.Ring(t, 'x'), session.NewToken(), host, cookie),
		"a sealed shorter value": spell(r.Seal("cookie", make([]byte, 31), host, cookie)),
		"shorter, line break":    spell(r.Seal("cookie", make([]byte, 31), host, cookie)) + "\n",
		"a sealed longer value":  spell(r.Seal("cookie", make([]byte, 34), host, cookie)),
		"a bound one, shorter":   session.SealToken(r, session.Token{Bound: true}, host, cookie)[:84],
		"a bound one, extended":  session.SealToken(r, session.Token{Bound: true}, host, cookie) + "A",
		"an unknown mark":        spell(r.Seal("cookie", append(make([]byte, 32), 2), host, cookie)),
	}
	for name, presented := range tests {
		got, err := session.OpenToken(r, presented, host, cookie)
		want(t, name, err, keyring.ErrUnsealable)
		if got != (session.Token{}) {
			t.Errorf("%s: a token comes out all the same", name)
		}
	}
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := session.OpenToken(r, spell(changed), host, cookie)
		want(t, fmt.Sprintf("bit %d", bit), err, keyring.ErrUnsealable)
	}
	for i := range value {
		for _, c := range []byte("A-_z\n=") {
			if value[i] != c {
				_, err := session.OpenToken(r, value[:i]+string(c)+value[i+1:], host, cookie)
				want(t, fmt.Sprintf("%q at %d", c, i), err, keyring.ErrUnsealable)
			}
		}
	}
}

// A32: what a store or a log shows of a session is no part of its id, and no way back to it.
func TestKeyHidesID(t *testing.T) {
	keys, shorts := map[session.Key]bool{}, map[string]bool{}
	for range 200 {
		id := session.NewToken().ID
		key, short := id.Key(), id.Short()
		if err := session.CheckKey(key); err != nil {
			t.Fatal(err)
		}
		if keys[key] || shorts[short] || len(short) != 10 {
			t.Fatalf("%q, %q", key, short)
		}
		keys[key], shorts[short] = true, true
		for _, spelt := range []string{
			string(id[:8]), fmt.Sprintf("%x", id[:4]), base64.RawURLEncoding.EncodeToString(id[:6]),
		} {
			if strings.Contains(string(key), spelt) || strings.Contains(short, spelt) {
				t.Errorf("%q or %q shows a part of the id", key, short)
			}
		}
		if strings.Contains(string(key), short) {
			t.Errorf("the log's name %q of a session is part of its key %q", short, key)
		}
		if id.Key() != key || id.Short() != short {
			t.Error("not the same twice")
		}
	}
}

func FuzzOpenToken(f *testing.F) {
	r := keyringtest.Ring(f, 'a', 'b')
	value := session.SealToken(r, session.Token{}, host, cookie)
	for _, seed := range []string{"", value, value[:83], value + "=", strings.Repeat("A", 84), strings.Repeat("\n", 84), value[:42] + "\r\n" + value[44:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, presented string) {
		token, err := session.OpenToken(r, presented, host, cookie)
		if err == nil && (token != session.Token{} || len(presented) != 84) {
			t.Fatalf("%q opens", presented)
		}
		if err != nil {
			want(t, "error", err, keyring.ErrUnsealable)
		}
	})
}

// A32: keys are of one alphabet and length, and one kind's key is never another's.
func TestHashKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.String()).Draw(t, "parts")
		key := session.HashKey("s", parts...)
		if err := session.CheckKey(key); err != nil || len(key) != 24 || key[:2] != "s:" {
			t.Fatalf("%q: %v", key, err)
		}
		if other := session.HashKey("i", parts...); other[2:] == key[2:] {
			t.Fatal("the kind is not part of the hash")
		}
	})
	if session.HashKey("s", "i") == session.HashKey("si") {
		t.Error("kind and part run together")
	}
}

// A72: two lists of strings share a key if and only if they are the same list.
func TestHashKeyFieldBoundaries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringN(0, 300, -1).Draw(t, "whole")
		cut := func(name string) []string {
			at := rapid.IntRange(0, len(whole)).Draw(t, name)
			return []string{whole[:at], whole[at:]}
		}
		a, b := cut("a"), cut("b")
		if (session.HashKey("k", a...) == session.HashKey("k", b...)) != slices.Equal(a, b) {
			t.Fatalf("key of %q as %q", a, b)
		}
		if session.HashKey("k", whole) == session.HashKey("k", a...) {
			t.Fatalf("key of %q in one and in two parts", whole)
		}
	})
}

func TestNewRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		v := session.NewRandom(16)
		if len(v) != 22 || seen[v] {
			t.Fatalf("%q", v)
		}
		seen[v] = true
	}
}

func BenchmarkSealToken(b *testing.B) {
	r, token := keyringtest.Ring(b, 'a'), session.NewToken()
	for b.Loop() {
		session.SealToken(r, token, "wiki.example.com", "__Host-latchkey")
	}
}

func BenchmarkOpenToken(b *testing.B) {
	r := keyringtest.Ring(b, 'a')
	value := session.SealToken(r, session.NewToken(), "wiki.example.com", "__Host-latchkey")
	for b.Loop() {
		if _, err := session.OpenToken(r, value, "wiki.example.com", "__Host-latchkey"); err != nil {
			b.Fatal(err)
		}
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
