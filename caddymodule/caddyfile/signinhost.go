package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseSignInHost reads a host, with a port unless it is the default port of the scheme. For a loopback host it accepts
// http://.
func parseSignInHost(d *caddyfile.Dispenser, a *config.App) error {
	h := &config.SignInHost{Position: grammar.Position(d)}
	text, err := grammar.One(d)
	if err != nil {
		return err
	}
	if h.Origin = text; !strings.Contains(text, "://") {
		h.Origin = "https://" + text
	}
	if h.Origin, err = config.CheckSignInHost(h.Origin); err != nil {
		return grammar.WrapAt(d.Token(), err)
	}
	a.SignInHost = h
	return nil
}
