package caddysecurity

import (
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// when is a condition on requests. The zero value holds for every request.
type when struct {
	// op is how parts are put together: "and", "or", "not" of the one part, or empty if lines say the condition.
	op    string
	parts []when
	// lines are those of a matcher. Without any the condition always holds.
	lines []draft.Line
}

// always reports whether the condition holds for every request.
func (w when) always() bool {
	switch w.op {
	case "and":
		for _, p := range w.parts {
			if !p.always() {
				return false
			}
		}
		return true
	case "or":
		for _, p := range w.parts {
			if p.always() {
				return true
			}
		}
		return false
	case "not":
		return false
	}
	return len(w.lines) == 0
}

// and returns the condition that both hold.
func (w when) and(other when) when {
	switch {
	case w.always():
		return other
	case other.always():
		return w
	}
	return when{op: "and", parts: []when{w, other}}
}

func (w when) not() when {
	if w.op == "not" {
		return w.parts[0]
	}
	return when{op: "not", parts: []when{w}}
}

// anyOf returns the condition that one of several holds.
func anyOf(all ...when) when {
	if len(all) == 1 {
		return all[0]
	}
	return when{op: "or", parts: all}
}

// matcher returns the lines of a matcher for a condition that does not always hold. Lines of one kind in a matcher are
// alternatives to Caddy, while all lines `not` have to hold, so all else is said with `not`.
func (w when) matcher() (lines []draft.Line) {
	switch w.op {
	case "and":
		for i, p := range w.parts {
			switch {
			case p.always():
			case i == 0 || p.op == "not":
				lines = append(lines, p.matcher()...)
			default:
				lines = append(lines, draft.Words("not", draft.Words("not", p.matcher()...)))
			}
		}
		return lines
	case "or":
		var each []draft.Line
		for _, p := range w.parts {
			each = append(each, draft.Words("not", p.matcher()...))
		}
		return []draft.Line{draft.Words("not", each...)}
	case "not":
		return []draft.Line{draft.Words("not", w.parts[0].matcher()...)}
	}
	return w.lines
}

// paths returns the condition that the path is one of those of a matcher.
func paths(o draft.Origin, path string) when {
	l := o.Words("path", path)
	l.Verbatim = true
	return when{lines: []draft.Line{l}}
}

// pattern returns the condition that the path matches a regular expression, and whether that can be said.
func pattern(o draft.Origin, text string) (when, bool) {
	l := draft.Line{Words: "path_regexp", Given: []string{text}, Pattern: true, From: o}
	return when{lines: []draft.Line{l}}, draft.IsPattern(text)
}

// matcherWord returns the matcher in front of the words of a directive, if there is one, and the words behind it.
func matcherWord(args []string) (matcher string, rest []string) {
	if len(args) > 0 && (args[0] == "*" || strings.HasPrefix(args[0], "/") || strings.HasPrefix(args[0], "@")) {
		return args[0], args[1:]
	}
	return "", args
}
