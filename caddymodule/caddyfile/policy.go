package caddyfile

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// parseGlobalPolicy reads a policy for all sites:
//
//	policy <name> {
//		mode    on|report_only [until <date>]|off
//		include all|guests|group|user|domain <name>... [from <provider>...]|provider <p>...|app <a>...|network <n>...
//		exclude (the same)
//		match {
//			<any of Caddy's matchers>
//		}
//		when platform|client <word>...
//		when risk sign_in|user <level>...
//		when device [not] compliant|managed|shared|bound
//		block
//		require     mfa|acr:<value>|bound_session|compliant_device...
//		require_any mfa|acr:<value>|bound_session|compliant_device...
//		sign_in_frequency  <duration>|every_time
//		persistent_browser always|never
//		max_idle           <duration>
//	}
func parseGlobalPolicy(d *caddyfile.Dispenser, a *config.App) error {
	p, err := policyHead(d, a.Policies)
	if err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("unexpected %q: a policy for all sites takes its matchers in a match block", d.Val())
	}
	if _, err := policyWords.Block(d, "policy option", p); err != nil {
		return err
	}
	a.Policies = append(a.Policies, p)
	return nil
}

// policyHead reads the name of a policy.
func policyHead(d *caddyfile.Dispenser, others []*config.Policy) (*config.Policy, error) {
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	p := &config.Policy{Name: d.Val(), Position: grammar.Position(d)}
	if err := config.CheckName(p.Name); err != nil {
		return nil, d.Errf("policy: %w", err)
	}
	for _, other := range others {
		if other.Name == p.Name {
			return nil, d.Errf("policy %q is defined twice, first at %s", p.Name, other.Position)
		}
	}
	return p, nil
}

var policyWords = grammar.Words[*config.Policy]{
	"mode":               grammar.Once(parseMode),
	"include":            grammar.Many(parseInclude),
	"exclude":            grammar.Many(parseExclude),
	"match":              grammar.Once(parseMatch),
	"when":               grammar.Many(parseWhen),
	"block":              grammar.Once(parseBlock),
	"require":            grammar.Once(parseRequire),
	"require_any":        grammar.Once(parseRequireAny),
	"sign_in_frequency":  grammar.Once(parseFrequency),
	"persistent_browser": grammar.Once(parsePersistentBrowser),
	"max_idle":           grammar.Once(parseMaxIdle),
}

func parsePersistentBrowser(d *caddyfile.Dispenser, p *config.Policy) error {
	word, err := grammar.OneOf(d, "persistent_browser", policy.Always.String(), policy.Never.String())
	if err != nil {
		return err
	}
	return p.PersistentBrowser.UnmarshalText([]byte(word))
}

func parseBlock(d *caddyfile.Dispenser, p *config.Policy) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	p.Block = true
	return nil
}

func parseInclude(d *caddyfile.Dispenser, p *config.Policy) error {
	if p.Include == nil {
		p.Include = new(config.Assignment)
	}
	return parseAssignment(d, p.Include)
}

func parseExclude(d *caddyfile.Dispenser, p *config.Policy) error {
	if p.Exclude == nil {
		p.Exclude = new(config.Assignment)
	}
	return parseAssignment(d, p.Exclude)
}

func parseAssignment(d *caddyfile.Dispenser, a *config.Assignment) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "all":
		return alone(d, &a.All)
	case "guests":
		return alone(d, &a.Guests)
	case "app":
		return grammar.Names(d, &a.Apps)
	case "network":
		return grammar.Names(d, &a.Networks)
	}
	who := a.People()
	known, err := people(d, who)
	if known {
		a.Groups, a.Users, a.Providers, a.Domains, a.From = who.Groups, who.Users, who.Providers, who.Domains, who.From
		return err
	}
	return grammar.Unrecognized(d, "assignment", append([]string{"all", "guests", "app", "network"}, peopleWords...))
}

func alone(d *caddyfile.Dispenser, to *bool) error {
	if *to {
		return d.Errf("%s stands twice", d.Val())
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	*to = true
	return nil
}

// parseMatch reads a block with any of Caddy's matchers.
func parseMatch(d *caddyfile.Dispenser, p *config.Policy) error {
	start := d.Token()
	set, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	if err != nil {
		return err
	}
	return setMatch(start, p, set)
}

func setMatch(at caddyfile.Token, p *config.Policy, set caddy.ModuleMap) error {
	switch {
	case len(p.MatchRaw) > 0:
		return grammar.WrapAt(at, errTwoMatchers)
	case len(set) == 0:
		return grammar.WrapAt(at, errNoMatcher)
	}
	p.MatchRaw = caddyhttp.RawMatcherSets{set}
	return nil
}
