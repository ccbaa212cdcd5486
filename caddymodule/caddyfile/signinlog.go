package caddyfile

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// parseSignInLog reads how long sign-ins are kept in the store:
//
//	sign_in_log {
//		keep        <duration>
//		max_entries <number>
//	}
func parseSignInLog(d *caddyfile.Dispenser, a *config.App) error {
	a.SignInLog = new(config.SignInLog)
	return signInLogWords.BlockOnly(d, "sign_in_log option", a.SignInLog)
}

var signInLogWords = grammar.Words[*config.SignInLog]{
	"keep": grammar.Once(func(d *caddyfile.Dispenser, s *config.SignInLog) (err error) {
		s.Keep, err = grammar.Duration(d, signinlog.MaxKeep)
		return err
	}),
	"max_entries": grammar.Once(func(d *caddyfile.Dispenser, s *config.SignInLog) error {
		text, err := grammar.One(d)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return d.Errf("max_entries: %q is no number", text)
		}
		s.MaxEntries = &n
		if err := s.Check(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}),
}
