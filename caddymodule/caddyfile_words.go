package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/policy"
)

// grammar is what may stand first on a line of a block. A word that is not in it is an error, always: a rule that was
// misspelt must not be a rule that is missing.
type grammar[T any] map[string]word[T]

// word reads one line, or a line and its block, into the configuration.
type word[T any] struct {
	repeats repeats
	parse   func(d *caddyfile.Dispenser, into T) error
}

type repeats bool

const (
	once repeats = false
	many repeats = true
)

// block reads the block that opens on this line, if one does, and counts its words.
func (g grammar[T]) block(d *caddyfile.Dispenser, what string, into T) (words int, err error) {
	first := make(map[string]int, len(g))
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		w, ok := g[name]
		if !ok {
			return words, unrecognized(d, what, slices.Collect(maps.Keys(g)))
		}
		if line, ok := first[name]; ok && w.repeats == once {
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

// blockOnly reads a block in front of which nothing may stand, and which must be there.
func (g grammar[T]) blockOnly(d *caddyfile.Dispenser, what string, into T) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	start := d.Token()
	words, err := g.block(d, what, into)
	if err == nil && words == 0 {
		return wrapAt(start, fmt.Errorf("%s needs a block with something in it", start.Text))
	}
	return err
}

// unrecognized refuses the current token and suggests what may have been meant.
func unrecognized(d *caddyfile.Dispenser, what string, words []string) error {
	if d.Val() == "{" {
		return d.Err("a block is not expected here")
	}
	return d.Errf("unrecognized %s %q%s", what, d.Val(), suggestion(d.Val(), words))
}

// oneOf reads exactly one argument, which is one of the words.
func oneOf(d *caddyfile.Dispenser, what string, words ...string) (string, error) {
	value, err := one(d)
	if err != nil {
		return "", err
	}
	if !slices.Contains(words, value) {
		return "", unrecognized(d, what, words)
	}
	return value, nil
}

// firstOf reads the next argument, which is one of the words; more may follow.
func firstOf(d *caddyfile.Dispenser, what string, words ...string) (string, error) {
	if !d.NextArg() {
		return "", d.ArgErr()
	}
	if !slices.Contains(words, d.Val()) {
		return "", unrecognized(d, what, words)
	}
	return d.Val(), nil
}

// one reads exactly one argument.
func one(d *caddyfile.Dispenser) (string, error) {
	var value string
	if !d.AllArgs(&value) {
		return "", d.ArgErr()
	}
	if strings.TrimSpace(value) == "" {
		return "", d.Err("the value is empty")
	}
	return value, nil
}

// two reads exactly two arguments.
func two(d *caddyfile.Dispenser) (a, b string, err error) {
	if !d.AllArgs(&a, &b) {
		return "", "", d.ArgErr()
	}
	if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
		return "", "", d.Err("a value is empty")
	}
	return a, b, nil
}

// list reads one argument or more, each once.
func list(d *caddyfile.Dispenser) ([]string, error) {
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

// names reads one name or more and adds them to those that another line gave already.
func names(d *caddyfile.Dispenser, to *[]string) error {
	more, err := list(d)
	if err != nil {
		return err
	}
	*to = append(*to, more...)
	if err := checkNames(*to); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// duration reads exactly one duration between a second and most.
func duration(d *caddyfile.Dispenser, most time.Duration) (caddy.Duration, error) {
	what := d.Val()
	text, err := one(d)
	if err != nil {
		return 0, err
	}
	value, err := parseDuration(text)
	if err == nil {
		err = checkDuration(value, most)
	}
	if err != nil {
		return 0, d.Errf("%s: %w", what, err)
	}
	return caddy.Duration(value), nil
}

// durationOrZero is duration where 0 has a meaning of its own.
func durationOrZero(d *caddyfile.Dispenser, most time.Duration) (*caddy.Duration, error) {
	what := d.Val()
	text, err := one(d)
	if err != nil {
		return nil, err
	}
	value, err := parseDuration(text)
	if err == nil && value != 0 {
		err = checkDuration(value, most)
	}
	if err != nil {
		return nil, d.Errf("%s: %w", what, err)
	}
	return (*caddy.Duration)(&value), nil
}

func parseDuration(text string) (time.Duration, error) {
	value, err := caddy.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration such as 90d, 12h or 30m", text)
	}
	return value, nil
}

// located is an error that says where in the Caddyfile it belongs.
type located struct{ error }

func locatedAt(position, problem string) error {
	return located{fmt.Errorf("%s, at %s", problem, position)}
}

// position is where the current token stands.
func position(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }

// wrapAt adds the position of a token to an error that has none; nil stays nil.
func wrapAt(token caddyfile.Token, err error) error {
	if err == nil || errors.As(err, new(located)) {
		return err
	}
	d := caddyfile.NewDispenser([]caddyfile.Token{token})
	d.Next()
	return located{d.WrapErr(err)}
}

// firstProblem is the first of the problems that package policy found, if any, told like every other error here.
func firstProblem(err error) error {
	var c *policy.ConfigError
	if !errors.As(err, &c) {
		return err
	}
	problem := c.Problem
	if c.Policy != "" {
		problem = fmt.Sprintf("policy %q: %s", c.Policy, problem)
	}
	if c.Position == "" {
		return errors.New(problem)
	}
	return locatedAt(c.Position, problem)
}
