package policy

import (
	"slices"
	"time"
)

// askable are the controls that another sign-in can satisfy.
const askable = ControlMFA | ControlACR | ControlFrequency | ControlIdle

// satisfies reports whether the sign-in and the device meet a requirement.
func (r *Request) satisfies(q Requirement) bool {
	switch q.Kind {
	case MFA:
		return r.Auth.MFA // R8: present in the token is enough
	case ACR:
		return slices.Contains(r.Auth.ACRs, q.Value)
	case BoundSession:
		return r.Device.Bound || r.mayBind() // the first request asks again
	default:
		return r.Device.Compliant == Yes
	}
}

// satisfiesFrequency measures from the last authentication, not from the last activity (F4). An unknown time of
// authentication (the zero time) is older than any interval (A11).
func (r *Request) satisfiesFrequency(f Frequency) bool {
	age := r.Time.Sub(r.Auth.AuthTime)
	if age < -EveryTimeTolerance {
		return false // no clock is that far ahead, so this proves nothing
	}
	return age < f.interval()
}

// interval returns the maximum age of an authentication.
func (f Frequency) interval() time.Duration {
	if f.EveryTime {
		return EveryTimeTolerance
	}
	return f.Interval
}

func (k RequirementKind) control() Controls {
	return [...]Controls{MFA: ControlMFA, ACR: ControlACR, BoundSession: ControlBinding, CompliantDevice: ControlDevice}[k]
}

// missing returns the controls of a policy that are not satisfied.
func (p *Policy) missing(r *Request) (c Controls) {
	if p.Block {
		return ControlBlock
	}
	for _, q := range p.Require {
		if !r.satisfies(q) {
			c |= q.Kind.control()
		}
	}
	if len(p.RequireAny) > 0 && !slices.ContainsFunc(p.RequireAny, r.satisfies) {
		c |= p.choice().control()
	}
	if p.SignInFrequency.isSet() && !r.satisfiesFrequency(p.SignInFrequency) {
		c |= ControlFrequency
	}
	if p.MaxIdle != 0 && r.Idle >= p.MaxIdle {
		c |= ControlIdle
	}
	return c
}

// choice returns the alternative to demand: the first in the order of R5. The device comes last, because a sign-in
// cannot change it (R6); a binding comes just before it, because only some browsers can make one.
func (p *Policy) choice() RequirementKind {
	kind := CompliantDevice
	for _, q := range p.RequireAny {
		kind = min(kind, q.Kind)
	}
	return kind
}

// onlyBinding reports whether the policy demands a bound session and nothing else that a sign-in could show, and controls
// no session.
func (p *Policy) onlyBinding() bool {
	other := func(q Requirement) bool { return q.Kind != BoundSession }
	alternative := len(p.RequireAny) == 0 || slices.ContainsFunc(p.RequireAny, func(q Requirement) bool { return !other(q) })
	return !p.Block && len(p.Require)+len(p.RequireAny) > 0 && alternative && !slices.ContainsFunc(p.Require, other) &&
		!p.SignInFrequency.isSet() && p.PersistentBrowser == Unset && p.MaxIdle == 0
}

// add adds the unsatisfied controls of a policy to d, as far as another sign-in can satisfy them.
func (d *Demand) add(p *Policy, r *Request, missing Controls) {
	d.MFA = d.MFA || missing&ControlMFA != 0
	if missing&ControlACR != 0 {
		d.addACRs(p.Require, r)
		if len(p.RequireAny) > 0 && p.choice() == ACR && !slices.ContainsFunc(p.RequireAny, r.satisfies) {
			d.addACRs(p.RequireAny, r)
		}
	}
	if missing&ControlFrequency != 0 {
		d.reauthenticate(p.SignInFrequency.Interval) // 0 for every time
		d.PromptLogin = d.PromptLogin || p.SignInFrequency.EveryTime
	}
	if missing&ControlIdle != 0 {
		// After a long absence the user must prove their identity again; an authentication from before the absence does
		// not count.
		d.reauthenticate(p.MaxIdle)
	}
}

func (d *Demand) reauthenticate(age time.Duration) {
	if !d.Reauthenticate || age < d.MaxAge {
		d.MaxAge = age
	}
	d.Reauthenticate = true
}

func (d *Demand) addACRs(list []Requirement, r *Request) {
	for _, q := range list {
		if q.Kind == ACR && !r.satisfies(q) && !slices.Contains(d.ACRs, q.Value) {
			d.ACRs = append(d.ACRs, q.Value)
		}
	}
}

// shortest combines two frequencies: the shorter interval, and every time if either has it (F12).
func (f Frequency) shortest(g Frequency) Frequency {
	if !g.isSet() {
		return f
	}
	if !f.isSet() {
		f.Interval = g.interval()
	}
	return Frequency{Interval: min(f.Interval, g.interval()), EveryTime: f.EveryTime || g.EveryTime}
}
