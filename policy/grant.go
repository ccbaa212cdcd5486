package policy

import (
	"slices"
	"time"
)

// askable are the controls that another sign-in could satisfy.
const askable = ControlMFA | ControlACR | ControlFrequency | ControlIdle

// satisfies tells whether the sign-in and the device meet a requirement.
func (r *Request) satisfies(q Requirement) bool {
	switch q.Kind {
	case MFA:
		return r.Auth.MFA // R8: present in the token is enough
	case ACR:
		return slices.Contains(r.Auth.ACRs, q.Value)
	default:
		return r.Device.Compliant == Yes
	}
}

// satisfiesFrequency runs from the last authentication, not from the last activity (F4). An unknown time of
// authentication, which is the zero time, is older than any interval (A11).
func (r *Request) satisfiesFrequency(f Frequency) bool {
	age := r.Time.Sub(r.Auth.AuthTime)
	if age < -EveryTimeTolerance {
		return false // no clock is that far ahead: this is no proof of anything
	}
	return age < f.interval()
}

// interval is how old an authentication must not be.
func (f Frequency) interval() time.Duration {
	if f.EveryTime {
		return EveryTimeTolerance
	}
	return f.Interval
}

func (k RequirementKind) control() Controls {
	return [...]Controls{MFA: ControlMFA, ACR: ControlACR, CompliantDevice: ControlDevice}[k]
}

// missing returns what a policy that applies leaves unsatisfied.
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

// choice is the alternative to ask for: the first in the order of R5, so that a device, which nobody can change by
// signing in, is left for last (R6).
func (p *Policy) choice() RequirementKind {
	kind := CompliantDevice
	for _, q := range p.RequireAny {
		kind = min(kind, q.Kind)
	}
	return kind
}

// demand adds to d what a policy leaves unsatisfied, as far as signing in again can change it.
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
		// Whoever has been away for so long shows that it is still them: an authentication from before does not.
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

// shortest adds the frequency of another policy to what holds so far: the shorter interval, and every time if either
// says so (F12).
func (f Frequency) shortest(g Frequency) Frequency {
	if !g.isSet() {
		return f
	}
	if !f.isSet() {
		f.Interval = g.interval()
	}
	return Frequency{Interval: min(f.Interval, g.interval()), EveryTime: f.EveryTime || g.EveryTime}
}
