package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseAssertion reads the configuration of the signed assertion:
//
//	assertion [<audience>] {
//		groups only <pattern>...
//	}
func parseAssertion(d *caddyfile.Dispenser, s *siteParser) error {
	s.Assertion = new(config.Assertion)
	start := d.Token()
	if d.NextArg() {
		if s.Assertion.Audience = d.Val(); s.Assertion.Audience == "" {
			return d.Err("the audience is empty")
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	if _, err := assertionWords.Block(d, "assertion option", s.Assertion); err != nil {
		return err
	}
	return grammar.WrapAt(start, s.Assertion.Check())
}

var assertionWords = grammar.Words[*config.Assertion]{
	"groups": grammar.Many(func(d *caddyfile.Dispenser, a *config.Assertion) error {
		if !d.NextArg() {
			return d.Err("an assertion has all groups unless `groups only <pattern>...` says which")
		}
		return parseOnly(d, &a.GroupsOnly)
	}),
}
