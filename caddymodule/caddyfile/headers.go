package caddyfile

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// parseHeaders reads the preset of headers and, optionally, the groups to send:
//
//	headers remote|forwarded|none [groups [only <pattern>...]] {
//		user|email|name as <Name>
//		groups [as <Name>] [only <pattern>...]
//	}
func parseHeaders(d *caddyfile.Dispenser, s *siteParser) (err error) {
	if s.Headers, err = grammar.FirstOf(d, "set of headers", config.HeadersWords...); err != nil {
		return err
	}
	if d.NextArg() {
		if d.Val() != "groups" {
			return grammar.Unrecognized(d, "word after the set of headers", []string{"groups"})
		}
		if err := parseHeaderGroups(d, s); err != nil {
			return err
		}
	}
	_, err = headersOptions.Block(d, "option of headers", s)
	return err
}

var headersOptions = grammar.Words[*siteParser]{
	"user":   grammar.Once(headerName(func(n *config.HeaderNames) *string { return &n.User })),
	"email":  grammar.Once(headerName(func(n *config.HeaderNames) *string { return &n.Email })),
	"name":   grammar.Once(headerName(func(n *config.HeaderNames) *string { return &n.Name })),
	"groups": grammar.Many(parseHeaderGroups),
}

// headerName reads `as <Name>`, which is all that follows.
func headerName(of func(*config.HeaderNames) *string) func(*caddyfile.Dispenser, *siteParser) error {
	return func(d *caddyfile.Dispenser, s *siteParser) error {
		if !d.NextArg() {
			return d.ArgErr()
		}
		if d.Val() != "as" {
			return grammar.Unrecognized(d, "word before the name of a header", []string{"as"})
		}
		if err := s.nameHeader(d, of); err != nil {
			return err
		}
		if d.NextArg() {
			return d.ArgErr()
		}
		return nil
	}
}

// nameHeader reads the name of a header. The current token is `as`.
func (s *siteParser) nameHeader(d *caddyfile.Dispenser, of func(*config.HeaderNames) *string) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if strings.TrimSpace(d.Val()) == "" {
		return d.Err("the name is empty")
	}
	if s.HeaderNames == nil {
		s.HeaderNames = new(config.HeaderNames)
	}
	name := of(s.HeaderNames)
	if *name != "" {
		return d.Err("the header has a name already")
	}
	*name = d.Val()
	return grammar.WrapAt(d.Token(), s.CheckHeaderNames())
}

// parseHeaderGroups reads the arguments of `groups`. Several lines add up, unless one of them sends all groups.
func parseHeaderGroups(d *caddyfile.Dispenser, s *siteParser) error {
	start, before, first := d.Token(), len(s.HeaderGroupsOnly), !s.HeaderGroups
	more := d.NextArg()
	if more && d.Val() == "as" {
		s.HeaderGroups = true // so that the name is held against the others
		if err := s.nameHeader(d, func(n *config.HeaderNames) *string { return &n.Groups }); err != nil {
			return err
		}
		more = d.NextArg()
	}
	if s.Headers == "none" && (s.HeaderNames == nil || s.HeaderNames.Groups == "") {
		return grammar.WrapAt(start, config.ErrGroupsNowhere)
	}
	if more {
		if err := parseOnly(d, &s.HeaderGroupsOnly); err != nil {
			return err
		}
	}
	if !first && (before == 0 || len(s.HeaderGroupsOnly) == before) {
		return grammar.WrapAt(start, config.ErrAllGroups)
	}
	s.HeaderGroups = true
	return nil
}

// parseOnly reads `only <pattern>...` and adds the patterns. The current token is `only`.
func parseOnly(d *caddyfile.Dispenser, to *[]string) error {
	if d.Val() != "only" {
		return grammar.Unrecognized(d, "word after groups", []string{"only"})
	}
	patterns := d.RemainingArgs()
	if len(patterns) == 0 {
		return d.ArgErr()
	}
	*to = append(*to, patterns...)
	return grammar.WrapAt(d.Token(), identity.CheckPatterns(*to))
}

// parseSiteHeader reads `header <Name> <claim> [only <pattern>...]`.
func parseSiteHeader(d *caddyfile.Dispenser, s *siteParser) error {
	var hc config.HeaderClaim
	if !d.Args(&hc.Name, &hc.Claim) {
		return d.ArgErr()
	}
	if strings.TrimSpace(hc.Name) == "" || strings.TrimSpace(hc.Claim) == "" {
		return d.Err("a value is empty")
	}
	if err := scrub.CheckName(hc.Name); err != nil {
		return d.WrapErr(err)
	}
	at := d.Token()
	if d.NextArg() {
		if d.Val() != "only" {
			return grammar.Unrecognized(d, "word after the claim", []string{"only"})
		}
		if err := parseOnly(d, &hc.Only); err != nil {
			return err
		}
	}
	s.Header = append(s.Header, hc)
	s.headerAt = append(s.headerAt, at)
	return nil
}

// parseAssertion reads the configuration of the signed assertion:
//
//	assertion [<audience>] {
//		groups only <pattern>...
//	}
func parseAssertion(d *caddyfile.Dispenser, s *siteParser) error {
	s.Assertion = new(config.Assertion)
	start := d.Token()
	if d.NextArg() {
		if s.Assertion.Audience = d.Val(); s.Assertion.Audience == "" {
			return d.Err("the audience is empty")
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	if _, err := assertionWords.Block(d, "assertion option", s.Assertion); err != nil {
		return err
	}
	return grammar.WrapAt(start, s.Assertion.Check())
}

var assertionWords = grammar.Words[*config.Assertion]{
	"groups": grammar.Many(func(d *caddyfile.Dispenser, a *config.Assertion) error {
		if !d.NextArg() {
			return d.Err("an assertion has all groups unless `groups only <pattern>...` says which")
		}
		return parseOnly(d, &a.GroupsOnly)
	}),
}
