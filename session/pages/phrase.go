package pages

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Phrase is a text with its values filled in, kept in parts: a value stays apart from the words around it, so that
// the page can isolate its direction (an e-mail address in an Arabic sentence) and so that a value is never read as
// a text again: "{user}" or "{env.SECRET}" inside a value comes out as written (A54).
type Phrase []Part

// Part is a piece of a Phrase: words of the text, or a value that was filled in.
type Part struct {
	Text  string
	Value bool
}

// String is the phrase as plain text, for titles and attributes.
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

// pattern is a text as loaded: words, and names of values to fill in.
type pattern []Part

// markup is what would be read as HTML, or steer the direction or the layout of what follows it, if it were not escaped:
// nobody who writes it means that it should be seen.
var markup = regexp.MustCompile("[<>\\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]|&[#0-9A-Za-z]+;")

// parsePattern reads "Signing in as {user}". Braces serve for nothing else, and a text holds no markup.
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

// fill puts values in the place of names, in one pass. A name without a value is an error: a template and a text
// disagree.
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
