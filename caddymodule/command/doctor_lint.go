package command

import (
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
)

// linted is what `validate` would warn of, site by site, and what the start of a server would.
func linted(c *app.Candidate, config []byte) (found []finding) {
	for _, f := range c.Lint(config) {
		subject, text := f.Policy, f.Problem
		if subject == "" {
			subject = f.Site
		}
		if f.Position != "" {
			text += " (" + f.Position + ")"
		}
		found = append(found, finding{findWarn, "rules", subject, text})
	}
	return found
}
