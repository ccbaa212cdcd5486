package caddyfile

import (
	"encoding"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// The words that the lists may contain.
var (
	platformWords = []string{"android", "ios", "windows", "macos", "linux", "unknown"}
	clientWords   = []string{"browser", "other"}
	riskWords     = []string{"none", "low", "medium", "high", "hidden", "unknown"}
	deviceWords   = []string{"compliant", "managed", "shared"}
)

// parseWhen reads one condition:
//
//	when platform android|ios|windows|macos|linux|unknown...
//	when client browser|other...
//	when risk sign_in|user none|low|medium|high|hidden|unknown...
//	when device [not] compliant|managed|shared
func parseWhen(d *caddyfile.Dispenser, p *config.Policy) error {
	if p.When == nil {
		p.When = new(config.When)
	}
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "platform":
		return wordList(d, "platform", platformWords, &p.When.Platforms)
	case "client":
		return wordList(d, "client", clientWords, &p.When.Clients)
	case "risk":
		return parseRisk(d, p.When)
	case "device":
		return parseDevice(d, p.When)
	}
	return grammar.Unrecognized(d, "condition", []string{"platform", "client", "risk", "device"})
}

func parseRisk(d *caddyfile.Dispenser, w *config.When) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "sign_in":
		return wordList(d, "sign-in risk", riskWords, &w.SignInRisk)
	case "user":
		return wordList(d, "user risk", riskWords, &w.UserRisk)
	}
	return grammar.Unrecognized(d, "kind of risk", []string{"sign_in", "user"})
}

func parseDevice(d *caddyfile.Dispenser, w *config.When) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	var c config.DeviceWhen
	if c.Not = d.Val() == "not"; c.Not && !d.NextArg() {
		return d.ArgErr()
	}
	if err := c.Attribute.UnmarshalText([]byte(d.Val())); err != nil {
		return grammar.Unrecognized(d, "device property", deviceWords)
	}
	if slices.Contains(w.Devices, c) {
		return d.Errf("%q is listed twice", d.Val())
	}
	w.Devices = append(w.Devices, c)
	return nothingMore(d)
}

// wordList reads the rest of a line into a list. The list must be empty before: two lines would look as if both had to
// hold, but no client has two platforms.
func wordList[T comparable, P interface {
	*T
	encoding.TextUnmarshaler
}](d *caddyfile.Dispenser, what string, words []string, to *[]T) error {
	if len(*to) > 0 {
		return d.Errf("%s stands twice: one line takes all the words that it may be", d.Val())
	}
	for d.NextArg() {
		var v T
		if err := P(&v).UnmarshalText([]byte(d.Val())); err != nil {
			return grammar.Unrecognized(d, what, words)
		}
		if slices.Contains(*to, v) {
			return d.Errf("%q is listed twice", d.Val())
		}
		*to = append(*to, v)
	}
	if len(*to) == 0 {
		return d.ArgErr()
	}
	return nil
}

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
