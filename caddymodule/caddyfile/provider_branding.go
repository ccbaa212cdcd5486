package caddyfile

import (
	"errors"
	"io/fs"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

func parseDisplayName(d *caddyfile.Dispenser, p *config.Provider) (err error) {
	if p.DisplayName, err = grammar.One(d); err != nil {
		return err
	}
	if err := config.CheckDisplayName(p.DisplayName); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseIcon looks at the file if it is there, so that what is wrong with it has a line; whether it is there is asked when
// the configuration is loaded, which may be on another machine.
func parseIcon(d *caddyfile.Dispenser, p *config.Provider) (err error) {
	if p.Icon, err = grammar.One(d); err != nil {
		return err
	}
	if _, err := config.LoadIcon(p.Icon); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.WrapErr(err)
	}
	return nil
}
