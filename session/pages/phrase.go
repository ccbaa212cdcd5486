package pages

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strings"

	"golang.org/x/text/feature/plural"
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

// text is one entry of a text file: the source of a single pattern, or of one for each plural category of the language. Each
// has its category in one byte and its length in two before it. A language is hundreds of texts that few requests need: in
// one piece, without pointers, they cost a garbage collection next to nothing.
type text string

// with returns a text with one more pattern, whose source was parsed.
func (t text) with(form plural.Form, source string) text {
	return t + text([]byte{byte(form), byte(len(source) >> 8), byte(len(source))}) + text(source)
}

// forms are the sources by category.
func (t text) forms() iter.Seq2[plural.Form, string] {
	return func(yield func(plural.Form, string) bool) {
		for t != "" {
			end := 3 + int(t[1])<<8 + int(t[2])
			if !yield(plural.Form(t[0]), string(t[3:end])) {
				return
			}
			t = t[end:]
		}
	}
}

// form is the source of one category, empty if there is none.
func (t text) form(want plural.Form) string {
	for form, source := range t.forms() {
		if form == want {
			return source
		}
	}
	return ""
}

// pattern is a parsed text: words, and names of values.
type pattern []Part

// markup matches characters that browsers would read as HTML if they were not escaped, or that change the direction or
// layout of the text after them. No text needs them.
var markup = regexp.MustCompile("[<>\\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]|&[#0-9A-Za-z]+;")

// parsePattern parses "Signing in as {user}". Braces have no other use, and a text contains no markup.
func parsePattern(s string) (pattern, error) {
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("the text is empty")
	}
	if len(s) > math.MaxUint16 {
		return nil, fmt.Errorf("the text is longer than %d bytes", math.MaxUint16)
	}
	if found := markup.FindString(s); found != "" {
		return nil, fmt.Errorf("%q in %q: a text is plain, without markup or control characters", found, s)
	}
	return split(s)
}

// split parses a text, but does not look for markup in it.
func split(s string) (pattern, error) {
	p := make(pattern, 0, 1+2*strings.Count(s, "{"))
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

// names lists the placeholders of a source that was parsed before, for comparing languages.
func names(source string) map[string]bool {
	names := make(map[string]bool)
	p, _ := split(source)
	for _, part := range p {
		if part.Value {
			names[part.Text] = true
		}
	}
	return names
}

// fill replaces the names in a source by values, in one pass. A missing value is an error: template and text do not fit together.
func fill(source string, pairs []string) (Phrase, error) {
	p, err := split(source)
	if err != nil {
		return nil, err
	}
	phrase := Phrase(p)
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
