package signin

import (
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

type gateFunc func(*access.Visit, *session.Record) access.Admission

func (f gateFunc) Admit(v *access.Visit, who *session.Record, _ access.Asked) access.Admission {
	return f(v, who)
}

// gateAsked is a gate that tests look into with what it is asked.
type gateAsked func(*access.Visit, *session.Record, access.Asked) access.Admission

func (f gateAsked) Admit(v *access.Visit, who *session.Record, asked access.Asked) access.Admission {
	return f(v, who, asked)
}

// routed is the gate of a site where the demand is that of a policy for its pages: it speaks at the end of the sign-ins that
// it asked for.
type routed struct {
	g    *gateway
	gate access.Gate
}

func (at routed) Admit(v *access.Visit, who *session.Record, asked access.Asked) access.Admission {
	a := at.gate.Admit(v, who, asked)
	d := at.g.asking()
	if d == nil || a.Refusal != nil || !slices.ContainsFunc(d.Policies, func(name string) bool { return slices.Contains(asked.Policies, name) }) {
		return a
	}
	if left := at.g.left(who); left != nil {
		a.Demand, a.PolicyStatus, a.Policies = left, "failure", failed(d.Policies)
		a.Refusal = &access.Refusal{Code: signinlog.MFARequired, Reason: "mfa_required", Policies: d.Policies}
	}
	return a
}

// asking is the demand, as the policies that make it do.
func (g *gateway) asking() *oidc.Demand {
	if g.demand == nil {
		return nil
	}
	d := *g.demand
	if d.Policies = g.policies; d.Policies == nil {
		d.Policies = []string{"route"}
	}
	return &d
}

// left is what a session leaves of the demand, nil for nothing.
func (g *gateway) left(who *session.Record) *oidc.Demand {
	all := g.asking()
	left := &oidc.Demand{Policies: all.Policies}
	left.MFA = all.MFA && !g.service.Providers[0].Claims.MFA(who)
	for _, acr := range all.ACRs {
		if !slices.Contains(oidc.Contexts(who), acr) {
			left.ACRs = append(left.ACRs, acr)
		}
	}
	limit := all.MaxAge
	if limit == 0 {
		limit = 5 * time.Minute
	}
	if all.Reauthenticate && (who.AuthTime.IsZero() || g.clock.Now().Sub(who.AuthTime) >= limit) {
		left.Reauthenticate, left.MaxAge, left.PromptLogin = true, all.MaxAge, all.PromptLogin
	}
	if len(left.Shows()) == 0 {
		return nil
	}
	return left
}
