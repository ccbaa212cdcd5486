package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parsePersistent reads the limits of persistent sessions, and of those among them that are not bound to a device.
func parsePersistent(d *caddyfile.Dispenser, c *config.Session) error {
	start := d.Token()
	if err := persistentWords.BlockOnly(d, "limit", &c.Persistent); err != nil {
		return err
	}
	return grammar.WrapAt(start, c.Persistent.Check())
}

var persistentWords = grammar.Words[*config.PersistentLimits]{
	"idle_limit": grammar.Once(func(d *caddyfile.Dispenser, p *config.PersistentLimits) (err error) {
		p.IdleLimit, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
	"max_lifetime": grammar.Once(func(d *caddyfile.Dispenser, p *config.PersistentLimits) (err error) {
		p.MaxLifetime, err = grammar.Duration(d, config.MaxLifetime)
		return err
	}),
	"unbound": grammar.Once(func(d *caddyfile.Dispenser, p *config.PersistentLimits) error {
		return limitWords.BlockOnly(d, "limit", &p.Unbound)
	}),
}

// parseBinding reads the mode of device-bound sessions, and a block with more if there is one.
func parseBinding(d *caddyfile.Dispenser, c *config.Session) error {
	start := d.Token()
	b := new(config.Binding)
	var err error
	if b.Mode, err = grammar.OneOf(d, "binding", config.BindingModes...); err != nil {
		return err
	}
	if _, err := bindingWords.Block(d, "binding option", b); err != nil {
		return err
	}
	c.Binding = b
	return grammar.WrapAt(start, b.Check())
}

var bindingWords = grammar.Words[*config.Binding]{
	"cookie_lifetime": grammar.Once(func(d *caddyfile.Dispenser, b *config.Binding) (err error) {
		b.CookieLifetime, err = grammar.Duration(d, config.MaxBoundLifetime)
		return err
	}),
	"kinds": grammar.Once(func(d *caddyfile.Dispenser, b *config.Binding) (err error) {
		b.Kinds, err = grammar.OneOf(d, "kinds", config.BindingKinds...)
		return err
	}),
	"site": grammar.Once(func(d *caddyfile.Dispenser, b *config.Binding) (err error) {
		b.Site, err = grammar.One(d)
		return err
	}),
	"insecure_short_lifetime": grammar.Once(func(d *caddyfile.Dispenser, b *config.Binding) error {
		if d.NextArg() {
			return d.ArgErr()
		}
		b.InsecureShortLifetime = true
		return nil
	}),
}
