package pack

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// A record that an earlier version has packed, of each kind of identifier and of one that occurs twice.
func TestUnpackReadsExtracted(t *testing.T) {
	const packed = "Aw1Gc2VhbGVkIHRva2VucwEjRWeJq83vASNFZ4mrze9mb29iYXIxMjM0NTY3ODkwQUJDREVGABEiM0RVZneImaq7zN3u//7cuph2VDIQ/ty6mH" +
		"ZUMhBiYk3NKylKZFYhXBqXGf3/z8aVkgjzDpfKf8ZqaMH8nwXu7P9MYnCX/2cWQAnn/6wMSjpK/xlBBCuzUmwtIAAA//8="
	plain := "\x02\x05entra\x03\x24https://login.microsoftonline.com/v2\xff\x06\x0ada@example\x0a$01234567-89ab-cdef-0123-456789abcdef" +
		`{"oid":"01234567-89ab-cdef-0123-456789abcdef","sid":"Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRg","sub":"00112233445566778899aabbccddeeff",` +
		`"groups":["01234567-89ab-cdef-0123-456789abcdef","fedcba98-7654-3210-fedc-ba9876543210","fedcba98-7654-3210-fedc-ba9876543210"]}` +
		"sealed tokens"
	data, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unpack(data); err != nil || string(got) != plain || data[0] != packedExtracted {
		t.Errorf("%q, %v", got, err)
	}
}

// What was never written is malformed, not a record, and nothing grows without bound.
func TestRestoreRefuses(t *testing.T) {
	const longest = 255 // bytes of an identifier
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
		"without bound":         {"\xff\x03\xff" + strings.Repeat("\xff\x05\x00", MaxUnpacked/(2*longest)), strings.Repeat("x", longest)},
		"a byte over":           {strings.Repeat("x", MaxUnpacked+1), ""},
	} {
		if plain, err := restore([]byte(tt.rest), []byte(tt.random)); !errors.Is(err, ErrMalformed) || plain != nil {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
	if plain, err := restore([]byte("\xff\x03\xff"+strings.Repeat("\xff\x05\x00", MaxUnpacked/(2*longest)-1)), []byte(strings.Repeat("x", longest))); err != nil {
		t.Errorf("as much as there may be: %d bytes, %v", len(plain), err)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte("{\"oid\":\"\xff\x01\",\"sid\":\"\xff\x02\x10\",\xff\x04,\xff\xff"), noise(2*guidSize))
	f.Add([]byte("\xff\x05\x00\xff\x04"), []byte{})
	f.Fuzz(func(t *testing.T, rest, random []byte) {
		plain, err := restore(rest, random)
		if err == nil && len(plain) > MaxUnpacked || err != nil && (plain != nil || !errors.Is(err, ErrMalformed)) {
			t.Fatalf("%d bytes, %v", len(plain), err)
		}
	})
}
