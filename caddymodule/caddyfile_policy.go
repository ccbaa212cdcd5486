package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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
//		when device [not] compliant|managed|shared
//		block
//		require     mfa|acr:<value>|compliant_device...
//		require_any mfa|acr:<value>|compliant_device...
//		sign_in_frequency  <duration>|every_time
//		persistent_browser always|never
//		max_idle           <duration>
//	}
func parseGlobalPolicy(d *caddyfile.Dispenser, a *AppConfig) error {
	p, err := policyHead(d, a.Policies)
	if err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("unexpected %q: a policy for all sites takes its matchers in a match block", d.Val())
	}
	if _, err := policyWords.block(d, "policy option", p); err != nil {
		return err
	}
	a.Policies = append(a.Policies, p)
	return nil
}

// policyHead reads a policy's name.
func policyHead(d *caddyfile.Dispenser, others []*Policy) (*Policy, error) {
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	p := &Policy{Name: d.Val(), Position: position(d)}
	if err := checkName(p.Name); err != nil {
		return nil, d.Errf("policy: %w", err)
	}
	for _, other := range others {
		if other.Name == p.Name {
			return nil, d.Errf("policy %q is defined twice, first at %s", p.Name, other.Position)
		}
	}
	return p, nil
}

var policyWords = grammar[*Policy]{
	"mode":               {once, parseMode},
	"include":            {many, parseInclude},
	"exclude":            {many, parseExclude},
	"match":              {once, parseMatch},
	"when":               {many, parseWhen},
	"block":              {once, parseBlock},
	"require":            {once, parseRequire},
	"require_any":        {once, parseRequireAny},
	"sign_in_frequency":  {once, parseFrequency},
	"persistent_browser": {once, parsePersistentBrowser},
	"max_idle":           {once, parseMaxIdle},
}

func parsePersistentBrowser(d *caddyfile.Dispenser, p *Policy) error {
	word, err := oneOf(d, "persistent_browser", policy.Always.String(), policy.Never.String())
	if err != nil {
		return err
	}
	return p.PersistentBrowser.UnmarshalText([]byte(word))
}

func parseBlock(d *caddyfile.Dispenser, p *Policy) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	p.Block = true
	return nil
}

func parseInclude(d *caddyfile.Dispenser, p *Policy) error {
	if p.Include == nil {
		p.Include = new(Assignment)
	}
	return parseAssignment(d, p.Include)
}

func parseExclude(d *caddyfile.Dispenser, p *Policy) error {
	if p.Exclude == nil {
		p.Exclude = new(Assignment)
	}
	return parseAssignment(d, p.Exclude)
}

func parseAssignment(d *caddyfile.Dispenser, a *Assignment) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "all":
		return alone(d, &a.All)
	case "guests":
		return alone(d, &a.Guests)
	case "app":
		return names(d, &a.Apps)
	case "network":
		return names(d, &a.Networks)
	}
	who := a.people()
	known, err := people(d, who)
	if known {
		a.Groups, a.Users, a.Providers, a.Domains, a.From = who.Groups, who.Users, who.Providers, who.Domains, who.From
		return err
	}
	return unrecognized(d, "assignment", append([]string{"all", "guests", "app", "network"}, peopleWords...))
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
func parseMatch(d *caddyfile.Dispenser, p *Policy) error {
	start := d.Token()
	set, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	if err != nil {
		return err
	}
	return setMatch(start, p, set)
}

func setMatch(at caddyfile.Token, p *Policy, set caddy.ModuleMap) error {
	switch {
	case len(p.MatchRaw) > 0:
		return wrapAt(at, errTwoMatchers)
	case len(set) == 0:
		return wrapAt(at, errNoMatcher)
	}
	p.MatchRaw = caddyhttp.RawMatcherSets{set}
	return nil
}
