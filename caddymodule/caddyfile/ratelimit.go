package caddyfile

import (
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseRateLimit reads
//
//	rate_limit <number>/<duration>|off
func parseRateLimit(d *caddyfile.Dispenser, a *config.App) error {
	text, err := grammar.One(d)
	if err != nil {
		return err
	}
	a.RateLimit = &config.RateLimit{Off: text == "off"}
	if a.RateLimit.Off {
		return nil
	}
	number, period, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return d.Errf("rate_limit: %q is neither off nor a number and a duration such as 1200/1m", text)
	}
	if n == 0 {
		return d.Errf("rate_limit: with 0 requests no user could sign in; off means no limit")
	}
	per, err := grammar.ParseDuration(period)
	if err != nil {
		return d.Errf("rate_limit: %w", err)
	}
	if per == 0 {
		return d.Errf("rate_limit: the duration must be more than 0")
	}
	a.RateLimit.Requests, a.RateLimit.Per = n, caddy.Duration(per)
	if err := a.RateLimit.Check(); err != nil {
		return d.Errf("rate_limit: %w", err)
	}
	return nil
}
