package lint

import (
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
)

// Overdue finds policies that are still report_only after their planned day.
func Overdue(site string, policies []*config.Policy, at time.Time) (found []policy.Finding) {
	for _, p := range policies {
		if p.ReportUntil == "" || p.Mode != policy.ReportOnly {
			continue
		}
		if day, err := time.ParseInLocation(time.DateOnly, p.ReportUntil, at.Location()); err == nil && !at.Before(day) {
			found = append(found, policy.Finding{
				Position: p.Position, Site: site, Policy: p.Name,
				Problem: fmt.Sprintf("it was to be report_only until %s and still has no effect: turn it on, off, or name a later day", p.ReportUntil),
			})
		}
	}
	return found
}
