package pages

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Phrase is a text with its values filled in, kept in parts. Values stay separate from the words around them, so that
// the page can isolate their direction (an e-mail address in an Arabic sentence). A value is never parsed as a text
// again: "{user}" or "{env.SECRET}" in a value is shown unchanged (A54).
type Phrase []Part

// Part is a part of a Phrase: words of the text, or a value.
type Part struct {
	Text  string
	Value bool
}

// String returns the phrase as plain text, for titles and attributes.
func (p Phrase) String() string {
	if len(p) == 1 {
		return p[0].Text
	}
	var b strings.Builder
	for _, part := range p {
		b.WriteString(part.Text)
	}
	return b.String()
}

// pattern is a loaded text: words, and names of values.
type pattern []Part

// markup matches characters that browsers would read as HTML if they were not escaped, or that change the direction or
// layout of the text after them. No text needs them.
var markup = regexp.MustCompile("[<>\\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]|&[#0-9A-Za-z]+;")

// parsePattern parses "Signing in as {user}". Braces have no other use, and a text contains no markup.
func parsePattern(s string) (pattern, error) {
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("the text is empty")
	}
	if found := markup.FindString(s); found != "" {
		return nil, fmt.Errorf("%q in %q: a text is plain, without markup or control characters", found, s)
	}
	var p pattern
	for s != "" {
		words, rest, open := strings.Cut(s, "{")
		if strings.Contains(words, "}") {
			return nil, fmt.Errorf("closing brace without an opening one in %q", s)
		}
		if words != "" {
			p = append(p, Part{Text: words})
		}
		if !open {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			return nil, fmt.Errorf("placeholder in %q: expected a lower-case name in braces", s)
		}
		p = append(p, Part{Text: name, Value: true})
		s = after
	}
	return p, nil
}

// names lists the placeholders, for comparing languages.
func (p pattern) names() map[string]bool {
	names := make(map[string]bool)
	for _, part := range p {
		if part.Value {
			names[part.Text] = true
		}
	}
	return names
}

// fill replaces names by values, in one pass. A missing value is an error: template and text do not fit together.
func (p pattern) fill(pairs []string) (Phrase, error) {
	phrase := make(Phrase, len(p))
	copy(phrase, p)
next:
	for i := range phrase {
		if !phrase[i].Value {
			continue
		}
		for j := 0; j+1 < len(pairs); j += 2 {
			if pairs[j] == phrase[i].Text {
				phrase[i].Text = pairs[j+1]
				continue next
			}
		}
		return nil, fmt.Errorf("no value for {%s}", phrase[i].Text)
	}
	return phrase, nil
}
