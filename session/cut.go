package session

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// Half of a record are identifiers that were made at random: of groups, of the person, of sessions. No compressor makes
// anything of them but the bytes that their text stands for, and what it spends on trying makes the rest larger too. So
// they are cut out first, as bytes, and what is cut twice is kept once: most providers' groups stand in the claims and in
// the list of groups.

// A mark is cutMark and one of these; cutMark itself is written twice.
const (
	cutMark = 0xff

	cutGUID  = 1 // 8-4-4-4-12 digits
	cutText  = 2 // base64url, and how many bytes
	cutHex   = 3 // lower-case digits, and how many bytes
	cutNext  = 4 // the one after that which was repeated last
	cutAgain = 5 // and which, counted from 0
)

const (
	guidSize = 16
	guidText = 36
	// shortestCut is the shortest text that is cut: 128 bits in base64url.
	shortestCut = 22
	longestCut  = 255 // bytes; what is longer is no identifier
)

// cutter is what has been cut so far.
type cutter struct {
	rest, random []byte
	seen         map[string]int // kind and bytes -> which
	next         int
}

// cut takes the random identifiers out of a record. mend is the reverse.
func cut(plain []byte) (rest, random []byte) {
	c := cutter{rest: make([]byte, 0, len(plain)), seen: map[string]int{}}
	for len(plain) > 0 {
		n := 0
		for n < len(plain) && identifies(plain[n]) {
			n++
		}
		if n >= shortestCut {
			c.run(plain[:n])
		} else {
			c.rest = append(c.rest, plain[:n]...)
		}
		if plain = plain[n:]; len(plain) > 0 {
			if plain[0] == cutMark {
				c.rest = append(c.rest, cutMark)
			}
			c.rest, plain = append(c.rest, plain[0]), plain[1:]
		}
	}
	return c.rest, c.random
}

func identifies(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// run cuts what can be an identifier as a whole. Before a GUID there may be something: the length of a field is a byte
// that can look like a digit.
func (c *cutter) run(text []byte) {
	if before := len(text) - guidText; before >= 0 {
		if id, ok := parseGUID(text[before:]); ok {
			c.rest = append(c.rest, text[:before]...)
			c.take(cutGUID, id)
			return
		}
	}
	if id, err := hex.AppendDecode(nil, text); err == nil && len(id) <= longestCut && bytes.Equal(hex.AppendEncode(nil, id), text) {
		c.take(cutHex, id)
		return
	}
	if looksRandom(text) {
		id, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
		if err == nil && len(id) <= longestCut {
			c.take(cutText, id)
			return
		}
	}
	c.rest = append(c.rest, text...)
}

// looksRandom tells base64url from words, which it would not do much harm to.
func looksRandom(text []byte) bool {
	var digit, upper, lower bool
	for _, b := range text {
		digit = digit || b >= '0' && b <= '9'
		upper = upper || b >= 'A' && b <= 'Z'
		lower = lower || b >= 'a' && b <= 'z'
	}
	return digit && upper && lower
}

func (c *cutter) take(kind byte, id []byte) {
	name := string(kind) + string(id)
	which, known := c.seen[name]
	if !known {
		c.seen[name] = len(c.seen)
		c.rest = append(c.rest, cutMark, kind)
		if kind != cutGUID {
			c.rest = append(c.rest, byte(len(id)))
		}
		c.random = append(c.random, id...)
		return
	}
	if which == c.next {
		c.rest = append(c.rest, cutMark, cutNext)
	} else {
		c.rest = binary.AppendUvarint(append(c.rest, cutMark, cutAgain), uint64(which)) //nolint:gosec // not negative
	}
	c.next = which + 1
}

// mend puts the identifiers back. errMalformed for what cut has not made, and for more than maxUnpacked bytes.
func mend(rest, random []byte) ([]byte, error) {
	plain := make([]byte, 0, len(rest)+2*len(random))
	var spans [][2]int // of plain, where each identifier was first
	next := 0
	for len(rest) > 0 {
		at := bytes.IndexByte(rest, cutMark)
		if at < 0 {
			plain = append(plain, rest...)
			break
		}
		plain = append(plain, rest[:at]...)
		if rest = rest[at+1:]; len(rest) == 0 {
			return nil, errMalformed
		}
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case cutMark:
			plain = append(plain, cutMark)
		case cutGUID, cutText, cutHex:
			size := guidSize
			if kind != cutGUID {
				if len(rest) == 0 {
					return nil, errMalformed
				}
				size, rest = int(rest[0]), rest[1:]
			}
			if size > len(random) {
				return nil, errMalformed
			}
			from := len(plain)
			plain = appendIdentifier(plain, kind, random[:size])
			random = random[size:]
			spans = append(spans, [2]int{from, len(plain)})
		case cutNext, cutAgain:
			if kind == cutAgain {
				which, n := binary.Uvarint(rest)
				if n <= 0 || which > uint64(len(spans)) {
					return nil, errMalformed
				}
				next, rest = int(which), rest[n:] //nolint:gosec // at most a length
			}
			if next >= len(spans) {
				return nil, errMalformed
			}
			plain = append(plain, plain[spans[next][0]:spans[next][1]]...)
			next++
		default:
			return nil, errMalformed
		}
		if len(plain) > maxUnpacked {
			return nil, errMalformed
		}
	}
	if len(random) > 0 || len(plain) > maxUnpacked {
		return nil, errMalformed
	}
	return plain, nil
}

func appendIdentifier(to []byte, kind byte, id []byte) []byte {
	switch kind {
	case cutGUID:
		for _, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
			to = append(hex.AppendEncode(to, part), '-')
		}
		return to[:len(to)-1]
	case cutHex:
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
	return id, bytes.Equal(appendIdentifier(nil, cutGUID, id), text)
}
