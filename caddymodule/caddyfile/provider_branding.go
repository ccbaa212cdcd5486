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

// parseIcon checks the icon file if it exists, so that the error has a line. A missing file is an error only when the
// configuration is loaded, because that may happen on another machine.
func parseIcon(d *caddyfile.Dispenser, p *config.Provider) (err error) {
	if p.Icon, err = grammar.One(d); err != nil {
		return err
	}
	if _, err := config.LoadIcon(p.Icon); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.WrapErr(err)
	}
	return nil
}
