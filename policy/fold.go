package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// fold brings a name to the form in which names are compared: two names are equal without case if their folded forms are
// equal (Unicode simple folding, as strings.EqualFold).
func fold(name string) string {
	plain := true
	for i := 0; i < len(name) && plain; i++ {
		plain = name[i] < utf8.RuneSelf && (name[i] < 'A' || name[i] > 'Z')
	}
	if plain {
		return name
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		if r < utf8.RuneSelf {
			return r
		}
		// The runes that differ in case alone are a ring; the smallest stands for them all, but for ASCII the small letter.
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		if 'A' <= least && least <= 'Z' {
			least += 'a' - 'A'
		}
		return least
	}, name)
}

// lookalike reports whether a name has one of the two letters beyond ASCII that fold to one of ASCII: the long s and the
// sign for kelvin. At a provider where people choose their names it may be made to resemble another.
func lookalike(name string) bool { return strings.ContainsAny(name, "\u017f\u212a") }

var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// Domain brings the name of a mail domain to the form in which domains are compared: in ASCII, in lower case, without a
// dot at the end. ok is false if it is no such name.
func Domain(name string) (domain string, ok bool) {
	name = strings.TrimSuffix(name, ".")
	ascii, err := domains.ToASCII(name)
	if err != nil || ascii == "" || len(ascii) > 253 || strings.HasPrefix(ascii, ".") || strings.HasSuffix(ascii, ".") || strings.Contains(ascii, "..") {
		return fold(name), false
	}
	return ascii, true
}

// domainOf is the domain of a mail address, or empty.
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	domain, _ := Domain(address[i+1:])
	return domain
}
