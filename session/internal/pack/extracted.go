package pack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// This file reads a form that is no longer written: packedExtracted. In it the random identifiers of a record (of
// groups, of the user, of sessions) were stored as bytes, each once, separately from the text. That saved about 190
// bytes a record, which does not justify a second form.
//
// The file, its test and packedExtracted may be removed 401 days after the last replica that wrote this form was
// stopped, because no record lives longer.

// Each identifier is replaced by the byte mark and one of these. The byte mark itself is written twice.
const (
	mark = 0xff

	markGUID  = 1 // 8-4-4-4-12 digits
	markText  = 2 // base64url, and how many bytes
	markHex   = 3 // lower-case digits, and how many bytes
	markNext  = 4 // the one after the last repeated identifier
	markAgain = 5 // followed by its number, counted from 0
)

const guidSize = 16

// unpackExtracted reads what follows the byte packedExtracted: the lengths of the tail and of the identifiers, both
// uncompressed, then the rest compressed with the dictionary.
func unpackExtracted(packed []byte) ([]byte, error) {
	sizes, rest, ok := lengths(packed, 2)
	if !ok {
		return nil, ErrMalformed
	}
	tail, random, rest := rest[:sizes[0]], rest[sizes[0]:sizes[0]+sizes[1]], rest[sizes[0]+sizes[1]:]
	head, err := inflate(rest, nil)
	if err != nil {
		return nil, err
	}
	if head, err = restore(head, random); err != nil {
		return nil, err
	}
	if len(head)+len(tail) > MaxUnpacked {
		return nil, fmt.Errorf("%w: over %d bytes", ErrMalformed, MaxUnpacked)
	}
	return append(head, tail...), nil
}

// restore puts the identifiers back. It returns ErrMalformed for input that was never written, and for more than
// MaxUnpacked bytes.
func restore(rest, random []byte) ([]byte, error) {
	plain := make([]byte, 0, len(rest)+2*len(random))
	var spans [][2]int // where each identifier first occurs in plain
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
