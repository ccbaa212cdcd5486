package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever a record says comes back to the byte: identifiers, what looks like one, and the bytes that mark one.
func TestExtractRoundTrip(t *testing.T) {
	text := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9A-Fa-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9a-f]{8}-?[0-9a-f]{3,5}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[A-Za-z0-9_-]{20,46}`),
		rapid.StringMatching(`[0-9a-f]{20,66}`),
		rapid.StringMatching(`[a-z_]{15,30}`),
		rapid.SampledFrom([]string{`","`, "\f$", "\xff", "\xff\xff\x01", "\xff\x04", " ", ".", "-", "4"}),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.SliceOfN(text, 1, 12).Draw(t, "parts")
		var plain []byte
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(few)-1), 0, 30).Draw(t, "order") { // some more than once
			plain = append(plain, few[i]...)
		}
		rest, random := extract(plain)
		got, err := restore(rest, random)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%q comes back as %q, %v", plain, got, err)
		}
	})
}

// Sixteen random bytes are kept as sixteen bytes, once, whatever their text and however often it occurs.
func TestExtractTakesIdentifiers(t *testing.T) {
	id := noise(guidSize)
	other := noise(2 * guidSize)[guidSize:]
	guid := func(b []byte) string { return string(appendIdentifier(nil, markGUID, b)) }
	b64 := base64.RawURLEncoding.EncodeToString
	for name, tt := range map[string]struct {
		plain  string
		random []byte
		rest   string
	}{
		"a GUID":             {`"oid":"` + guid(id) + `"`, id, "\"oid\":\"\xff\x01\""},
		"after a length":     {"0" + guid(id), id, "0\xff\x01"},
		"base64url":          {`"sid":"` + b64(id) + `"`, id, "\"sid\":\"\xff\x02\x10\""},
		"hexadecimal":        {`"sub":"` + hex.EncodeToString(id) + `"`, id, "\"sub\":\"\xff\x03\x10\""},
		"two, twice":         {guid(id) + "," + guid(other) + "," + guid(id) + "," + guid(other), append(bytes.Clone(id), other...), "\xff\x01,\xff\x01,\xff\x04,\xff\x04"},
		"two, the other way": {guid(id) + "," + guid(other) + "," + guid(other) + "," + guid(id), append(bytes.Clone(id), other...), "\xff\x01,\xff\x01,\xff\x05\x01,\xff\x05\x00"},
		"two texts of one":   {guid(id) + "," + b64(id), append(bytes.Clone(id), id...), "\xff\x01,\xff\x02\x10"},
		"a GUID in capitals": {strings.ToUpper(guid(id)), nil, strings.ToUpper(guid(id))},
		"words":              {"preferred_username_of_the_person", nil, "preferred_username_of_the_person"},
		"a short one":        {b64(id[:15]), nil, b64(id[:15])},
		"spare bits":         {b64(id)[:21] + "B", nil, b64(id)[:21] + "B"},
		"the mark":           {"\xff", nil, "\xff\xff"},
	} {
		rest, random := extract([]byte(tt.plain))
		if string(rest) != tt.rest || !bytes.Equal(random, tt.random) {
			t.Errorf("%s: %q becomes %q and %x", name, tt.plain, rest, random)
		}
	}
}

// What extract has not made is malformed, not a record, and nothing grows without bound.
func TestRestoreRefuses(t *testing.T) {
	id := string(noise(guidSize))
	for name, tt := range map[string]struct{ rest, random string }{
		"a mark at the end":     {"\xff", ""},
		"an unknown mark":       {"\xff\x06", ""},
		"nothing to put back":   {"\xff\x01", ""},
		"too little":            {"\xff\x01", id[1:]},
		"a length missing":      {"\xff\x02", id},
		"too short":             {"\xff\x03\x11", id},
		"something left":        {"\xff\x01", id + "x"},
		"left without a mark":   {"rest", "x"},
		"the first again":       {"\xff\x04", ""},
		"one after the last":    {"\xff\x01\xff\x04\xff\x04", id},
		"which is missing":      {"\xff\x01\xff\x05", id},
		"which there is not":    {"\xff\x01\xff\x05\x01", id},
		"which there cannot be": {"\xff\x01\xff\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id},
		"without bound":         {"\xff\x03\xff" + strings.Repeat("\xff\x05\x00", MaxUnpacked/(2*longestIdentifier)), strings.Repeat("x", longestIdentifier)},
		"a byte over":           {strings.Repeat("x", MaxUnpacked+1), ""},
	} {
		if plain, err := restore([]byte(tt.rest), []byte(tt.random)); !errors.Is(err, ErrMalformed) || plain != nil {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
	if plain, err := restore([]byte("\xff\x03\xff"+strings.Repeat("\xff\x05\x00", MaxUnpacked/(2*longestIdentifier)-1)), []byte(strings.Repeat("x", longestIdentifier))); err != nil {
		t.Errorf("as much as there may be: %d bytes, %v", len(plain), err)
	}
}

// A record that an earlier version has packed can still be read.
func TestUnpackReadsDictionary(t *testing.T) {
	plain := bytes.Repeat([]byte("claims "), 100)
	if got, err := Unpack(deflate(t, plain)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func FuzzRestore(f *testing.F) {
	rest, random := extract([]byte(`{"oid":"01234567-89ab-cdef-0123-456789abcdef","groups":["01234567-89ab-cdef-0123-456789abcdef"]}`))
	f.Add(rest, random)
	f.Add([]byte("\xff\x05\x00\xff\x04"), []byte{})
	f.Fuzz(func(t *testing.T, rest, random []byte) {
		plain, err := restore(rest, random)
		if err != nil {
			return
		}
		if len(plain) > MaxUnpacked {
			t.Fatalf("%d bytes", len(plain))
		}
		rest, random = extract(plain)
		if again, err := restore(rest, random); err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("%q comes back as %q, %v", plain, again, err)
		}
	})
}
