package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPattern is the longest pattern in bytes. It equals the longest group name that a session keeps.
const maxPattern = 512

// Only is a compiled filter for lists. It is immutable; nil keeps all elements.
type Only struct {
	exact []string // sorted
	globs [][]string
}

// NewOnly compiles patterns that CheckPatterns has accepted. `*` matches any characters or none; every other character
// matches itself. Case matters, as in all comparisons of groups.
func NewOnly(patterns []string) *Only {
	if len(patterns) == 0 {
		return nil
	}
	o := new(Only)
	for _, p := range patterns {
		if strings.Contains(p, "*") {
			o.globs = append(o.globs, strings.Split(p, "*"))
		} else {
			o.exact = append(o.exact, p)
		}
	}
	slices.Sort(o.exact)
	return o
}

// CheckPatterns refuses texts that make no sense as patterns.
func CheckPatterns(patterns []string) error {
	for i, p := range patterns {
		switch {
		case p == "":
			return errors.New("a pattern is empty")
		case strings.Trim(p, "*") == "":
			return fmt.Errorf("%q is every group; without `only` all are sent", p)
		case len(p) > maxPattern:
			return fmt.Errorf("a pattern is longer than %d bytes", maxPattern)
		case !utf8.ValidString(p):
			return fmt.Errorf("%q is not valid UTF-8", p)
		case strings.ContainsFunc(p, unicode.IsControl):
			return fmt.Errorf("%q has control characters", p)
		case slices.Contains(patterns[:i], p):
			return fmt.Errorf("%q is listed twice", p)
		}
	}
	return nil
}

// Keep returns the elements that match a pattern, in their order. It does not change list.
func (o *Only) Keep(list []string) []string {
	if o == nil {
		return list
	}
	var kept []string
	for _, element := range list {
		if o.has(element) {
			kept = append(kept, element)
		}
	}
	return kept
}

func (o *Only) has(element string) bool {
	if _, ok := slices.BinarySearch(o.exact, element); ok {
		return true
	}
	return slices.ContainsFunc(o.globs, func(parts []string) bool { return matches(parts, element) })
}

// matches reports whether text consists of the parts with anything between them. For the middle parts it is enough to
// try the first position of each.
func matches(parts []string, text string) bool {
	last := len(parts) - 1
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	if text, ok = strings.CutSuffix(text, parts[last]); !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, text, ok = strings.Cut(text, part); !ok {
			return false
		}
	}
	return true
}
