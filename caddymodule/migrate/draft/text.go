package draft

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
)

// Text returns the Caddyfile, formatted as by `latchkey fmt`, with the notes as comments at its end. It returns an error if a
// value of the configuration cannot be one word of a Caddyfile.
func (p *Plan) Text() (string, error) {
	w := new(writer)
	w.line("# Made by `latchkey migrate " + p.From + "`. What it could not take over stands at the end of this file.")
	w.line("#")
	w.line("#	latchkey validate --config <this file>    checks it, opens nothing")
	w.line("#	latchkey doctor --config <this file>      asks the provider and the store as well")
	w.line("{")
	if len(p.Servers) > 0 {
		w.block(Words("servers", p.Servers...))
		w.line("")
	}
	w.line("latchkey {")
	empty := true
	for _, part := range [][]Line{p.Providers, p.Store, p.Session, p.Prompt, p.SignInHost, p.Policies} {
		if len(part) > 0 && !empty {
			w.line("")
		}
		empty = empty && len(part) == 0
		for _, l := range part {
			w.block(l)
		}
	}
	w.line("}")
	w.line("}")
	for _, s := range p.Sites {
		w.line("")
		w.site(s)
	}
	if len(p.Notes) > 0 {
		w.line("")
		w.line("# From the migration:")
		for _, n := range p.Notes {
			w.line("# " + n.String())
		}
	}
	if err := errors.Join(w.faults...); err != nil {
		return "", err
	}
	return string(caddyfile.Format([]byte(w.String()))), nil
}

type writer struct {
	strings.Builder
	faults []error
}

func (w *writer) line(text string) { w.WriteString(text + "\n") }

func (w *writer) site(s *Site) {
	w.comment(s.Comment)
	w.block(Line{Given: s.Addresses, From: Origin{Key: "the address of the site"}, Block: slices.Concat(s.TLS, s.guarded(), s.App)})
}

// guarded returns the lines that close the site, except for what is open.
func (s *Site) guarded() (lines []Line) {
	directive := "latchkey"
	if len(s.Open) > 0 {
		matcher := Words("@guarded", s.Open...)
		matcher.Comment = "What needs no sign-in."
		lines = append(lines, matcher)
		directive += " @guarded"
	}
	return append(lines, Words(directive, s.Rules...))
}

func (w *writer) comment(text string) {
	for _, line := range strings.Split(text, "\n") {
		if line != "" {
			w.line("# " + Printable(line))
		}
	}
}

func (w *writer) block(l Line) {
	w.comment(l.Comment)
	var all []string
	if l.Words != "" {
		all = append(all, l.Words)
	}
	for _, text := range l.Given {
		if l.Pattern {
			all = append(all, `"`+text+`"`)
			if !IsPattern(text) {
				w.faults = append(w.faults, l.From.Errorf("this regular expression cannot stand in a Caddyfile"))
			}
			continue
		}
		all = append(all, firstfile.Quote(text))
		if firstfile.CheckQuoted("", text, MaxValue) != nil || strings.TrimSpace(text) == "" {
			w.faults = append(w.faults, l.From.Errorf("a value is empty, longer than %d bytes, or has a character that cannot stand in a Caddyfile: a quote, a backslash, a brace or a control character", MaxValue))
		}
	}
	if l.Joined != "" && len(all) > 0 {
		all[len(all)-1] += l.Joined
	}
	if l.After != "" {
		all = append(all, l.After)
	}
	text := strings.Join(all, " ")
	if len(l.Block) == 0 {
		w.line(text)
		return
	}
	w.line(text + " {")
	for _, inner := range l.Block {
		w.block(inner)
	}
	w.line("}")
}

// MaxDepth is how deep brackets and mappings may be nested.
const MaxDepth = 200

// MaxValue is how many bytes a value may have.
const MaxValue = 1024

// repetition is the only use of braces in a regular expression that is no placeholder to Caddy.
var repetition = regexp.MustCompile(`\{[0-9]+(,[0-9]*)?\}`)

// IsPattern reports whether a regular expression can stand in a Caddyfile, in quotes, and is then the same expression.
func IsPattern(text string) bool {
	if text == "" || len(text) > MaxValue || strings.HasSuffix(text, `\`) {
		return false
	}
	if strings.ContainsFunc(repetition.ReplaceAllString(text, ""), func(r rune) bool {
		return r < ' ' || r == 0x7f || strings.ContainsRune("\"`{}\uFFFD", r)
	}) {
		return false
	}
	_, err := regexp.Compile(text)
	return err == nil
}
