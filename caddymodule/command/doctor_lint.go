package command

import (
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
)

// linted returns the warnings that `validate` shows for each site, and those that appear when a server starts.
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
