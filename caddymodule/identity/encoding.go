package identity

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// Encoding is a way to write a text as a header value.
type Encoding uint8

// The encodings. The zero value is the default.
const (
	// UTF8 writes a text as its UTF-8 bytes.
	UTF8 Encoding = iota
	// Percent writes printable ASCII unchanged, and every other byte of UTF-8, `%`, `,` and `+` as %XX.
	Percent
	// Base64 writes each text in base64 (RFC 4648, section 4), even if it is plain ASCII.
	Base64
	// Latin1 writes a text as its ISO 8859-1 bytes.
	Latin1
)

// Encodings are the configuration words for the encodings, in their order.
var Encodings = []string{"utf8", "percent", "base64", "latin1"}

// ParseEncoding returns the encoding for a word. An empty word means the default.
func ParseEncoding(word string) (e Encoding, ok bool) {
	if word == "" {
		return UTF8, true
	}
	i := slices.Index(Encodings, word)
	return Encoding(max(i, 0)), i >= 0 //nolint:gosec // one of four
}

func (e Encoding) String() string { return Encodings[e] }

// Text encodes one text. ok is false if the encoding cannot represent it. For Latin1 that is a character outside ISO
// 8859-1. For UTF8 and Latin1, which have no escapes, it is also a control character, or a space at either end: HTTP
// removes such spaces (RFC 9110, section 5.5), so the application would read another text.
func (e Encoding) Text(text string) (value string, ok bool) {
	switch e {
	case Base64:
		return base64.StdEncoding.EncodeToString([]byte(text)), true
	case Percent:
		return string(e.appendElement(nil, text)), true
	}
	if !utf8.ValidString(text) || strings.Trim(text, " ") != text || strings.ContainsFunc(text, claim.IsControl) {
		return "", false
	}
	if e == UTF8 {
		return text, true
	}
	latin := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return "", false
		}
		latin = append(latin, byte(r))
	}
	return string(latin), true
}

// List encodes a list: each element separately, joined by commas. If the encoding cannot represent a character of an
// element, the UTF-8 bytes of the character are written as %XX. Commas and `%` are written so too, so that one element
// cannot look like two, or like another element. Empty elements are dropped.
func (e Encoding) List(elements []string) string {
	size := 0
	for _, element := range elements {
		size += len(element) + 1
	}
	list := make([]byte, 0, size)
	for _, element := range elements {
		if element == "" {
			continue
		}
		if len(list) > 0 {
			list = append(list, ',')
		}
		list = e.appendElement(list, element)
	}
	return string(list)
}

func (e Encoding) appendElement(list []byte, element string) []byte {
	if e == Base64 {
		return base64.StdEncoding.AppendEncode(list, []byte(element))
	}
	for i := 0; i < len(element); {
		r, size := utf8.DecodeRuneInString(element[i:])
		edge := r == ' ' && (i == 0 || i == len(element)-1)
		switch {
		case r < utf8.RuneSelf && !edge && e.plain(byte(r)): //nolint:gosec // ASCII
			list = append(list, byte(r)) //nolint:gosec // ASCII
		case r >= utf8.RuneSelf && e == UTF8:
			list = append(list, element[i:i+size]...)
		case r >= 0xa0 && r <= 0xff && e == Latin1:
			list = append(list, byte(r))
		default:
			for _, c := range []byte(element[i : i+size]) {
				list = append(list, '%', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i += size
	}
	return list
}

const hexDigits = "0123456789ABCDEF"

// plain reports whether an ASCII character is written unchanged. Form decoders read + as a space, so Percent escapes
// it.
func (e Encoding) plain(c byte) bool {
	return c >= ' ' && c < 0x7f && c != '%' && c != ',' && (c != '+' || e != Percent)
}
