package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// answer is what a condition comes to: no, perhaps, or yes. "And" is the least of several answers, "or" the greatest.
type answer int

const (
	no answer = iota
	perhaps
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// oracle decides by reading the semantics aloud, policy by policy, without any index. It knows verdicts and session
// controls, and nothing about reasons.
type oracle struct {
	user *policy.User
	r    *policy.Request
	in   []policy.Network // the networks that hold the address

	block, step bool
	persistence policy.Persistence
	idle        time.Duration
	applied     []string
}

func consult(cfg policy.Config, u *policy.User, r *policy.Request) *oracle {
	o := &oracle{user: u, r: r}
	for _, n := range cfg.Networks {
		if slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(r.IP.Unmap()) }) {
			o.in = append(o.in, n)
		}
	}
	for _, p := range cfg.Policies {
		o.hold(&p)
	}
	for _, s := range cfg.Sites {
		if s.App != r.App {
			continue
		}
		for _, p := range s.Policies {
			o.hold(&p)
		}
		if u != nil && (o.who(s.Deny) != no || len(s.Allow) > 0 && o.who(s.Allow) != yes) {
			o.block = true
		}
	}
	return o
}

func (o *oracle) verdict() policy.Verdict {
	switch {
	case o.block:
		return policy.Block
	case o.user == nil:
		return policy.SignIn
	case o.step:
		return policy.StepUp
	}
	return policy.Allow
}

// who tells whether a list names the user.
func (o *oracle) who(list []policy.Who) (a answer) {
	for _, w := range list {
		if w.Provider != "" && w.Provider != o.user.Provider {
			continue // "from" another provider
		}
		switch w.Kind {
		case policy.WhoGroup:
			a = max(a, o.group(w.Name))
		case policy.WhoUser:
			a = max(a, answerOf(o.user.ID == w.Name), o.called(func(name string) answer {
				switch {
				case !strings.EqualFold(name, w.Name):
					return no
				case strings.ContainsRune(name, kelvin): // it resembles the name
					return perhaps
				}
				return yes
			}))
		case policy.WhoDomain:
			a = max(a, o.called(func(name string) answer {
				i := strings.LastIndex(name, "@")
				return answerOf(i >= 0 && strings.EqualFold(strings.TrimSuffix(name[i+1:], "."), w.Name))
			}))
		case policy.WhoProvider:
			a = max(a, answerOf(o.user.Provider == w.Name))
		}
	}
	return a
}

// called asks about each name of the user. A claimed name is perhaps theirs.
func (o *oracle) called(is func(name string) answer) (a answer) {
	for _, name := range o.user.Names {
		a = max(a, is(name))
	}
	for _, name := range o.user.Claimed {
		a = max(a, min(perhaps, is(name)))
	}
	return a
}

func (o *oracle) group(name string) answer {
	if !o.user.GroupsKnown {
		return perhaps
	}
	return answerOf(slices.Contains(o.user.Groups, name))
}

func (o *oracle) subjects(a *policy.Assignment) answer {
	list := whoOf("", a.Groups, a.Users, a.Domains)
	for _, n := range a.Providers {
		list = append(list, policy.Who{Kind: policy.WhoProvider, Name: n})
	}
	for _, of := range a.Of {
		list = append(list, whoOf(of.Provider, of.Groups, of.Users, of.Domains)...)
	}
	guest := no
	switch {
	case !a.Guests:
	case o.user.Guest:
		guest = yes
	case o.user.GuestUnreadable:
		guest = perhaps
	}
	return max(o.who(list), guest)
}

func whoOf(provider string, groups, users, domains []string) (list []policy.Who) {
	for _, n := range groups {
		list = append(list, policy.Who{Kind: policy.WhoGroup, Name: n, Provider: provider})
	}
	for _, n := range users {
		list = append(list, policy.Who{Kind: policy.WhoUser, Name: n, Provider: provider})
	}
	for _, n := range domains {
		list = append(list, policy.Who{Kind: policy.WhoDomain, Name: n, Provider: provider})
	}
	return list
}

func (o *oracle) network(names []string) (a answer) {
	if len(names) > 0 && !o.r.IP.IsValid() {
		return perhaps
	}
	for _, name := range names {
		for _, n := range o.in {
			a = max(a, answerOf(n.Name == name || n.Trusted && name == policy.TrustedNetworks))
		}
	}
	return a
}

// assignment tells whether the policy is for this user, app and network.
func (o *oracle) assignment(p *policy.Policy) answer {
	in, ex := p.Include, p.Exclude
	named := func(a policy.Assignment) bool {
		return a.Guests || len(a.Groups)+len(a.Users)+len(a.Providers)+len(a.Domains)+len(a.Of) > 0
	}
	result := yes
	switch {
	case o.user == nil && (named(in) || named(ex)):
		return no // it is not known yet which user it will be
	case o.user != nil:
		if named(in) {
			result = min(result, o.subjects(&in))
		}
		result = min(result, yes-o.subjects(&ex))
	}
	if len(in.Apps) > 0 {
		result = min(result, answerOf(slices.Contains(in.Apps, o.r.App)))
	}
	result = min(result, answerOf(!slices.Contains(ex.Apps, o.r.App)))
	if len(in.Networks) > 0 {
		result = min(result, o.network(in.Networks))
	}
	return min(result, yes-o.network(ex.Networks))
}

