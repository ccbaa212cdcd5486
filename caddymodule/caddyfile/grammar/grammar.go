package grammar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// Words are the words that can begin a line of a block. Any other word is an error: a misspelt rule must not become a
// missing rule.
type Words[T any] map[string]Word[T]

// Word parses one line, with its block if there is one, into the configuration.
type Word[T any] struct {
	repeats bool
	parse   func(d *caddyfile.Dispenser, into T) error
}

// Once returns a word that is allowed once in a block.
func Once[T any](parse func(d *caddyfile.Dispenser, into T) error) Word[T] {
	return Word[T]{parse: parse}
}

// Many returns a word that is allowed on several lines of a block.
func Many[T any](parse func(d *caddyfile.Dispenser, into T) error) Word[T] {
	return Word[T]{repeats: true, parse: parse}
}

// Of returns a word of a block for a larger block, of which the configuration is a part.
func Of[T, Part any](w Word[Part], part func(T) Part) Word[T] {
	return Word[T]{repeats: w.repeats, parse: func(d *caddyfile.Dispenser, into T) error { return w.parse(d, part(into)) }}
}

// Block reads the block that opens on this line, if there is one, and returns the number of its words.
func (g Words[T]) Block(d *caddyfile.Dispenser, what string, into T) (words int, err error) {
	first := make(map[string]int, len(g))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		w, ok := g[name]
		if !ok {
			return words, Unrecognized(d, what, slices.Collect(maps.Keys(g)))
		}
		if line, ok := first[name]; ok && !w.repeats {
			return words, d.Errf("%s stands twice, first in line %d", name, line)
		}
		first[name] = d.Line()
		if err := w.parse(d, into); err != nil {
			return words, err
		}
		words++
	}
	return words, nil
}

// BlockOnly reads a required block. The line must have no arguments.
func (g Words[T]) BlockOnly(d *caddyfile.Dispenser, what string, into T) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	start := d.Token()
	words, err := g.Block(d, what, into)
	if err == nil && words == 0 {
		return WrapAt(start, fmt.Errorf("%s needs a block with something in it", start.Text))
	}
	return err
}

// Unrecognized returns an error about the current token, with a suggestion.
func Unrecognized(d *caddyfile.Dispenser, what string, words []string) error {
	if d.Val() == "{" {
		return d.Err("a block is not expected here")
	}
	return d.Errf("unrecognized %s %q%s", what, d.Val(), config.Suggest(d.Val(), words))
}

// OneOf reads exactly one argument, which is one of the words.
func OneOf(d *caddyfile.Dispenser, what string, words ...string) (string, error) {
	value, err := One(d)
	if err != nil {
		return "", err
	}
	if !slices.Contains(words, value) {
		return "", Unrecognized(d, what, words)
	}
	return value, nil
}

// FirstOf reads the next argument, which must be one of the words. More arguments may follow.
func FirstOf(d *caddyfile.Dispenser, what string, words ...string) (string, error) {
	if !d.NextArg() {
		return "", d.ArgErr()
	}
	if !slices.Contains(words, d.Val()) {
		return "", Unrecognized(d, what, words)
	}
	return d.Val(), nil
}

// One reads exactly one argument.
func One(d *caddyfile.Dispenser) (string, error) {
	var value string
	if !d.AllArgs(&value) {
		return "", d.ArgErr()
	}
	if strings.TrimSpace(value) == "" {
		return "", d.Err("the value is empty")
	}
	return value, nil
}

// Two reads exactly two arguments.
func Two(d *caddyfile.Dispenser) (a, b string, err error) {
	if !d.AllArgs(&a, &b) {
		return "", "", d.ArgErr()
	}
	if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
		return "", "", d.Err("a value is empty")
	}
	return a, b, nil
}

// List reads one or more arguments and refuses repeated ones.
func List(d *caddyfile.Dispenser) ([]string, error) {
	values := d.RemainingArgs()
	if len(values) == 0 {
		return nil, d.ArgErr()
	}
	for i, v := range values {
		if strings.TrimSpace(v) == "" {
			return nil, d.Err("a value is empty")
		}
		if slices.Contains(values[:i], v) {
			return nil, d.Errf("%q is listed twice", v)
		}
	}
	return values, nil
}

// Names reads one or more names and adds them to those of earlier lines.
func Names(d *caddyfile.Dispenser, to *[]string) error {
	more, err := List(d)
	if err != nil {
		return err
	}
	*to = append(*to, more...)
	if err := config.CheckNames(*to); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// Duration reads exactly one duration between a second and most.
func Duration(d *caddyfile.Dispenser, most time.Duration) (caddy.Duration, error) {
	what := d.Val()
	text, err := One(d)
	if err != nil {
		return 0, err
	}
	value, err := ParseDuration(text)
	if err == nil {
		err = config.CheckDuration(value, most)
	}
	if err != nil {
		return 0, d.Errf("%s: %w", what, err)
	}
	return caddy.Duration(value), nil
}

// DurationOrZero is Duration for words for which 0 is a separate value.
func DurationOrZero(d *caddyfile.Dispenser, most time.Duration) (*caddy.Duration, error) {
	what := d.Val()
	text, err := One(d)
	if err != nil {
		return nil, err
	}
	value, err := ParseDuration(text)
	if err == nil && value != 0 {
		err = config.CheckDuration(value, most)
	}
	if err != nil {
		return nil, d.Errf("%s: %w", what, err)
	}
	return (*caddy.Duration)(&value), nil
}

// ParseDuration reads a duration such as 90d, 12h or 30m.
func ParseDuration(text string) (time.Duration, error) {
	value, err := caddy.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 90d, 12h or 30m", text)
	}
	return value, nil
}

// located is an error that contains its position in the Caddyfile.
type located struct{ error }

// LocatedAt is an error about problem whose text ends with the position in the Caddyfile, so that no other position is added.
func LocatedAt(position, problem string) error {
	return located{fmt.Errorf("%s, at %s", problem, position)}
}

// Position returns the position of the current token as file:line.
func Position(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }

// WrapAt adds the position of a token to an error that has none; nil stays nil.
func WrapAt(token caddyfile.Token, err error) error {
	if err == nil || errors.As(err, new(located)) {
		return err
	}
	d := caddyfile.NewDispenser([]caddyfile.Token{token})
	d.Next()
	return located{d.WrapErr(err)}
}
