package lint

import (
	"fmt"
	"slices"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Apps finds policies for all sites that name an app that no site has.
func Apps(policies []*config.Policy, apps []string) (found []policy.Finding) {
	for _, p := range policies {
		for _, as := range []*config.Assignment{p.Include, p.Exclude} {
			if as == nil || p.Mode == policy.Off {
				continue
			}
			for _, app := range as.Apps {
				if !slices.Contains(apps, app) {
					found = append(found, policy.Finding{
						Position: p.Position, Policy: p.Name, Problem: fmt.Sprintf("no site is the app %q%s", app, config.Suggest(app, apps)),
					})
				}
			}
		}
	}
	return found
}
