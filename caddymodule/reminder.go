package caddymodule

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/policy"
)

// overdue finds policies that are report_only although the day has come until which they were meant to be.
func overdue(site string, policies []*Policy, at time.Time) (found []policy.Finding) {
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

// reminder repeats every midnight, while the app runs, which report_only policies are overdue. That is all it does: a
// date in a configuration never changes what is enforced.
type reminder struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func (m *reminder) start(a *App) {
	if !a.hasDates() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	m.timer = time.AfterFunc(toMidnight(time.Now()), func() {
		for _, f := range a.overdue(time.Now()) {
			a.rt.logger.Warn("policy is still report_only", zap.String("policy", f.Policy), zap.String("app", f.Site),
				zap.String("problem", f.Problem), zap.String("position", f.Position))
		}
		m.start(a)
	})
}

func (m *reminder) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	if m.timer != nil {
		m.timer.Stop()
	}
}

// toMidnight is the time until the next day begins, where the server is.
func toMidnight(at time.Time) time.Duration {
	year, month, day := at.Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, at.Location()).Sub(at)
}

func (a *App) hasDates() bool {
	for _, list := range a.lists() {
		for _, p := range list.policies {
			if p.ReportUntil != "" {
				return true
			}
		}
	}
	return false
}

func (a *App) overdue(at time.Time) (found []policy.Finding) {
	for _, list := range a.lists() {
		found = append(found, overdue(list.site, list.policies, at)...)
	}
	return found
}

// siteList is the policies of a site, or those for all sites.
type siteList struct {
	site     string
	policies []*Policy
}

func (a *App) lists() []siteList {
	a.rt.mu.Lock()
	defer a.rt.mu.Unlock()
	lists := []siteList{{"", a.Policies}}
	for _, h := range a.rt.sites {
		lists = append(lists, siteList{h.App, h.Policies})
	}
	return lists
}
