package caddyfile

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseSignals reads a stream of events:
//
//	signals <name> {
//		issuer   <url>
//		audience <value>...
//		provider <name>
//		push     [<secret>]
//		poll     <url> {
//			bearer <secret>
//			client_credentials <token url> <client id> <secret> [<scope>...]
//			every  <duration>
//		}
//		manage {
//			bearer <secret>
//			client_credentials <token url> <client id> <secret> [<scope>...]
//		}
//		revoke   [<secret>]
//		on       credential_change reauthenticate|end|log
//		on       session_revoked user|session
//		risk_ttl <duration>
//		ca_file  <path>
//	}
func parseSignals(d *caddyfile.Dispenser, a *config.App) error {
	s := new(config.Signals)
	if !d.NextArg() {
		return d.ArgErr()
	}
	s.Name = d.Val()
	if err := config.CheckID(s.Name); err != nil {
		return d.Errf("signals: %w", err)
	}
	a.Signals = append(a.Signals, s)
	return signalsWords.BlockOnly(d, "signals option", s)
}

var signalsWords = grammar.Words[*config.Signals]{
	"issuer": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		if s.Issuer, err = grammar.One(d); err != nil || config.HasPlaceholder(s.Issuer) {
			return err
		}
		if err := config.CheckIssuer(s.Issuer); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}),
	"audience": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.Audience, err = grammar.List(d)
		return err
	}),
	"provider": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.Provider, err = grammar.One(d)
		return err
	}),
	"push": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.Push = new(config.SignalsPush)
		s.Push.Secret, err = oneAtMost(d)
		return err
	}),
	"revoke": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.Revoke = new(config.SignalsRevoke)
		s.Revoke.Secret, err = oneAtMost(d)
		return err
	}),
	"poll": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) error {
		s.Poll = new(config.SignalsPoll)
		if !d.NextArg() {
			return d.ArgErr()
		}
		s.Poll.URL = d.Val()
		return pollWords.BlockOnly(d, "poll option", s.Poll)
	}),
	"manage": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) error {
		s.Manage = new(config.SignalsCredentials)
		return credentialsWords.BlockOnly(d, "credentials option", s.Manage)
	}),
	"risk_ttl": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.RiskTTL, err = grammar.Duration(d, config.MaxRiskTTL)
		return err
	}),
	"on": grammar.Many(parseSignalsOn),
	"ca_file": grammar.Once(func(d *caddyfile.Dispenser, s *config.Signals) (err error) {
		s.CAFile, err = grammar.One(d)
		return err
	}),
}

// pollWords are how a transmitter is asked for events.
var pollWords = func() grammar.Words[*config.SignalsPoll] {
	words := grammar.Words[*config.SignalsPoll]{
		"every": grammar.Once(func(d *caddyfile.Dispenser, p *config.SignalsPoll) (err error) {
			p.Every, err = grammar.Duration(d, config.MaxPollEvery)
			return err
		}),
	}
	for name, word := range credentialsWords {
		words[name] = grammar.Of(word, func(p *config.SignalsPoll) *config.SignalsCredentials { return &p.Credentials })
	}
	return words
}()

// credentialsWords are what requests to a transmitter are authenticated with.
var credentialsWords = grammar.Words[*config.SignalsCredentials]{
	"bearer": grammar.Once(func(d *caddyfile.Dispenser, c *config.SignalsCredentials) (err error) {
		c.Bearer, err = grammar.One(d)
		return err
	}),
	"client_credentials": grammar.Once(func(d *caddyfile.Dispenser, c *config.SignalsCredentials) error {
		args, err := grammar.List(d)
		if err != nil {
			return err
		}
		if len(args) < 3 {
			return d.ArgErr()
		}
		c.ClientCredentials = &config.SignalsClient{TokenURL: args[0], ClientID: args[1], ClientSecret: args[2], Scopes: args[3:]}
		return nil
	}),
}

// oneAtMost reads the argument of a word that may stand alone.
func oneAtMost(d *caddyfile.Dispenser) (text string, err error) {
	if d.NextArg() {
		text = d.Val()
	}
	if d.NextArg() {
		err = d.ArgErr()
	}
	return text, err
}

// parseSignalsOn reads what follows from an event.
func parseSignalsOn(d *caddyfile.Dispenser, s *config.Signals) (err error) {
	event, err := grammar.FirstOf(d, "event", "credential_change", "session_revoked")
	if err != nil {
		return err
	}
	to, words := &s.OnCredentialChange, config.CredentialChangeWords
	if event == "session_revoked" {
		to, words = &s.OnSessionRevoked, config.SessionRevokedWords
	}
	if *to != "" {
		return d.Errf("on %s stands twice", event)
	}
	*to, err = grammar.OneOf(d, "choice", words...)
	return err
}
