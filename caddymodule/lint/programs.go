package lint

import (
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Accepted is which tokens of programs a site accepts: access tokens of its issuers, and those of Latchkey.
type Accepted struct{ Bearer, Own bool }

// words returns the words of the directive that accept them.
func (a Accepted) words() string {
	switch {
	case a.Bearer && a.Own:
		return "bearer and tokens"
	case a.Own:
		return "tokens on"
	}
	return "bearer"
}

// Programs finds policies that no program with a token can satisfy, at an app that accepts tokens.
func Programs(app string, accepted Accepted, rules policy.Config) (found []policy.Finding) {
	look := func(policies []policy.Policy, site string) {
		for i := range policies {
			p := &policies[i]
			if p.Mode != policy.On || !names(p, app) || !allPrograms(p) {
				continue
			}
			if problem := accepted.problem(p, app); problem != "" {
				found = append(found, policy.Finding{Position: p.Position, Site: site, Policy: p.Name, Problem: problem})
			}
		}
	}
	look(rules.Policies, "")
	for i := range rules.Sites {
		look(rules.Sites[i].Policies, rules.Sites[i].App)
	}
	return found
}

// often is the shortest sign-in frequency with which a personal token is of use: its user signs in once a day.
const often = 24 * time.Hour

// problem returns why a policy that applies to all programs keeps those with an accepted token out; empty if it does not.
func (a Accepted) problem(p *policy.Policy, app string) string {
	const instead = ": write when client browser"
	switch f := p.SignInFrequency; {
	case p.Block:
		return "it refuses every program: exclude app " + app + ", or leave out " + a.words()
	case demands(p, policy.BoundSession):
		return "no token is bound to a device as a session is, so that no program gets into app " + app + instead
	case a.Own && demands(p, policy.CompliantDevice):
		return "nothing is known of the device of a program, so that no token of Latchkey gets into app " + app + instead
	case a.Own && f.EveryTime:
		return "with a token of Latchkey for app " + app + " a program can pass only within minutes of a sign-in of its user" + instead
	case a.Own && f.Interval > 0 && f.Interval < often:
		return "with a token of Latchkey for app " + app + " a program can pass only for " + f.String() + " after each sign-in of its user" + instead
	}
	return ""
}

// demands reports whether nothing but this requirement can satisfy a policy, or nothing without it.
func demands(p *policy.Policy, kind policy.RequirementKind) bool {
	one := policy.Requirement{Kind: kind}
	return slices.Contains(p.Require, one) || len(p.RequireAny) == 1 && p.RequireAny[0] == one
}

func names(p *policy.Policy, app string) bool {
	return (len(p.Include.Apps) == 0 || slices.Contains(p.Include.Apps, app)) && !slices.Contains(p.Exclude.Apps, app)
}

// allPrograms reports whether a policy applies to every program that uses the app: for all users and networks, without a
// route and a condition, except that the client is no browser.
func allPrograms(p *policy.Policy) bool {
	in, out, when := p.Include, p.Exclude, p.Conditions
	limited := in.Guests || len(in.Groups)+len(in.Users)+len(in.Providers)+len(in.Domains)+len(in.Of)+len(in.Networks) > 0 ||
		out.Guests || len(out.Groups)+len(out.Users)+len(out.Providers)+len(out.Domains)+len(out.Of)+len(out.Networks) > 0 || p.Matcher != 0 ||
		len(when.Platforms)+len(when.SignInRisk)+len(when.UserRisk)+len(when.Devices) > 0
	return !limited && (len(when.Clients) == 0 || slices.Contains(when.Clients, policy.Other))
}
