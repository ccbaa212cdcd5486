package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// fold returns the form in which names are compared: two names are equal without regard to case if their folded forms
// are equal (Unicode simple folding, as strings.EqualFold).
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
		// Runes that differ only in case form a cycle. The smallest rune represents it; for ASCII, the lower-case
		// letter.
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

// lookalike reports whether a name contains one of the two non-ASCII letters that fold to an ASCII letter: the long s
// and the Kelvin sign. If users can choose their names at a provider, such a name can imitate another one.
func lookalike(name string) bool { return strings.ContainsAny(name, "\u017f\u212a") }

var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// Domain returns the form in which mail domains are compared: in ASCII, in lower case, without a trailing dot. ok is
// false if name is not a domain.
func Domain(name string) (domain string, ok bool) {
	name = strings.TrimSuffix(name, ".")
	ascii, err := domains.ToASCII(name)
	if err != nil || ascii == "" || len(ascii) > 253 || strings.HasPrefix(ascii, ".") || strings.HasSuffix(ascii, ".") || strings.Contains(ascii, "..") {
		return fold(name), false
	}
	return ascii, true
}

// domainOf returns the domain of a mail address, or an empty string.
func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	domain, _ := Domain(address[i+1:])
	return domain
}
