package caddyfile

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/identity"
	"github.com/latchkey-gateway/latchkey/policy"
)

var (
	errTwoMatchers = errors.New("the policy has a matcher already")
	errNoMatcher   = errors.New("match needs at least one matcher")
)

// parseSite sets up the handler of a site:
//
//	latchkey [<matcher>] {
//		app            <name>
//		provider       <name>...
//		allow          group|user|provider <name>...
//		deny           group|user|provider <name>...
//		policy         <name> [<matcher>] { ... }
//		stay_signed_in off
//		preserve_post  <size>|off
//		idle_sign_out  { ... }
//		origins        <origin>...
//		cors           <origin>...
//		upgrade        <protocol>...
//		trailing_dots  keep
//		path_parameters keep
//		clear_cookies  <name>...|all [</path>...]
//		clear_site_data cache|storage...|off
//		activity       navigation|any|none
//		headers        remote|forwarded|none [groups [only <pattern>...]]
//		header         <Name> <claim> [only <pattern>...]
//		header_encoding utf8|percent|base64|latin1
//		bearer         { ... }
//		forward_access_token [as <header>] { ... }
//		assertion      [<audience>] { ... }
//	}
//
// The matcher becomes part of the handler and not of its route, because the sign-in endpoints and the scrubbing apply
// to the whole site. This also prevents Caddy from sorting a handler with a matcher before them.
func parseSite(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the name of the directive
	start := h.Token()
	all, err := adapting(h)
	if err != nil {
		return nil, err
	}
	site := &siteParser{Helper: h, Site: new(config.Site), global: all.app, all: all, start: start}
	site.Position = fmt.Sprintf("%s:%d", start.File, start.Line)
	if err := site.matcher(); err != nil {
		return nil, err
	}
	if _, err := siteWords.Block(h.Dispenser, "latchkey option", site); err != nil {
		return nil, err
	}
	if err := site.settle(); err != nil {
		return nil, grammar.WrapAt(start, err)
	}
	if err := site.whole(); err != nil {
		return nil, grammar.WrapAt(start, err)
	}
	return []httpcaddyfile.ConfigValue{{Class: "route", Value: caddyhttp.Route{
		HandlersRaw: []json.RawMessage{caddyconfig.JSONModuleObject(site.Site, "handler", "latchkey", nil)},
	}}}, nil
}

// adapted is what the sites of one Caddyfile share while it is adapted.
type adapted struct {
	app      *config.App  // the result of the global option
	policies *policy.Base // those of the global option
	sites    siteNames
}

// adapting returns what the sites share. Caddy parses global options before all sites.
func adapting(h httpcaddyfile.Helper) (*adapted, error) {
	const key = "latchkey"
	if all, ok := h.State[key].(*adapted); ok {
		return all, nil
	}
	option, ok := h.Option("latchkey").(httpcaddyfile.App)
	if !ok {
		return nil, h.Err("there is no latchkey block with a provider among the global options")
	}
	all := &adapted{app: new(config.App), sites: siteNames{byBlock: make(map[uintptr]string), byApp: make(map[string]string)}}
	if err := json.Unmarshal(option.Value, all.app); err != nil {
		return nil, h.WrapErr(err)
	}
	var err error
	if all.policies, err = config.CheckShared(all.app); err != nil {
		return nil, h.WrapErr(err)
	}
	h.State[key] = all
	return all, nil
}

// siteParser parses the directive of one site.
type siteParser struct {
	httpcaddyfile.Helper
	*config.Site
	global *config.App
	all    *adapted
	start  caddyfile.Token

	headerAt []caddyfile.Token // the position of each entry of Header
}

// whole checks what depends on several lines.
func (s *siteParser) whole() error {
	for i, hc := range s.Header {
		if err := s.CheckHeader(hc, s.Header[:i]); err != nil {
			return grammar.WrapAt(s.headerAt[i], err)
		}
	}
	if err := locateProviders(s.Policies, s.global); err != nil {
		return err
	}
	if err := s.Check(s.global); err != nil {
		return err
	}
	return firstProblem(s.CheckPolicies(s.all.policies))
}

// matcher reads the matcher of the directive, if it has one.
func (s *siteParser) matcher() error {
	if s.CountRemainingArgs() == 0 {
		return nil
	}
	set, err := s.oneMatcher()
	if err == nil && set != nil { // no set: the matcher is "*", every request
		s.MatchRaw = caddyhttp.RawMatcherSets{set}
	}
	return err
}

