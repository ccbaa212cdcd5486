package firstfile

import (
	"fmt"
	"strings"
	"unicode"
)

// CheckWord checks a text that is one word of a Caddyfile without quotes.
func CheckWord(what, text string, most int) error {
	if strings.ContainsAny(text, " \t#") {
		return fmt.Errorf("%s %q has a space or a number sign", what, text)
	}
	return CheckQuoted(what, text, most)
}

// CheckQuoted checks a text that Quote writes into a Caddyfile: what would end the quotes, or be a placeholder, is refused.
func CheckQuoted(what, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%s has %d bytes, want at most %d", what, len(text), most)
	}
	if i := strings.IndexFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || strings.ContainsRune("\"`{}\\\uFFFD", r)
	}); i >= 0 {
		return fmt.Errorf("%s %q has a character at %d that a Caddyfile does not take here", what, text, i)
	}
	return nil
}

// Quote makes one token of a text that CheckQuoted accepts. Two `<` without quotes would begin a text of several lines.
func Quote(text string) string {
	if text == "" || strings.ContainsAny(text, "#<") || strings.ContainsFunc(text, unicode.IsSpace) {
		return `"` + text + `"`
	}
	return text
}
