package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// Half of a record are random identifiers: of groups, of the user, of sessions. A compressor makes nothing smaller of them
// than the bytes that their text stands for, and trying makes the rest larger. So they are taken out first, as bytes, and
// one that occurs twice is kept once: the groups of most providers are both in the claims and in the list of groups.

// In the place of an identifier there is the byte mark and one of these. The byte mark itself is written twice.
const (
	mark = 0xff

	markGUID  = 1 // 8-4-4-4-12 digits
	markText  = 2 // base64url, and how many bytes
	markHex   = 3 // lower-case digits, and how many bytes
	markNext  = 4 // the one after that which was repeated last
	markAgain = 5 // and which, counted from 0
)

const (
	guidSize = 16
	guidText = 36
	// shortestIdentifier is the shortest text that is taken out: 128 bits in base64url.
	shortestIdentifier = 22
	longestIdentifier  = 255 // bytes; what is longer is no identifier
)

// extractor holds what has been taken out so far.
type extractor struct {
	rest, random []byte
	seen         map[string]int // kind and bytes -> which
	next         int
}

// extract takes the random identifiers out of a record. restore is the reverse.
func extract(plain []byte) (rest, random []byte) {
	c := extractor{rest: make([]byte, 0, len(plain)), seen: map[string]int{}}
	for len(plain) > 0 {
		n := 0
		for n < len(plain) && identifies(plain[n]) {
			n++
		}
		if n >= shortestIdentifier {
			c.run(plain[:n])
		} else {
			c.rest = append(c.rest, plain[:n]...)
		}
		if plain = plain[n:]; len(plain) > 0 {
			if plain[0] == mark {
				c.rest = append(c.rest, mark)
			}
			c.rest, plain = append(c.rest, plain[0]), plain[1:]
		}
	}
	return c.rest, c.random
}

func identifies(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// run takes out a text that can be an identifier as a whole. Before a GUID there may be something else: the length of a
// field is a byte that can look like a digit.
func (c *extractor) run(text []byte) {
	if before := len(text) - guidText; before >= 0 {
		if id, ok := parseGUID(text[before:]); ok {
			c.rest = append(c.rest, text[:before]...)
			c.take(markGUID, id)
			return
		}
	}
	if id, err := hex.AppendDecode(nil, text); err == nil && len(id) <= longestIdentifier && bytes.Equal(hex.AppendEncode(nil, id), text) {
		c.take(markHex, id)
		return
	}
	if looksRandom(text) {
		id, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
		if err == nil && len(id) <= longestIdentifier {
			c.take(markText, id)
			return
		}
	}
	c.rest = append(c.rest, text...)
}

// looksRandom tells base64url from words. A word that is taken for base64url comes back all the same.
func looksRandom(text []byte) bool {
	var digit, upper, lower bool
	for _, b := range text {
		digit = digit || b >= '0' && b <= '9'
		upper = upper || b >= 'A' && b <= 'Z'
		lower = lower || b >= 'a' && b <= 'z'
	}
	return digit && upper && lower
}

func (c *extractor) take(kind byte, id []byte) {
	name := string(kind) + string(id)
	which, known := c.seen[name]
	if !known {
		c.seen[name] = len(c.seen)
		c.rest = append(c.rest, mark, kind)
		if kind != markGUID {
			c.rest = append(c.rest, byte(len(id)))
		}
		c.random = append(c.random, id...)
		return
	}
	if which == c.next {
		c.rest = append(c.rest, mark, markNext)
	} else {
		c.rest = binary.AppendUvarint(append(c.rest, mark, markAgain), uint64(which)) //nolint:gosec // not negative
	}
	c.next = which + 1
}

// restore puts the identifiers back. It returns ErrMalformed for what extract has not made, and for more than MaxUnpacked
// bytes.
func restore(rest, random []byte) ([]byte, error) {
	plain := make([]byte, 0, len(rest)+2*len(random))
	var spans [][2]int // of plain, where each identifier was first
	next := 0
	for len(rest) > 0 {
		at := bytes.IndexByte(rest, mark)
		if at < 0 {
			plain = append(plain, rest...)
			break
		}
		plain = append(plain, rest[:at]...)
		if rest = rest[at+1:]; len(rest) == 0 {
			return nil, ErrMalformed
		}
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case mark:
			plain = append(plain, mark)
		case markGUID, markText, markHex:
			size := guidSize
			if kind != markGUID {
				if len(rest) == 0 {
					return nil, ErrMalformed
				}
				size, rest = int(rest[0]), rest[1:]
			}
			if size > len(random) {
				return nil, ErrMalformed
			}
			from := len(plain)
			plain = appendIdentifier(plain, kind, random[:size])
			random = random[size:]
			spans = append(spans, [2]int{from, len(plain)})
		case markNext, markAgain:
			if kind == markAgain {
				which, n := binary.Uvarint(rest)
				if n <= 0 || which > uint64(len(spans)) {
					return nil, ErrMalformed
				}
				next, rest = int(which), rest[n:] //nolint:gosec // at most a length
			}
			if next >= len(spans) {
				return nil, ErrMalformed
			}
			plain = append(plain, plain[spans[next][0]:spans[next][1]]...)
			next++
		default:
			return nil, ErrMalformed
		}
		if len(plain) > MaxUnpacked {
			return nil, ErrMalformed
		}
	}
	if len(random) > 0 || len(plain) > MaxUnpacked {
		return nil, ErrMalformed
	}
	return plain, nil
}

func appendIdentifier(to []byte, kind byte, id []byte) []byte {
	switch kind {
	case markGUID:
		for _, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
			to = append(hex.AppendEncode(to, part), '-')
		}
		return to[:len(to)-1]
	case markHex:
		return hex.AppendEncode(to, id)
	default:
		return base64.RawURLEncoding.AppendEncode(to, id)
	}
}

// parseGUID reads one of 36 characters in lower case.
func parseGUID(text []byte) ([]byte, bool) {
	digits := make([]byte, 0, 2*guidSize)
	for i, b := range text {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (b == '-') {
			return nil, false
		} else if !dash {
			digits = append(digits, b)
		}
	}
	id := make([]byte, guidSize)
	if _, err := hex.Decode(id, digits); err != nil {
		return nil, false
	}
	return id, bytes.Equal(appendIdentifier(nil, markGUID, id), text)
}
