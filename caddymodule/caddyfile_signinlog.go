package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// parseSignInLog reads how long sign-ins are kept in the store:
//
//	sign_in_log {
//		keep        <duration>
//		max_entries <number>
//	}
func parseSignInLog(d *caddyfile.Dispenser, a *AppConfig) error {
	a.SignInLog = new(SignInLog)
	return signInLogWords.blockOnly(d, "sign_in_log option", a.SignInLog)
}

var signInLogWords = grammar[*SignInLog]{
	"keep": {once, func(d *caddyfile.Dispenser, s *SignInLog) (err error) {
		s.Keep, err = duration(d, signinlog.MaxKeep)
		return err
	}},
	"max_entries": {once, func(d *caddyfile.Dispenser, s *SignInLog) error {
		text, err := one(d)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return d.Errf("max_entries: %q is no number", text)
		}
		s.MaxEntries = &n
		if err := s.check(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}},
}
