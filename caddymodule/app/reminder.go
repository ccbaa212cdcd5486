package app

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/policy"
)

// reminder logs at every midnight, while the app runs, which report_only policies are overdue. It does nothing else: a
// date in a configuration never changes what is enforced.
type reminder struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func (m *reminder) start(a *App) {
	if !hasDates(a.lists()) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	m.timer = time.AfterFunc(toMidnight(time.Now()), func() {
		for _, f := range overdue(a.lists(), time.Now()) {
			a.logger.Warn("policy is still report_only", zap.String("policy", f.Policy), zap.String("app", f.Site),
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

// toMidnight returns the time until the next day begins, in the time zone of the server.
func toMidnight(at time.Time) time.Duration {
	year, month, day := at.Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, at.Location()).Sub(at)
}

func hasDates(lists []siteList) bool {
	for _, list := range lists {
		for _, p := range list.policies {
			if p.ReportUntil != "" {
				return true
			}
		}
	}
	return false
}

func overdue(lists []siteList, at time.Time) (found []policy.Finding) {
	for _, list := range lists {
		found = append(found, lint.Overdue(list.site, list.policies, at)...)
	}
	return found
}

// siteList contains the policies of one site, or those for all sites.
type siteList struct {
	site     string
	policies []*config.Policy
}

func (a *App) lists() []siteList {
	a.mu.Lock()
	defer a.mu.Unlock()
	lists := []siteList{{"", a.Policies}}
	for _, h := range a.sites {
		lists = append(lists, siteList{h.App, h.Policies})
	}
	return lists
}
