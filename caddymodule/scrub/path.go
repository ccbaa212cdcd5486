package scrub

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The reasons for refusing a target. In each case the parser of a rule and the parser of the application read, or could
// read, two different paths (A05, A09, A29, A58, A59).
const (
	// BadTarget: not a path ("*", an authority, an empty path), or a scheme that is not http or https.
	BadTarget = Refusal("the request target is not a path")
	// BadFragment: a raw # in the target. Browsers never send one; some servers cut the target there and some do not.
	BadFragment = Refusal("the request target has a fragment")
	// BadEncoding: percent escapes or raw bytes that are not valid UTF-8, including overlong forms.
	BadEncoding = Refusal("the path is not valid UTF-8")
	// ControlCharacter: C0, DEL or C1, raw or as an escape. C programs end a string at NUL.
	ControlCharacter = Refusal("the path has a control character")
	// Backslash: raw or %5c; Windows, Java and browsers treat it as a separator.
	Backslash = Refusal("the path has a backslash")
	// EncodedSlash: %2f; one segment or two, depending on when a parser decodes.
	EncodedSlash = Refusal("the path has an encoded slash")
	// DoubleSlash: at the start of the path, where URL libraries read "//admin" as a host (A02).
	DoubleSlash = Refusal("the path begins with two slashes")
	// DotSegment: a segment "." or "..", plain, encoded (%2e) or with parameters ("..;x").
	DotSegment = Refusal("the path has a dot segment")
	// EmptyName: a segment with only parameters (";x"); servers that remove parameters see no segment.
	EmptyName = Refusal("the path has a segment without a name")
	// DoubleEncoding: an escape that is still one of these characters after one decoding (%252e).
	DoubleEncoding = Refusal("the path is encoded twice")
	// TrailingDot: a segment that ends in a dot or a space, which Windows drops from names.
	TrailingDot = Refusal("the path has a segment that ends in a dot or a blank")
	// StreamName: "::$" or ":$i30:", which Windows treats as another name of the same file or folder.
	StreamName = Refusal("the path names a stream of a file")
)

// Path refuses a request target whose path two parsers read differently. It takes the URL as net/http parsed it or as a
// rewrite left it: matchers read this URL and a proxy sends it. It changes nothing: a path is refused or passed on
// unchanged. A repaired path would be one more way to read it.
//
// Everything with only one reading passes: encoded spaces, UTF-8, "@", "+", "~", ":" and "%3A", hidden names
// (/.well-known), dots inside a name (/a..b, /v1.2), encoded "?" and "#", parameters without dots (;v=1), and empty
// segments after the first (/fetch/https://example.com/). Caddy's matchers merge empty segments before they compare, so
// a rule for a prefix holds for both readings. A path that begins with two slashes can also be read as an authority,
// and is refused.
//
// A server that removes parameters sees /users for /users;v=1. This ambiguity belongs to the application and is not an
// error of a parser: rules for such applications should use prefixes (/users*) instead of exact paths.
func (rules *Rules) Path(u *url.URL) error {
	if u.Opaque != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") {
		return BadTarget
	}
	if u.Fragment != "" || strings.IndexByte(u.RawQuery, '#') >= 0 {
		return BadFragment
	}
	if strings.IndexByte(u.RawQuery, ' ') >= 0 {
		// HTTP/2 and HTTP/3 can transport this character. In HTTP/1.1 it ends the target, and servers treat what
		// follows differently.
		return BadTarget
	}
	// RawPath is set only if the target does not have the default encoding. What the decoded path does not show is
	// visible in it.
	if u.RawPath != "" {
		if err := rawPath(u.RawPath); err != nil {
			return err
		}
	}
	return decodedPath(u.Path, rules.TrailingDots)
}

func rawPath(raw string) error {
	for i := range len(raw) {
		switch c := raw[i]; {
		case c == '#':
			return BadFragment
		case c == '%' && i+2 < len(raw) && raw[i+1] == '2' && (raw[i+2] == 'f' || raw[i+2] == 'F'):
			return EncodedSlash
		}
	}
	return nil
}

func decodedPath(p string, trailingDots bool) error {
	if len(p) > 1 && p[1] == '/' {
		return DoubleSlash
	}
	for i := 0; i < len(p); {
		c := p[i]
		switch class[c] {
		case plain:
			i++
			continue
		case slash:
			if i > 0 && endsOddly(p[i-1]) && !trailingDots {
				return TrailingDot
			}
			if err := segment(p[i+1:]); err != nil {
				return err
			}
		case semicolon:
			if endsOddly(p[i-1]) && !trailingDots {
				return TrailingDot
			}
			if isDots(parameter(p[i+1:])) {
				return DotSegment
			}
		case percent:
			if err := percentSign(p[i+1:]); err != nil {
				return err
			}
		case colon:
			if isStream(p[i:]) {
				return StreamName
			}
		case backslash:
			return Backslash
		case control:
			return ControlCharacter
		case multibyte:
			r, size := utf8.DecodeRuneInString(p[i:])
			if r == utf8.RuneError && size == 1 {
				return BadEncoding
			}
			if unicode.IsControl(r) {
				return ControlCharacter
			}
			i += size
			continue
		}
		i++
	}
	if endsOddly(p[len(p)-1]) && !trailingDots {
		return TrailingDot
	}
	return nil
}

// endsOddly reports whether a name that ends in c has another spelling on Windows.
func endsOddly(c byte) bool { return c == '.' || c == ' ' }

// isStream reports whether rest, which begins with a colon, names a stream.
func isStream(rest string) bool {
	const index = ":$i30:"
	return strings.HasPrefix(rest, "::$") || len(rest) >= len(index) && equalFold(rest[:len(index)], index)
}

// segment checks the name at the start of rest, up to its parameters.
func segment(rest string) error {
	if rest == "" || rest[0] != '.' && rest[0] != ';' {
		return nil
	}
	if rest[0] == ';' {
		return EmptyName
	}
	if isDots(parameter(rest)) {
		return DotSegment
	}
	return nil
}

// parameter returns the part of rest before the next slash or semicolon.
func parameter(rest string) string {
	if i := strings.IndexAny(rest, "/;"); i >= 0 {
		return rest[:i]
	}
	return rest
}

func isDots(s string) bool { return s == "." || s == ".." }

// percentSign checks what follows a percent sign that is left after decoding. A second decoder would decode the escape.
// If that gives a separator, an end of string or another percent sign, the path is ambiguous.
func percentSign(rest string) error {
	if len(rest) < 2 {
		return nil
	}
	hi, ok1 := HexDigit(rest[0])
	lo, ok2 := HexDigit(rest[1])
	if !ok1 || !ok2 {
		return nil
	}
	switch c := hi<<4 | lo; c {
	case '.', '/', '\\', '%', ';', '?', '#':
		return DoubleEncoding
	default:
		if class[c] == control || class[c] == multibyte {
			return DoubleEncoding
		}
	}
	return nil
}

// HexDigit returns the value of a hexadecimal digit of either case (RFC 3986, section 2.1). ok is false for other
// bytes.
func HexDigit(c byte) (value byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// Classes of bytes in a decoded path. All other bytes are plain.
const (
	plain = iota
	slash
	semicolon
	percent
	colon
	backslash
	control
	multibyte
)

var class = func() (t [256]byte) {
	for c := range t {
		switch {
		case c < 0x20 || c == 0x7f:
			t[c] = control
		case c >= utf8.RuneSelf:
			t[c] = multibyte
		}
	}
	t['/'], t[';'], t['%'], t[':'], t['\\'] = slash, semicolon, percent, colon, backslash
	return t
}()
