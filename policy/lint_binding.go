package policy

import "slices"

// Binding says which sessions a browser can bind to a key of its device, as far as it is configured.
type Binding uint8

// The values of Binding.
const (
	BindsNone       Binding = iota // none: binding is off
	BindsPersistent                // only those of users who stay signed in
	BindsAll
)

// LintBinding looks for policies that depend on a binding that no session, or only some sessions, can have.
func LintBinding(cfg Config, b Binding) []Finding {
	l := newLinter(&cfg)
	l.bindings(cfg.Policies, "", b)
	for i := range cfg.Sites {
		l.bindings(cfg.Sites[i].Policies, cfg.Sites[i].App, b)
	}
	return l.found
}

func (l *linter) bindings(policies []Policy, site string, b Binding) {
	for i := range policies {
		p := &policies[i]
		if p.Mode == Off {
			continue
		}
		l.at = Finding{Position: p.Position, Site: site, Policy: p.Name}
		switch b {
		case BindsNone:
			l.neverBound(p)
		case BindsPersistent:
			l.seldomBound(p)
		}
	}
}

// requiresBinding reports whether only a bound session satisfies the policy.
func (p *Policy) requiresBinding() bool {
	binding := Requirement{Kind: BoundSession}
	return slices.Contains(p.Require, binding) ||
		len(p.RequireAny) > 0 && !slices.ContainsFunc(p.RequireAny, func(q Requirement) bool { return q != binding })
}

func (l *linter) neverBound(p *Policy) {
	const why = "no session is bound to a device: write binding prefer into the session block"
	devices := p.Conditions.Devices
	switch {
	case slices.Contains(devices, DeviceCondition{Attribute: Bound}):
		l.findf("it never applies, because %s", why)
		return
	case slices.Contains(devices, DeviceCondition{Attribute: Bound, Not: true}):
		l.findf("when device not bound always holds, because %s", why)
	}
	switch {
	case p.requiresBinding():
		l.findf("no user can satisfy it, because %s", why)
	case slices.Contains(p.RequireAny, Requirement{Kind: BoundSession}):
		l.findf("bound_session is no alternative, because %s", why)
	}
}

// seldomBound finds users who cannot satisfy the policy because of their answer to "Stay signed in?".
func (l *linter) seldomBound(p *Policy) {
	switch {
	case !p.requiresBinding() || slices.Contains(p.Conditions.Devices, DeviceCondition{Attribute: Bound}):
	case p.PersistentBrowser == Never:
		l.findf("no user can satisfy it: only sessions of users who stay signed in are bound, and it sets persistent_browser never; " +
			"write kinds all into the binding block")
	default:
		l.findf("users who do not stay signed in cannot satisfy it, because their sessions are not bound: write kinds all into the binding block")
	}
}