// oneMatcher reads exactly one matcher token.
func (s *siteParser) oneMatcher() (caddy.ModuleMap, error) {
	set, ok, err := s.MatcherToken()
	switch {
	case err != nil:
		return nil, s.WrapErr(err)
	case !ok:
		return nil, s.Errf("unexpected %q: only a matcher may stand here, such as @name or /path/*", s.Val())
	case s.CountRemainingArgs() > 0:
		return nil, s.ArgErr()
	}
	return set, nil
}

var siteWords = grammar.Words[*siteParser]{
	"app": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		if s.App, err = grammar.One(d); err != nil {
			return err
		}
		return grammar.WrapAt(d.Token(), config.CheckName(s.App))
	}),
	"provider": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) error {
		if err := grammar.Names(d, &s.Providers); err != nil {
			return err
		}
		return grammar.WrapAt(d.Token(), s.global.KnowsProviders(s.Providers))
	}),
	"allow": grammar.Many(func(d *caddyfile.Dispenser, s *siteParser) error {
		return parseWho(d, &s.Allow, s.global)
	}),
	"deny": grammar.Many(func(d *caddyfile.Dispenser, s *siteParser) error {
		return parseWho(d, &s.Deny, s.global)
	}),
	"policy":         grammar.Many(parseSitePolicy),
	"stay_signed_in": grammar.Once(parseSiteStaySignedIn),
	"preserve_post":  grammar.Once(parsePreservePost),
	"idle_sign_out":  grammar.Once(parseSiteIdleSignOut),
	"origins":        grammar.Once(parseOrigins),
	"cors":           grammar.Once(parseCors),
	"upgrade":        grammar.Once(parseUpgrade),
	"path_parameters": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		s.PathParameters, err = grammar.OneOf(d, "path_parameters", config.PathParametersKept)
		return err
	}),
	"trailing_dots": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		s.TrailingDots, err = grammar.OneOf(d, "trailing_dots", config.TrailingDotsKept)
		return err
	}),
	"clear_cookies":   grammar.Once(parseClearCookies),
	"clear_site_data": grammar.Once(parseClearSiteData),
	"activity": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		s.Activity, err = grammar.OneOf(d, "activity", config.ActivityWords...)
		return err
	}),
	"headers": grammar.Once(parseHeaders),
	"header":  grammar.Many(parseSiteHeader),
	"header_encoding": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		s.HeaderEncoding, err = grammar.OneOf(d, "encoding", identity.Encodings...)
		return err
	}),
	"bearer": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) (err error) {
		s.Bearer, err = parseBearer(d)
		return err
	}),
	"forward_access_token": grammar.Once(parseForwardAccessToken),
	"tokens": grammar.Once(func(d *caddyfile.Dispenser, s *siteParser) error {
		word, err := grammar.OneOf(d, "tokens", "on", "off")
		s.Tokens = word == "on"
		return err
	}),
	"assertion": grammar.Once(parseAssertion),
}

// parseWho reads a kind of users and the names of that kind.
func parseWho(d *caddyfile.Dispenser, to **config.Who, global *config.App) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if *to == nil {
		*to = new(config.Who)
	}
	who := *to
	if known, err := people(d, who); known {
		if err != nil {
			return err
		}
		return grammar.WrapAt(d.Token(), who.Check(global.ProviderNames()))
	}
	return grammar.Unrecognized(d, "kind of people", peopleWords)
}

func parseSitePolicy(d *caddyfile.Dispenser, s *siteParser) error {
	p, err := policyHead(d, s.Policies)
	if err != nil {
		return err
	}
	if s.CountRemainingArgs() > 0 {
		set, err := s.oneMatcher()
		if err != nil {
			return err
		}
		if set != nil {
			p.MatchRaw = caddyhttp.RawMatcherSets{set}
		}
	}
	if _, err := policyWords.Block(d, "policy option", p); err != nil {
		return err
	}
	s.Policies = append(s.Policies, p)
	return nil
}

// parseSiteStaySignedIn accepts only off: a site may be stricter than the global option, not less strict.
func parseSiteStaySignedIn(d *caddyfile.Dispenser, s *siteParser) error {
	word, err := grammar.One(d)
	switch {
	case err != nil:
		return err
	case word == "on":
		return d.Err("stay_signed_in: a site can only turn it off; it is turned on for all sites in the global block")
	case word != "off":
		return grammar.Unrecognized(d, "stay_signed_in", []string{"off"})
	}
	s.StaySignedInOff = true
	return nil
}
