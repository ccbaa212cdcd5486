package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseIdleSignOut reads when people are signed out for want of use, for all sites or for one:
//
//	idle_sign_out {
//		warn     <duration>
//		sign_out <duration>
//		apply_to browser|all
//	}
func parseIdleSignOut(d *caddyfile.Dispenser) (*IdleSignOut, error) {
	start, i := d.Token(), new(IdleSignOut)
	if err := idleSignOutWords.blockOnly(d, "idle_sign_out option", i); err != nil {
		return nil, err
	}
	return i, wrapAt(start, i.check())
}

var idleSignOutWords = grammar[*IdleSignOut]{
	"warn": {once, func(d *caddyfile.Dispenser, i *IdleSignOut) (err error) {
		i.Warn, err = duration(d, maxLifetime)
		return err
	}},
	"sign_out": {once, func(d *caddyfile.Dispenser, i *IdleSignOut) (err error) {
		i.SignOut, err = duration(d, maxLifetime)
		return err
	}},
	"apply_to": {once, func(d *caddyfile.Dispenser, i *IdleSignOut) (err error) {
		i.ApplyTo, err = oneOf(d, "apply_to", idleWords...)
		return err
	}},
}

func parseGlobalIdleSignOut(d *caddyfile.Dispenser, a *AppConfig) (err error) {
	a.IdleSignOut, err = parseIdleSignOut(d)
	return err
}

func parseSiteIdleSignOut(d *caddyfile.Dispenser, s *siteParser) (err error) {
	start := d.Token()
	if s.IdleSignOut, err = parseIdleSignOut(d); err != nil {
		return err
	}
	return wrapAt(start, s.checkIdle(s.global))
}
