package caddyfile

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// parseStaySignedIn reads the global settings of the prompt:
//
//	stay_signed_in [on|off] {
//		remember_answer <duration>|0
//		abandon_after   <duration>
//		suppress        guest|high_risk|shared_device|iwa|consent... | none
//		shared_device   <people> <duration>
//		text            <file>
//	}
func parseStaySignedIn(d *caddyfile.Dispenser, a *config.App) error {
	s := new(config.StaySignedIn)
	start := d.Token()
	said := d.NextArg()
	if said {
		switch d.Val() {
		case "on":
		case "off":
			s.Off = true
		default:
			return grammar.Unrecognized(d, "stay_signed_in", []string{"on", "off"})
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	words, err := staySignedInWords.Block(d, "stay_signed_in option", s)
	switch {
	case err != nil:
		return err
	case !said && words == 0:
		return grammar.WrapAt(start, errors.New("stay_signed_in needs on, off or a block with something in it"))
	}
	a.StaySignedIn = s
	return grammar.WrapAt(start, s.Check())
}

var staySignedInWords = grammar.Words[*config.StaySignedIn]{
	"remember_answer": grammar.Once(parseRememberAnswer),
	"abandon_after": grammar.Once(func(d *caddyfile.Dispenser, s *config.StaySignedIn) (err error) {
		s.AbandonAfter, err = grammar.Duration(d, 24*time.Hour)
		return err
	}),
	"suppress":      grammar.Once(parseSuppress),
	"shared_device": grammar.Once(parseSharedDevice),
	"text": grammar.Once(func(d *caddyfile.Dispenser, s *config.StaySignedIn) (err error) {
		s.Text, err = grammar.One(d)
		return err
	}),
}

func parseRememberAnswer(d *caddyfile.Dispenser, s *config.StaySignedIn) (err error) {
	s.RememberAnswer, err = grammar.DurationOrZero(d, config.MaxLifetime)
	return err
}

func parseSuppress(d *caddyfile.Dispenser, s *config.StaySignedIn) error {
	for d.NextArg() {
		if !slices.Contains(config.SuppressWords, d.Val()) {
			return grammar.Unrecognized(d, "signal", config.SuppressWords)
		}
		s.Suppress = append(s.Suppress, d.Val())
	}
	if len(s.Suppress) == 0 {
		return d.ArgErr()
	}
	if err := s.Check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func parseSharedDevice(d *caddyfile.Dispenser, s *config.StaySignedIn) error {
	people, within, err := grammar.Two(d)
	if err != nil {
		return err
	}
	users, err := strconv.Atoi(people)
	if err != nil {
		return d.Errf("shared_device: %q is no number of people", people)
	}
	value, err := grammar.ParseDuration(within)
	if err != nil {
		return d.Errf("shared_device: %w", err)
	}
	s.SharedDevice = &config.SharedDevice{Users: users, Within: caddy.Duration(value)}
	if err := s.Check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
