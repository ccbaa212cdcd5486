package policy_test

import (
	"net/netip"
	"slices"
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
		switch w.Kind {
		case policy.WhoGroup:
			a = max(a, o.group(w.Name))
		case policy.WhoUser:
			a = max(a, answerOf(slices.Contains(o.user.Names, w.Name)))
		case policy.WhoProvider:
			a = max(a, answerOf(o.user.Provider == w.Name))
		}
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
	var list []policy.Who
	for _, n := range a.Groups {
		list = append(list, policy.Who{Kind: policy.WhoGroup, Name: n})
	}
	for _, n := range a.Users {
		list = append(list, policy.Who{Kind: policy.WhoUser, Name: n})
	}
	for _, n := range a.Providers {
		list = append(list, policy.Who{Kind: policy.WhoProvider, Name: n})
	}
	return max(o.who(list), answerOf(a.Guests && o.user.Guest))
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
		return a.Guests || len(a.Groups) > 0 || len(a.Users) > 0 || len(a.Providers) > 0
	}
	result := yes
	switch {
	case o.user == nil && (named(in) || named(ex)):
		return no // nobody knows yet whom it will concern
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
		met(slices.Contains(c.SignInRisk, r.SignInRisk) && (o.user != nil || r.SignInRisk != policy.RiskUnknown), len(c.SignInRisk)),
		met(slices.Contains(c.UserRisk, r.UserRisk) && (o.user != nil || r.UserRisk != policy.RiskUnknown), len(c.UserRisk)),
	)
	for _, d := range c.Devices {
		var is policy.Signal
		switch d.Attribute {
		case policy.Compliant:
			is = r.Device.Compliant
		case policy.Managed:
			is = r.Device.Managed
		case policy.Shared:
			is = r.Device.Shared
			if slices.ContainsFunc(o.in, func(n policy.Network) bool { return n.Shared }) {
				is = policy.Yes
			} else if is != policy.Yes && !r.IP.IsValid() {
				result = min(result, perhaps) // it may stand in n2
				continue
			}
		}
		if o.user == nil && is == policy.Unknown {
			return no
		}
		result = min(result, answerOf((is == policy.Yes) != d.Not))
	}
	return result
}

func (o *oracle) hold(p *policy.Policy) {
	if p.Mode != policy.On {
		return
	}
	certain := min(o.assignment(p), o.conditions(&p.Conditions))
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

func (o *oracle) grant(p *policy.Policy) {
	has := func(q policy.Requirement) bool {
		switch q.Kind {
		case policy.MFA:
			return o.r.Auth.MFA
		case policy.ACR:
			return slices.Contains(o.r.Auth.ACRs, q.Value)
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
		case q.Kind == policy.CompliantDevice:
			refuse()
		default:
			o.step = true
		}
	}
	if len(p.RequireAny) > 0 && !slices.ContainsFunc(p.RequireAny, has) {
		if slices.ContainsFunc(p.RequireAny, func(q policy.Requirement) bool { return q.Kind != policy.CompliantDevice }) {
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
