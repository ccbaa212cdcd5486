package policy

import (
	"fmt"
	"net/netip"
	"slices"
)

// Finding is a part of a Config that is legal but very likely a mistake.
type Finding struct {
	// Position is the file:line of the policy, if known.
	Position string
	// Site is the app of the policy's site, or empty.
	Site   string
	Policy string
	// Problem describes the mistake and how to correct it.
	Problem string
}

func (f Finding) String() string { return (*ConfigError)(&f).Error() }

// Lint looks for policies that are very likely a mistake: they never apply, cannot be satisfied, add nothing to others,
// or lock all users out (R11). It uses only the configuration. Its findings are certain, but it does not find
// everything. cfg must be one that compiles. Policies that are off are ignored.
func Lint(cfg Config) []Finding {
	l := newLinter(&cfg)
	l.list(cfg.Policies, "", l.scopes(cfg.Policies, ""))
	for i := range cfg.Sites {
		l.site(&cfg.Sites[i], l.scopes(cfg.Policies, ""))
	}
	return l.found
}

// SiteLinter is Lint for the policies of single sites, without the policies for all sites, which it prepares once.
type SiteLinter struct {
	cfg    *Config
	beside []*scope // those of the policies for all sites; nil until a site has policies
}

// NewSiteLinter returns a linter for sites that share these networks and policies for all sites.
func NewSiteLinter(networks []Network, policies []Policy) *SiteLinter {
	return &SiteLinter{cfg: &Config{Networks: networks, Policies: policies}}
}

// Lint looks for policies of one site that are very likely a mistake.
func (s *SiteLinter) Lint(site *Site) []Finding {
	if len(site.Policies) == 0 {
		return nil
	}
	l := newLinter(s.cfg)
	if s.beside == nil {
		s.beside = l.scopes(s.cfg.Policies, "")
	}
	l.site(site, s.beside)
	return l.found
}

type linter struct {
	cfg   *Config
	found []Finding
	at    Finding
}

func newLinter(cfg *Config) *linter { return &linter{cfg: cfg} }

func (l *linter) findf(format string, args ...any) {
	f := l.at
	f.Problem = fmt.Sprintf(format, args...)
	l.found = append(l.found, f)
}

// site lints the policies of a site. beside contains the scopes of those for all sites.
func (l *linter) site(s *Site, beside []*scope) {
	l.list(s.Policies, s.App, slices.Concat(beside, l.scopes(s.Policies, s.App)))
}

// list lints policies of one list. beside contains the scopes of these policies and of all others that apply in the
// same place.
func (l *linter) list(policies []Policy, site string, beside []*scope) {
	for i := range policies {
		p := &policies[i]
		if p.Mode == Off {
			continue
		}
		l.at = Finding{Position: p.Position, Site: site, Policy: p.Name}
		own := beside[slices.IndexFunc(beside, func(s *scope) bool { return s.Policy == p })]
		if l.neverApplies(own) {
			continue
		}
		l.idleConditions(p)
		l.idleControls(p)
		l.lockOut(own)
		l.shadow(own, beside)
	}
}

// neverApplies checks the networks. Other contradictions within an assignment are errors.
func (l *linter) neverApplies(s *scope) bool {
	switch {
	case len(s.Include.Networks) > 0 && l.within(s.in, s.ex):
		l.findf("it never applies: every network that it includes lies within one that it excludes")
	case l.everywhere(s.ex):
		l.findf("it never applies: the networks that it excludes are all addresses there are")
	default:
		return false
	}
	return true
}

// idleConditions finds conditions that always hold.
func (l *linter) idleConditions(p *Policy) {
	when := &p.Conditions
	for _, c := range []struct {
		what      string
		has, most int
	}{
		{"platform", len(distinct(when.Platforms)), len(platformWords)},
		{"client", len(distinct(when.Clients)), len(clientWords)},
		{"risk sign_in", len(distinct(when.SignInRisk)), int(RiskUnreadable)},
		{"risk user", len(distinct(when.UserRisk)), int(RiskUnreadable)},
	} {
		if c.has == c.most {
			l.findf("when %s lists all there is, so that it always holds", c.what)
		}
	}
}

func distinct[T ~uint8](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// idleControls finds controls that no user can satisfy, and controls that every user satisfies.
func (l *linter) idleControls(p *Policy) {
	device := Requirement{Kind: CompliantDevice}
	all := slices.Contains(p.Require, device)
	anyOf := len(p.RequireAny) > 0 && !slices.ContainsFunc(p.RequireAny, func(q Requirement) bool { return q != device })
	if slices.Contains(p.Conditions.Devices, DeviceCondition{Attribute: Compliant, Not: true}) && (all || anyOf) {
		l.findf("no user can satisfy it: it requires a compliant device when the device is not compliant; block says the same")
	}
	if slices.Contains(p.Conditions.Devices, DeviceCondition{Attribute: Compliant}) && (all || slices.Contains(p.RequireAny, device)) {
		l.findf("it applies to compliant devices only, so that requiring one has no effect")
	}
	binding := Requirement{Kind: BoundSession}
	switch asks := slices.Contains(p.Require, binding) || slices.Contains(p.RequireAny, binding); {
	case !asks:
	case slices.Contains(p.Conditions.Devices, DeviceCondition{Attribute: Bound}):
		l.findf("it applies to bound sessions only, so that requiring one has no effect")
	case slices.Contains(p.Conditions.Devices, DeviceCondition{Attribute: Bound, Not: true}):
		l.findf("when device not bound has no effect beside bound_session, which only sessions that are not bound do not satisfy")
	}
	if f := p.SignInFrequency; f.isSet() && p.MaxIdle >= f.interval() {
		l.findf("max_idle %v has no effect beside sign_in_frequency %v, which comes first", p.MaxIdle, f)
	}
}

// lockOut finds a block for all users everywhere (R11).
func (l *linter) lockOut(s *scope) {
	if !s.Block || !s.unconditional() || s.namesAnybody() || len(s.Include.Apps)+len(s.Exclude.Apps) > 0 ||
		len(s.ex) > 0 || len(s.in) > 0 && !l.everywhere(s.in) {
		return
	}
	where, when := "at every site", ""
	if s.site != "" {
		where = "at this site"
	}
	if s.Mode == ReportOnly {
		when = ", once it is on"
	}
	l.findf("it locks all users out %s%s, administrators included: exclude at least a break-glass account", where, when)
}

// within reports whether each prefix of the networks is within one of the prefixes of the others.
func (l *linter) within(networks, others []int) bool {
	for _, i := range networks {
		for _, p := range l.cfg.Networks[i].Prefixes {
			if !l.holds(others, p) {
				return false
			}
		}
	}
	return true
}

func (l *linter) holds(networks []int, p netip.Prefix) bool {
	p = canonical(p)
	return slices.ContainsFunc(networks, func(i int) bool {
		return slices.ContainsFunc(l.cfg.Networks[i].Prefixes, func(q netip.Prefix) bool {
			q = canonical(q)
			return q.Bits() <= p.Bits() && q.Contains(p.Addr())
		})
	})
}

func (l *linter) everywhere(networks []int) bool {
	return l.holds(networks, netip.MustParsePrefix("0.0.0.0/0")) && l.holds(networks, netip.MustParsePrefix("::/0"))
}