func (o *oracle) conditions(c *policy.Conditions) answer {
	r := o.r
	met := func(b bool, configured int) answer { return answerOf(configured == 0 || b) }
	result := min(
		met(slices.Contains(c.Platforms, r.Platform), len(c.Platforms)),
		met(slices.Contains(c.Clients, r.Client), len(c.Clients)),
		o.risk(c.SignInRisk, r.SignInRisk),
		o.risk(c.UserRisk, r.UserRisk),
	)
	for _, d := range c.Devices {
		var is policy.Signal
		switch d.Attribute {
		case policy.Compliant:
			is = r.Device.Compliant
		case policy.Managed:
			is = r.Device.Managed
		case policy.Bound:
			switch {
			case o.user == nil || o.open():
				return no // the first request of a session will tell
			case r.Device.Bound:
				is = policy.Yes
			default:
				is = policy.No
			}
		case policy.Shared:
			is = r.Device.Shared
			if slices.ContainsFunc(o.in, func(n policy.Network) bool { return n.Shared }) {
				is = policy.Yes
			} else if is != policy.Yes && !r.IP.IsValid() {
				result = min(result, perhaps) // it may stand in n2
				continue
			}
		}
		switch {
		case is == policy.Unreadable:
			result = min(result, perhaps)
			continue
		case o.user == nil && is == policy.Unknown:
			return no
		}
		result = min(result, answerOf((is == policy.Yes) != d.Not))
	}
	return result
}

func (o *oracle) risk(levels []policy.Risk, is policy.Risk) answer {
	switch {
	case len(levels) == 0:
		return yes
	case is == policy.RiskUnreadable:
		return perhaps
	}
	return answerOf(slices.Contains(levels, is) && (o.user != nil || is != policy.RiskUnknown))
}

func (o *oracle) hold(p *policy.Policy) {
	if p.Mode != policy.On {
		return
	}
	certain := min(o.assignment(p), o.conditions(&p.Conditions))
	if o.open() && onlyAboutBinding(p) {
		certain = no
	}
	if certain == no {
		return
	}
	switch {
	case p.Matcher == 0:
	case o.r.NoRoute || p.Matcher == 2:
		return
	case p.Matcher == 3:
		o.block = true
	}
	o.applied = append(o.applied, p.Name)
	if p.PersistentBrowser == policy.Never || p.PersistentBrowser == policy.Always && certain == yes && o.persistence == policy.Unset {
		o.persistence = p.PersistentBrowser
	}
	if p.MaxIdle > 0 && (o.idle == 0 || p.MaxIdle < o.idle) {
		o.idle = p.MaxIdle
	}
	o.grant(p)
}

// open tells whether a browser may still bind the session, because the sign-in ends just now.
func (o *oracle) open() bool { return o.r.NoRoute && !o.r.Device.Bound }

func noSignInHelps(q policy.Requirement) bool {
	return q.Kind == policy.CompliantDevice || q.Kind == policy.BoundSession
}

// onlyAboutBinding tells whether a policy has no word but bound_session, or its alternatives.
func onlyAboutBinding(p *policy.Policy) bool {
	if p.Block || p.MaxIdle > 0 || p.SignInFrequency.EveryTime || p.SignInFrequency.Interval > 0 || p.PersistentBrowser != policy.Unset {
		return false
	}
	for _, q := range p.Require {
		if q.Kind != policy.BoundSession {
			return false
		}
	}
	if len(p.RequireAny) == 0 {
		return true
	}
	return slices.Contains(p.RequireAny, policy.Requirement{Kind: policy.BoundSession})
}

func (o *oracle) grant(p *policy.Policy) {
	has := func(q policy.Requirement) bool {
		switch q.Kind {
		case policy.MFA:
			return o.r.Auth.MFA
		case policy.ACR:
			return slices.Contains(o.r.Auth.ACRs, q.Value)
		case policy.BoundSession:
			return o.r.Device.Bound || o.open()
		}
		return o.r.Device.Compliant == policy.Yes
	}
	refuse := func() { o.block = o.block || o.user != nil }
	if p.Block {
		o.block = true
	}
	for _, q := range p.Require {
		switch {
		case has(q):
		case noSignInHelps(q):
			refuse()
		default:
			o.step = true
		}
	}
	if len(p.RequireAny) > 0 && !slices.ContainsFunc(p.RequireAny, has) {
		if slices.ContainsFunc(p.RequireAny, func(q policy.Requirement) bool { return !noSignInHelps(q) }) {
			o.step = true
		} else {
			refuse()
		}
	}
	age := o.r.Time.Sub(o.r.Auth.AuthTime)
	fresh := !o.r.Auth.AuthTime.IsZero() && age >= -5*time.Minute
	f := p.SignInFrequency
	if p.MaxIdle > 0 && o.r.Idle >= p.MaxIdle {
		o.step = true
	}
	if f.EveryTime && !(fresh && age < 5*time.Minute) || f.Interval > 0 && !(fresh && age < f.Interval) {
		o.step = true
	}
}
