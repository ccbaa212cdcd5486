package apitoken

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

var (
	day   = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	never time.Time
)

// A token has one spelling; what differs from it in a single letter is none.
func TestText(t *testing.T) {
	text := newText()
	id, ok := ID(text)
	if !ok || id == (session.ID{}) || len(text) != size || strings.Trim(text[len(Prefix):], "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Fatalf("%q: %v %v", text, id, ok)
	}
	if other, _ := ID(newText()); other == id {
		t.Error("two tokens are equal")
	}
	for i := range text {
		for _, c := range []byte{'a', 'q', '7', 'A', '=', '\n', ' '} {
			if changed := text[:i] + string(c) + text[i+1:]; changed != text {
				if _, ok := ID(changed); ok {
					t.Errorf("%q is taken for a token", changed)
				}
			}
		}
	}
	for _, other := range []string{"", Prefix, text + "a", text[:len(text)-1], strings.ToUpper(text), " " + text, text + "\n", text[len(Prefix):]} {
		if _, ok := ID(other); ok {
			t.Errorf("%q is taken for a token", other)
		}
	}
}

// FuzzID looks for a second spelling of a token.
func FuzzID(f *testing.F) {
	f.Add(newText())
	f.Add("lk_" + strings.Repeat("a", size-len(Prefix)))
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := ID(text); !ok {
			return
		}
		if raw, err := digits.DecodeString(text[len(Prefix):]); err != nil || Prefix+digits.EncodeToString(raw) != text {
			t.Errorf("%q has another spelling", text)
		}
	})
}

// A field of a newer version survives a write of this one (A78), and what lacks an end, an app or an owner is unreadable.
func TestCodec(t *testing.T) {
	good := Token{Name: "n", App: "a", Created: whole(day), Expires: whole(day.Add(DefaultLife)), owner: ownerKey(session.Identity{Issuer: "i", Subject: "s"})}
	newer := append(good.encode(), 200, 1, 3, 'n', 'e', 'w')
	got, err := decode(newer)
	if err != nil || string(got.encode()) != string(newer) {
		t.Errorf("%v %v", got, err)
	}
	for what, spoil := range map[string]func(*Token){
		"app":     func(t *Token) { t.App = "" },
		"owner":   func(t *Token) { t.owner = "" },
		"owners":  func(t *Token) { t.Service = "s" },
		"end":     func(t *Token) { t.Expires = never },
		"created": func(t *Token) { t.Created = never },
	} {
		bad := good
		spoil(&bad)
		if _, err := decode(bad.encode()); err == nil {
			t.Errorf("%s: read", what)
		}
	}
}
