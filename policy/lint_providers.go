package policy

import "slices"

// Provider describes what a provider can state about its users, as far as it is configured.
type Provider struct {
	Name string
	// NoMFA is the reason why no user of this provider can show a second factor, or empty.
	NoMFA string
	// Guests: it states which users are guests.
	Guests bool
	// The facts about devices and risk that it states.
	Compliant, Managed, Shared, SignInRisk, UserRisk bool
}

// LintProviders looks for policies that depend on facts that no provider states: no user would be a guest, at risk or
// on a managed device, or no user could satisfy the policy. providers are those at which users of the sites in cfg can
// sign in.
func LintProviders(cfg Config, providers []Provider) []Finding {
	l := newLinter(&cfg)
	l.sources(cfg.Policies, "", providers)
	for i := range cfg.Sites {
		l.sources(cfg.Sites[i].Policies, cfg.Sites[i].App, providers)
	}
	return l.found
}

func (l *linter) sources(policies []Policy, site string, providers []Provider) {
	for i := range policies {
		p := &policies[i]
		if p.Mode == Off {
			continue
		}
		l.at = Finding{Position: p.Position, Site: site, Policy: p.Name}
		from := p.providers(providers)
		if len(from) == 0 {
			l.findf("it never applies: it excludes every provider that it might hold for")
			continue
		}
		l.guests(p, from)
		l.risks(p, from)
		l.devices(p, from)
		l.grants(p, from)
	}
}

// providers returns the providers whose users the policy can apply to.
func (p *Policy) providers(all []Provider) (from []Provider) {
	in := &p.Include
	// If all users that the policy names are named with a provider, only those providers count.
	named := slices.Clone(in.Providers)
	for _, of := range in.Of {
		named = append(named, of.Provider)
	}
	only := len(named) > 0 && !in.Guests && len(in.Groups)+len(in.Users)+len(in.Domains) == 0
	for _, q := range all {
		if (!only || slices.Contains(named, q.Name)) && !slices.Contains(p.Exclude.Providers, q.Name) {
			from = append(from, q)
		}
	}
	return from
}

func (l *linter) guests(p *Policy, from []Provider) {
	if slices.ContainsFunc(from, func(q Provider) bool { return q.Guests }) {
		return
	}
	in := &p.Include
	switch {
	case in.Guests && len(in.who()) == 0:
		l.findf("it never applies: no provider says who is a guest (guest_claim)")
	case in.Guests:
		l.findf("it includes guests, but no provider says who is one (guest_claim)")
	case p.Exclude.Guests:
		l.findf("it excludes guests, but no provider says who is one (guest_claim)")
	}
}

func (l *linter) risks(p *Policy, from []Provider) {
	for _, r := range []struct {
		word string
		list []Risk
		says func(Provider) bool
	}{
		{"sign_in", p.Conditions.SignInRisk, func(q Provider) bool { return q.SignInRisk }},
		{"user", p.Conditions.UserRisk, func(q Provider) bool { return q.UserRisk }},
	} {
		switch {
		case len(r.list) == 0 || slices.ContainsFunc(from, r.says):
		case slices.Contains(r.list, RiskUnknown):
			l.findf("when risk %s always holds, because it is always unknown: no provider states it (risk_claim %[1]s)", r.word)
		default:
			l.findf("it never applies: no provider states the risk (risk_claim %s)", r.word)
		}
	}
}

func (l *linter) devices(p *Policy, from []Provider) {
	for _, d := range p.Conditions.Devices {
		if d.Attribute == Bound {
			continue // no provider states it; see LintBinding
		}
		says := func(q Provider) bool { return [attributes]bool{q.Compliant, q.Managed, q.Shared}[d.Attribute] }
		if slices.ContainsFunc(from, says) || d.Attribute == Shared && slices.ContainsFunc(l.cfg.Networks, func(n Network) bool { return n.Shared }) {
			continue
		}
		if d.Not {
			l.findf("when device not %v always holds, because no provider says which devices are (device_claim %[1]v)", d.Attribute)
		} else {
			l.findf("it never applies: no provider says which devices are %v (device_claim %[1]v)", d.Attribute)
		}
	}
}

// grants finds users who can never satisfy the policy, by their provider.
func (l *linter) grants(p *Policy, from []Provider) {
	for i := range from {
		q := &from[i]
		why := ""
		for _, r := range p.Require {
			if no := q.cannot(r); no != "" {
				why = no
				break
			}
		}
		if why == "" && len(p.RequireAny) > 0 {
			why = q.cannot(p.RequireAny[0])
			for _, r := range p.RequireAny[1:] {
				if q.cannot(r) == "" {
					why = ""
				}
			}
		}
		if why != "" {
			l.findf("no user who signs in at provider %q can satisfy it: %s", q.Name, why)
		}
	}
}

// cannot returns why a requirement can never be satisfied, or an empty string.
func (q *Provider) cannot(r Requirement) string {
	switch {
	case r.Kind == MFA:
		return q.NoMFA
	case r.Kind == CompliantDevice && !q.Compliant:
		return "it does not say which devices are compliant (device_claim compliant)"
	}
	return ""
}
