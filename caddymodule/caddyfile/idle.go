package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseIdleSignOut reads after which idle time users are signed out, for all sites or for one:
//
//	idle_sign_out {
//		warn     <duration>
//		sign_out <duration>
//		apply_to browser|all
//	}
func parseIdleSignOut(d *caddyfile.Dispenser) (*config.IdleSignOut, error) {
	start, i := d.Token(), new(config.IdleSignOut)
	if err := idleSignOutWords.BlockOnly(d, "idle_sign_out option", i); err != nil {
		return nil, err
	}
	return i, grammar.WrapAt(start, i.Check())
}

var idleSignOutWords = grammar.Words[*config.IdleSignOut]{
	"warn": grammar.Once(func(d *caddyfile.Dispenser, i *config.IdleSignOut) (err error) {
		i.Warn, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
	"sign_out": grammar.Once(func(d *caddyfile.Dispenser, i *config.IdleSignOut) (err error) {
		i.SignOut, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
	"apply_to": grammar.Once(func(d *caddyfile.Dispenser, i *config.IdleSignOut) (err error) {
		i.ApplyTo, err = grammar.OneOf(d, "apply_to", config.IdleWords...)
		return err
	}),
}

func parseGlobalIdleSignOut(d *caddyfile.Dispenser, a *config.App) (err error) {
	a.IdleSignOut, err = parseIdleSignOut(d)
	return err
}

func parseSiteIdleSignOut(d *caddyfile.Dispenser, s *siteParser) (err error) {
	start := d.Token()
	if s.IdleSignOut, err = parseIdleSignOut(d); err != nil {
		return err
	}
	return grammar.WrapAt(start, s.CheckIdle(s.global))
}
