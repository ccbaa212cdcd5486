package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

func parseOrigins(d *caddyfile.Dispenser, s *siteParser) error {
	if err := grammar.Names(d, &s.Origins); err != nil {
		return err
	}
	return grammar.WrapAt(d.Token(), config.CheckOrigins("origins", s.Origins))
}

func parseCors(d *caddyfile.Dispenser, s *siteParser) error {
	if err := grammar.Names(d, &s.Cors); err != nil {
		return err
	}
	return grammar.WrapAt(d.Token(), config.CheckOrigins("cors", s.Cors))
}

func parseUpgrade(d *caddyfile.Dispenser, s *siteParser) error {
	if err := grammar.Names(d, &s.Upgrade); err != nil {
		return err
	}
	return grammar.WrapAt(d.Token(), config.CheckUpgrades(s.Upgrade))
}
