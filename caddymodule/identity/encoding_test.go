package identity

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
	"pgregory.net/rapid"
)

var all = []Encoding{UTF8, Percent, Base64, Latin1}

// read is what an application does with one text by docs/headers.md.
func read(t rapid.TB, e Encoding, value string) string {
	t.Helper()
	switch e {
	case Base64:
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		return string(text)
	case Percent:
		text, err := url.PathUnescape(value)
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if form, err := url.QueryUnescape(value); err != nil || form != text {
			t.Fatalf("%q is %q to a decoder of forms: %v", value, form, err)
		}
		return text
	case Latin1:
		return fromLatin1(value)
	}
	return value
}

func fromLatin1(value string) string {
	var text strings.Builder
	for _, c := range []byte(value) {
		text.WriteRune(rune(c))
	}
	return text.String()
}

// readList is what an application does with a list: split, then decode each element.
func readList(t rapid.TB, e Encoding, value string) (list []string) {
	t.Helper()
	if value == "" {
		return nil
	}
	for element := range strings.SplitSeq(value, ",") {
		if e == UTF8 || e == Latin1 {
			text, err := url.PathUnescape(read(t, e, element))
			if err != nil {
				t.Fatalf("%q: %v", element, err)
			}
			element = text
		} else {
			element = read(t, e, element)
		}
		list = append(list, element)
	}
	return list
}

// arrives is a value as the application gets it: HTTP takes blanks off both ends, and some applications off each element of
// a list.
func arrives(t rapid.TB, value string) string {
	t.Helper()
	if !httpguts.ValidHeaderFieldValue(value) {
		t.Fatalf("%q is no value of a header", value)
	}
	return strings.Trim(value, " \t")
}

// confusing draws texts that are alike: of few characters, those that some encoding gives a meaning among them.
func confusing() *rapid.Generator[string] {
	pieces := []string{
		"a", "A", "?", "%", "%C3", "%C3%A4", "%25", "%2C", ",", "+", " ", "\t", "ä", "a\u0308", "Ã¤", "日", "\u0080", "\u00a0", "\u00ff", "\u0100",
		"\x00", "\n", "\x7f", "=?UTF-8?B?w6Q=?=", "w6Q=", "&#228;", "\\u00e4", "\ufffd", "=", "\u2028", "\U0001f512",
	}
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			return rapid.String().Draw(t, "text")
		}
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "pieces"), "")
	})
}

// Field trial 1.25: what is written is read as the same text, in every encoding. So no two texts have one value.
func TestTextIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := confusing().Draw(t, "text")
		for _, e := range all {
			value, ok := e.Text(text)
			if !ok {
				if value != "" {
					t.Fatalf("%s: %q is not written and has the value %q", e, text, value)
				}
				continue
			}
			if got := read(t, e, arrives(t, value)); got != text {
				t.Fatalf("%s: %q is written %q and read %q", e, text, value, got)
			}
		}
	})
}

// Field trial 1.17, 1.25: the same for lists: no group passes for two, and none for another one, also where an application
// takes blanks off each element.
func TestListIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(confusing(), 0, 4).Draw(t, "list")
		want := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
		for _, e := range all {
			value := arrives(t, e.List(list))
			trimmed := strings.Split(value, ",")
			for i := range trimmed {
				trimmed[i] = strings.Trim(trimmed[i], " \t")
			}
			if strings.Join(trimmed, ",") != value {
				t.Fatalf("%s: %q has blanks that may be lost", e, value)
			}
			if got := readList(t, e, value); !slices.Equal(got, want) {
				t.Fatalf("%s: %q is written %q and read %q", e, list, value, got)
			}
		}
	})
}

// Two different texts never have the same value, whatever an application does to read them.
func TestTwoTextsAreTwoValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := confusing().Draw(t, "a"), confusing().Draw(t, "b")
		for _, e := range all {
			one, ok1 := e.Text(a)
			two, ok2 := e.Text(b)
			if ok1 && ok2 && a != b && arrives(t, one) == arrives(t, two) {
				t.Fatalf("%s: %q and %q are both %q", e, a, b, one)
			}
			if a != b && a != "" && b != "" && arrives(t, e.List([]string{a})) == arrives(t, e.List([]string{b})) {
				t.Fatalf("%s: the groups %q and %q are one", e, a, b)
			}
		}
	})
}

// What cannot be written is left out, and nothing stands in its place.
func TestUnwritable(t *testing.T) {
	for _, tt := range []struct {
		e    Encoding
		text string
		ok   bool
	}{
		{UTF8, "日本", true},
		{UTF8, " ada", false},
		{UTF8, "ada ", false},
		{UTF8, "a\nb", false},
		{UTF8, "a\u0085b", false},
		{UTF8, "\xff", false},
		{Latin1, "größe", true},
		{Latin1, "ÿ", true},
		{Latin1, "Ā", false},
		{Latin1, "日本", false},
		{Latin1, "a\u0080", false},
		{Latin1, " a", false},
		{Percent, " 日本\n ", true},
		{Base64, " 日本\n ", true},
		{Percent, "\xff", true},
	} {
		if value, ok := tt.e.Text(tt.text); ok != tt.ok || !ok && value != "" {
			t.Errorf("%s: %q: %q, %t", tt.e, tt.text, value, ok)
		}
	}
}

func TestParseEncoding(t *testing.T) {
	for i, word := range Encodings {
		if e, ok := ParseEncoding(word); !ok || e != all[i] || e.String() != word {
			t.Errorf("%s: %v, %t", word, e, ok)
		}
	}
	if e, ok := ParseEncoding(""); !ok || e != UTF8 {
		t.Errorf("default: %v, %t", e, ok)
	}
	if _, ok := ParseEncoding("UTF-8"); ok {
		t.Error("UTF-8 accepted")
	}
}
