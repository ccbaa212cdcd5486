package caddyfile

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

func parseRequire(d *caddyfile.Dispenser, p *config.Policy) error {
	return parseRequirements(d, &p.Require)
}

func parseRequireAny(d *caddyfile.Dispenser, p *config.Policy) error {
	return parseRequirements(d, &p.RequireAny)
}

// parseRequirements reads the requirements for a sign-in.
func parseRequirements(d *caddyfile.Dispenser, to *[]string) error {
	words, err := grammar.List(d)
	if err != nil {
		return err
	}
	for _, w := range words {
		if err := config.CheckRequirement(w); err != nil {
			return d.WrapErr(err)
		}
	}
	*to = words
	return nil
}

func parseFrequency(d *caddyfile.Dispenser, p *config.Policy) error {
	text, err := grammar.One(d)
	if err != nil {
		return err
	}
	p.SignInFrequency = new(config.SignInFrequency)
	if text == "every_time" {
		p.SignInFrequency.EveryTime = true
		return nil
	}
	if text[0] < '0' || text[0] > '9' {
		if near := config.Suggest(text, []string{"every_time"}); strings.Contains(near, "did you mean") {
			return d.Errf("unrecognized sign_in_frequency %q%s", text, near)
		}
		return d.Errf("sign_in_frequency: %q is neither every_time nor a duration such as 15m, 12h or 7d", text)
	}
	d.Prev()
	p.SignInFrequency.Interval, err = grammar.Duration(d, config.MaxLifetime)
	return err
}

func parseMaxIdle(d *caddyfile.Dispenser, p *config.Policy) (err error) {
	p.MaxIdle, err = grammar.Duration(d, config.MaxLifetime)
	return err
}

// parseMode reads the mode and, for report_only, the day until which it is planned.
func parseMode(d *caddyfile.Dispenser, p *config.Policy) error {
	modes := []string{policy.On.String(), policy.ReportOnly.String(), policy.Off.String()}
	mode, err := grammar.FirstOf(d, "mode", modes...)
	if err != nil {
		return err
	}
	if err := p.Mode.UnmarshalText([]byte(mode)); err != nil {
		return d.WrapErr(err)
	}
	if !d.NextArg() {
		return nil
	}
	switch {
	case d.Val() != "until":
		if slices.Contains(modes, d.Val()) {
			return d.Errf("a policy has one mode, and %q comes after %q", d.Val(), p.Mode)
		}
		if config.CheckDate(d.Val()) == nil {
			return d.Errf("write until in front of %s", d.Val())
		}
		return grammar.Unrecognized(d, "word after the mode", []string{"until"})
	case p.Mode != policy.ReportOnly:
		return d.Errf("until goes with report_only, not with %q", p.Mode)
	}
	if p.ReportUntil, err = grammar.One(d); err != nil {
		return err
	}
	if err := config.CheckDate(p.ReportUntil); err != nil {
		return d.Errf("until: %w", err)
	}
	return nil
}

// nothingMore refuses further arguments on the line.
func nothingMore(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}
