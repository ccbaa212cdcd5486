package claim

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// State is the result of parsing a claim.
type State uint8

// The states.
const (
	Absent  State = iota // the provider states nothing: no such claim, null or an empty text
	Unclear              // it states an unknown value
	Known
)

// MaxText is the longest value that Text returns, in bytes.
const MaxText = 256

// Scalar returns a string, a number or a boolean as text; empty for anything else. A whole number is written without
// fraction and exponent: 1.0 is 1.
func Scalar(raw json.RawMessage) string {
	s, _ := scalar(raw)
	return s
}

// ParseString parses a JSON string; ok is false for anything else, including null and absence.
func ParseString(raw json.RawMessage) (text string, ok bool) {
	if text, ok = plainString(raw); ok {
		return text, true
	}
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", false
	}
	return text, true
}

func scalar(raw json.RawMessage) (text string, ok bool) {
	if text, ok = plainString(raw); ok {
		return text, true
	}
	if plainNumber(raw) {
		return string(raw), true
	}
	var value any
	if len(raw) == 0 || json.Unmarshal(raw, &value) != nil {
		return "", false
	}
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		const exact = 1 << 53 // up to which each whole number is exactly one float64
		if whole := int64(v); v > -exact && v < exact && float64(whole) == v {
			return strconv.FormatInt(whole, 10), true
		}
		return strings.TrimSpace(string(raw)), true
	}
	return "", false
}

// String returns a claim that is a string, a number or a boolean as text; empty if it is absent or anything else.
func (c Set) String(path string) string {
	raw, _ := c.Get(path)
	return Scalar(raw)
}

// Text is String for display and headers: limited in length, and empty if it contains a control character.
func (c Set) Text(path string) string {
	s := c.String(path)
	if len(s) > MaxText || !utf8.ValidString(s) || strings.ContainsFunc(s, IsControl) {
		return ""
	}
	return s
}

// IsControl reports whether a character must not appear in a header or a log line.
func IsControl(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// List returns a claim that is a list of strings, numbers or booleans, or a single one of these. null in a list is
// skipped.
func (c Set) List(path string) ([]string, State) {
	raw, ok := c.Get(path)
	if !ok {
		return nil, Absent
	}
	return list(raw)
}

func list(raw json.RawMessage) ([]string, State) {
	if values, ok := plainList(raw); ok {
		return values, Known
	}
	var elements []json.RawMessage
	switch {
	case isNull(raw):
		return nil, Unclear
	case json.Unmarshal(raw, &elements) != nil:
		elements = []json.RawMessage{raw}
	}
	values := make([]string, 0, len(elements))
	for _, e := range elements {
		if isNull(e) {
			continue
		}
		value, ok := scalar(e)
		if !ok {
			return nil, Unclear
		}
		values = append(values, value)
	}
	return values, Known
}

// said returns the words of a claim that is a word or a list of words, in lower case and trimmed.
func (c Set) said(path string) ([]string, State) {
	raw, ok := c.Get(path)
	if !ok || isNull(raw) {
		return nil, Absent
	}
	values, state := list(raw)
	if state != Known || len(values) == 0 {
		return nil, Unclear
	}
	empty := true
	for i, v := range values {
		values[i] = strings.ToLower(strings.TrimSpace(v))
		empty = empty && values[i] == ""
	}
	if empty && len(values) == 1 {
		return nil, Absent
	}
	return values, Known
}

// truth parses a boolean in any spelling.
func truth(word string) (value, ok bool) {
	switch word {
	case "true", "yes", "1":
		return true, true
	case "false", "no", "0":
		return false, true
	}
	return false, false
}

// Bool parses a claim that is true or false, in any spelling: true, "True", 1, "1", "yes"; false, "False", 0, "0",
// "no". A list has a value if all of its elements agree.
func (c Set) Bool(path string) (bool, State) {
	values, state := c.said(path)
	if state != Known {
		return false, state
	}
	first, ok := truth(values[0])
	if !ok {
		return false, Unclear
	}
	for _, v := range values[1:] {
		if other, ok := truth(v); !ok || other != first {
			return false, Unclear
		}
	}
	return first, Known
}

// Word parses a claim that is one of the words, which are in lower case and ascending order. For a list the highest
// counts, if all of its elements are such words.
func (c Set) Word(path string, words []string) (string, State) {
	values, state := c.said(path)
	if state != Known {
		return "", state
	}
	highest := -1
	for _, v := range values {
		i := slices.Index(words, v)
		if i < 0 {
			return "", Unclear
		}
		highest = max(highest, i)
	}
	return words[highest], Known
}

// Has reports whether a claim is one of the values, or a list that contains one. Case is ignored, and true equals yes
// and 1. If all values are spellings of true and false, any other value is unclear.
func (c Set) Has(path string, values ...string) (bool, State) {
	said, state := c.said(path)
	if state != Known {
		return false, state
	}
	for _, is := range said {
		if slices.ContainsFunc(values, func(want string) bool { return same(is, want) }) {
			return true, Known
		}
	}
	if allTruths(values) && !allTruths(said) {
		return false, Unclear
	}
	return false, Known
}

func allTruths(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { _, ok := truth(strings.ToLower(v)); return !ok })
}

func same(is, want string) bool {
	a, isTruth := truth(is)
	b, wantsTruth := truth(strings.ToLower(want))
	return strings.EqualFold(is, want) || isTruth && wantsTruth && a == b
}

// AnyOf reports whether one of the values is one of the words, without regard to case.
func AnyOf(values, words []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(v, w) })
	})
}

// Time parses a time in seconds since 1970 (RFC 7519, section 2), as a number or as text, within the range that is
// possible in a token.
func Time(raw json.RawMessage) (time.Time, bool) {
	const year9999 = 253402300799
	at, err := strconv.ParseFloat(strings.TrimSpace(Scalar(raw)), 64)
	if err != nil || !(at > 0 && at <= year9999) {
		return time.Time{}, false
	}
	return time.Unix(int64(at), 0).UTC(), true
}
