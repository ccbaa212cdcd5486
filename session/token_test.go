package session_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	host   = "wiki.example.com"
	cookie = "__Host-latchkey"
)

func TestToken(t *testing.T) {
	r := ring(t, 'a')
	token := session.NewToken()
	value := r.SealToken(token, host, cookie)
	if len(value) != 84 {
		t.Errorf("%d characters", len(value))
	}
	if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%q needs quoting in a cookie", value)
	}
	got, err := r.OpenToken(value, host, cookie)
	if err != nil || got != token {
		t.Errorf("%v, %v", got, err)
	}
	if other := session.NewToken(); other.ID == token.ID || other.Secret == token.Secret {
		t.Error("not random")
	}
}

// A37, A60: whatever else a browser presents is not ours, whatever it looks like.
func TestTokenIsRefused(t *testing.T) {
	r := ring(t, 'a')
	value := r.SealToken(session.NewToken(), host, cookie)
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
		"of another host":        r.SealToken(session.NewToken(), "admin.example.com", cookie),
		"of another cookie":      r.SealToken(session.NewToken(), host, "__Host-latchkey-pending"),
		"host and name swapped":  r.SealToken(session.NewToken(), cookie, host),
		"boundary moved":         r.SealToken(session.NewToken(), host+"_", cookie[1:]),
		"of another purpose":     spell(r.Seal(session.PurposeBrowser, make([]byte, 32), host, cookie)),
		"of a foreign ring":      ring(t, 'x').SealToken(session.NewToken(), host, cookie),
		"a sealed shorter value": spell(r.Seal("cookie", make([]byte, 31), host, cookie)),
		"shorter, line break":    spell(r.Seal("cookie", make([]byte, 31), host, cookie)) + "\n",
		"a sealed longer value":  spell(r.Seal("cookie", make([]byte, 33), host, cookie)),
	}
	for name, presented := range tests {
		got, err := r.OpenToken(presented, host, cookie)
		want(t, name, err, session.ErrUnsealable)
		if got != (session.Token{}) {
			t.Errorf("%s: a token comes out all the same", name)
		}
	}
	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := r.OpenToken(spell(changed), host, cookie)
		want(t, fmt.Sprintf("bit %d", bit), err, session.ErrUnsealable)
	}
	for i := range value {
		for _, c := range []byte("A-_z\n=") {
			if value[i] != c {
				_, err := r.OpenToken(value[:i]+string(c)+value[i+1:], host, cookie)
				want(t, fmt.Sprintf("%q at %d", c, i), err, session.ErrUnsealable)
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
	r := ring(f, 'a', 'b')
	value := r.SealToken(session.Token{}, host, cookie)
	for _, seed := range []string{"", value, value[:83], value + "=", strings.Repeat("A", 84), strings.Repeat("\n", 84), value[:42] + "\r\n" + value[44:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, presented string) {
		token, err := r.OpenToken(presented, host, cookie)
		if err == nil && (token != session.Token{} || len(presented) != 84) {
			t.Fatalf("%q opens", presented)
		}
		if err != nil {
			want(t, "error", err, session.ErrUnsealable)
		}
	})
}
