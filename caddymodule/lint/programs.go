package lint

import (
	"slices"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Programs finds policies that no program with an access token can satisfy, at an app that accepts access tokens.
func Programs(app string, rules policy.Config) (found []policy.Finding) {
	bound := policy.Requirement{Kind: policy.BoundSession}
	look := func(policies []policy.Policy, site string) {
		for i := range policies {
			p := &policies[i]
			if p.Mode != policy.On || !names(p, app) || !allPrograms(p) {
				continue
			}
			at := policy.Finding{Position: p.Position, Site: site, Policy: p.Name}
			switch {
			case p.Block:
				at.Problem = "it refuses every program, so that bearer has no effect at app " + app + ": exclude the app"
			case slices.Contains(p.Require, bound), len(p.RequireAny) == 1 && p.RequireAny[0] == bound:
				at.Problem = "no access token is bound to a device as a session is, so that no program gets into app " + app + ": write when client browser"
			default:
				continue
			}
			found = append(found, at)
		}
	}
	look(rules.Policies, "")
	for i := range rules.Sites {
		look(rules.Sites[i].Policies, rules.Sites[i].App)
	}
	return found
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
