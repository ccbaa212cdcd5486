package caddymodule

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseStaySignedIn reads what is global about the prompt:
//
//	stay_signed_in [on|off] {
//		remember_answer <duration>|0
//		abandon_after   <duration>
//		suppress        guest|high_risk|shared_device|iwa|consent... | none
//		shared_device   <people> <duration>
//		text            <file>
//	}
func parseStaySignedIn(d *caddyfile.Dispenser, a *AppConfig) error {
	s := new(StaySignedIn)
	start := d.Token()
	said := d.NextArg()
	if said {
		switch d.Val() {
		case "on":
		case "off":
			s.Off = true
		default:
			return unrecognized(d, "stay_signed_in", []string{"on", "off"})
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	words, err := staySignedInWords.block(d, "stay_signed_in option", s)
	switch {
	case err != nil:
		return err
	case !said && words == 0:
		return wrapAt(start, errors.New("stay_signed_in needs on, off or a block with something in it"))
	}
	a.StaySignedIn = s
	return wrapAt(start, s.check())
}

var staySignedInWords = grammar[*StaySignedIn]{
	"remember_answer": {once, parseRememberAnswer},
	"abandon_after": {once, func(d *caddyfile.Dispenser, s *StaySignedIn) (err error) {
		s.AbandonAfter, err = duration(d, 24*time.Hour)
		return err
	}},
	"suppress":      {once, parseSuppress},
	"shared_device": {once, parseSharedDevice},
	"text": {once, func(d *caddyfile.Dispenser, s *StaySignedIn) (err error) {
		s.Text, err = one(d)
		return err
	}},
}

func parseRememberAnswer(d *caddyfile.Dispenser, s *StaySignedIn) (err error) {
	s.RememberAnswer, err = durationOrZero(d, maxLifetime)
	return err
}

func parseSuppress(d *caddyfile.Dispenser, s *StaySignedIn) error {
	for d.NextArg() {
		if !slices.Contains(suppressWords, d.Val()) {
			return unrecognized(d, "signal", suppressWords)
		}
		s.Suppress = append(s.Suppress, d.Val())
	}
	if len(s.Suppress) == 0 {
		return d.ArgErr()
	}
	if err := s.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func parseSharedDevice(d *caddyfile.Dispenser, s *StaySignedIn) error {
	people, within, err := two(d)
	if err != nil {
		return err
	}
	users, err := strconv.Atoi(people)
	if err != nil {
		return d.Errf("shared_device: %q is no number of people", people)
	}
	value, err := parseDuration(within)
	if err != nil {
		return d.Errf("shared_device: %w", err)
	}
	s.SharedDevice = &SharedDevice{Users: users, Within: caddy.Duration(value)}
	if err := s.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
