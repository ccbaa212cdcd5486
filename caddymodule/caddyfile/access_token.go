package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseForwardAccessToken reads how the application gets the user's access token:
//
//	forward_access_token [as <header>] {
//		audience <value>...
//		resource <url>...
//		scope    <scope>...
//	}
func parseForwardAccessToken(d *caddyfile.Dispenser, s *siteParser) error {
	f, start := new(config.ForwardAccessToken), d.Token()
	s.ForwardAccessToken = f
	if d.NextArg() {
		if d.Val() != "as" {
			return grammar.Unrecognized(d, "word after forward_access_token", []string{"as"})
		}
		var err error
		if f.Header, err = grammar.One(d); err != nil {
			return err
		}
	}
	if _, err := forwardWords.Block(d, "forward_access_token option", f); err != nil {
		return err
	}
	return grammar.WrapAt(start, f.Check())
}

var forwardWords = grammar.Words[*config.ForwardAccessToken]{
	"audience": grammar.Once(func(d *caddyfile.Dispenser, f *config.ForwardAccessToken) (err error) {
		f.Audience, err = grammar.List(d)
		return err
	}),
	"resource": grammar.Once(func(d *caddyfile.Dispenser, f *config.ForwardAccessToken) (err error) {
		f.Resource, err = grammar.List(d)
		return err
	}),
	"scope": grammar.Once(func(d *caddyfile.Dispenser, f *config.ForwardAccessToken) (err error) {
		f.Scope, err = grammar.List(d)
		return err
	}),
}
