package draft

import (
	"cmp"
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
	for _, l := range p.Options {
		w.block(l)
	}
	if len(p.Options) > 0 {
		w.line("")
	}
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
	w.block(Line{Given: s.Addresses, Verbatim: strings.Contains(strings.Join(s.Addresses, ""), "{$"), From: Origin{Key: "the address of the site"}, Block: slices.Concat(s.TLS, s.guarded(), s.App)})
}

// guarded returns the lines that close the site, except for what is open.
func (s *Site) guarded() (lines []Line) {
	if s.Unguarded {
		return nil
	}
	directive, name := "latchkey", cmp.Or(s.Guard, "guarded")
	if len(s.Open) > 0 {
		matcher := Words("@"+name, s.Open...)
		matcher.Comment = "What needs no sign-in."
		if s.Guard != "" {
			matcher.Comment = "What needs a sign-in."
		}
		lines = append(lines, matcher)
		directive += " @" + name
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
		if l.Verbatim {
			word, ok := verbatim(text)
			if !ok {
				w.faults = append(w.faults, l.From.Errorf("a word has more than %d bytes, or cannot be written into a Caddyfile so that it is read as the same word", maxVerbatim))
			}
			all = append(all, word)
			continue
		}
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

// maxVerbatim is how many bytes a word of a Caddyfile may have that is taken over as it is.
const maxVerbatim = 32 << 10

// plainWord is a word that needs no quotes: its braces are those of placeholders.
var plainWord = regexp.MustCompile(`^([A-Za-z0-9_./:@*%,;=+&?!$~|^()\[\]>'-]|\{[$A-Za-z][A-Za-z0-9_.:$/\[\]*-]*\})+$`)

// insertion is what Caddy replaces in the text of a Caddyfile before it reads words. Where the brace is not closed in the same
// word, it would replace all up to the next one.
var insertion = regexp.MustCompile(`\{\$[A-Za-z_][A-Za-z0-9_]*(:[^{}"\x60\\\x00-\x1f]*)?\}`)

// verbatim returns a word as it stands in a Caddyfile, and whether it is then read as the same word.
func verbatim(text string) (string, bool) {
	if len(text) > maxVerbatim || strings.Contains(insertion.ReplaceAllString(text, ""), "{$") {
		return "", false
	}
	written := []string{`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`, "`" + text + "`"}
	if plainWord.MatchString(text) {
		written = append([]string{text}, written...)
	}
	for _, one := range written {
		tokens, err := caddyfile.Tokenize([]byte(one+" x"), "")
		if err == nil && len(tokens) == 2 && tokens[0].Text == text && tokens[1].Text == "x" {
			return one, true
		}
	}
	return "", false
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
