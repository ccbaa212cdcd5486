package looks

import (
	"net/textproto"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

func canonicalHeader(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// foldHeader maps all spellings of a header name that CGI, WSGI, PHP and Rack treat as one variable to the same string.
func foldHeader(name string) string {
	folded := make([]byte, len(name))
	for i := range len(name) {
		folded[i] = foldByte(name[i])
	}
	return string(folded)
}

func sameFolded(name, folded string) bool {
	if len(name) != len(folded) {
		return false
	}
	for i := range len(name) {
		if foldByte(name[i]) != folded[i] {
			return false
		}
	}
	return true
}

func foldByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c - 'A' + 'a'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	}
	return '-'
}

func isHeaderName(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != '-' && c != '_' && foldByte(c) == '-' {
			return false
		}
	}
	return text != "" && len(text) < 100
}

// foldKey maps the spellings of a query parameter that some framework treats as the same to one string: it ignores case
// (ASP.NET), dots, spaces and everything after a NUL (PHP).
func foldKey(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	name = strings.TrimLeft(name, " ")
	return strings.ToLower(strings.NewReplacer(".", "_", " ", "_").Replace(name))
}

func unhex(hi, lo byte) (byte, bool) {
	h, ok1 := scrub.HexDigit(hi)
	l, ok2 := scrub.HexDigit(lo)
	return h<<4 | l, ok1 && ok2
}
