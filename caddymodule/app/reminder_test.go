package app

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/lint"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// A day in a configuration is remembered at each midnight from then on, and changes nothing else.
func TestReminder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(toMidnight(time.Now()))
		from := time.Now()
		day := func(n int) string { return from.AddDate(0, 0, n).Format(time.DateOnly) }
		core, logs := observer.New(zapcore.WarnLevel)
		watch := func(name, until string) *config.Policy {
			return &config.Policy{Name: name, Mode: policy.ReportOnly, Block: true, ReportUntil: until, Position: "Caddyfile:7"}
		}
		a := &App{App: config.App{Policies: []*config.Policy{watch("soon", day(2)), watch("late", day(3)), watch("ever", "")}}}
		a.logger = zap.New(core)
		a.sites = append(a.sites, &site.Site{Site: &config.Site{App: "wiki", Policies: []*config.Policy{watch("own", day(2)), {Name: "on", Block: true}}}})
		said := func() (names []string) {
			for _, e := range logs.TakeAll() {
				names = append(names, e.ContextMap()["policy"].(string))
				if e.ContextMap()["position"] != "Caddyfile:7" {
					t.Errorf("said %v", e.ContextMap())
				}
			}
			return names
		}
		at := func(days int, want ...string) {
			t.Helper()
			<-time.After(time.Until(from.AddDate(0, 0, days).Add(time.Minute)))
			if got := said(); !slices.Equal(got, want) {
				t.Errorf("after %d days: %q, want %q", days, got, want)
			}
		}
		a.reminder.start(a)
		at(0)
		at(1)
		at(2, "soon", "own")
		at(3, "soon", "late", "own")
		a.reminder.stop()
		at(5)
		if a.Policies[0].Mode != policy.ReportOnly {
			t.Error("the day has changed a policy")
		}
		a.reminder.start(a) // a configuration that has ended
		at(7)
	})
}

func TestNoDateNoReminder(t *testing.T) {
	a := &App{App: config.App{Policies: []*config.Policy{{Name: "p", Mode: policy.ReportOnly, Block: true}}}}
	a.reminder.start(a)
	if a.reminder.timer != nil {
		t.Error("there is a timer")
	}
	a.reminder.stop()
}

func TestOverdue(t *testing.T) {
	berlin := time.FixedZone("UTC+1", 3600)
	for at, want := range map[time.Time]bool{
		time.Date(2027, 1, 30, 23, 59, 59, 0, berlin):   false,
		time.Date(2027, 1, 31, 0, 0, 0, 0, berlin):      true,
		time.Date(2027, 1, 30, 23, 30, 0, 0, time.UTC):  false, // of the server's own day
		time.Date(2028, 12, 31, 23, 59, 0, 0, time.UTC): true,
	} {
		p := &config.Policy{Name: "p", Mode: policy.ReportOnly, ReportUntil: "2027-01-31"}
		if got := lint.Overdue("", []*config.Policy{p}, at); len(got) > 0 != want {
			t.Errorf("at %v: %v", at, got)
		}
		p.Mode = policy.Off
		if got := lint.Overdue("", []*config.Policy{p}, at); len(got) > 0 {
			t.Errorf("off: %v", got)
		}
	}
}

func TestToMidnight(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]time.Duration{
		time.Date(2026, 11, 23, 23, 59, 0, 0, zone): time.Minute,
		time.Date(2026, 11, 23, 0, 0, 0, 0, zone):   24 * time.Hour,
		time.Date(2026, 3, 29, 0, 0, 0, 0, zone):    23 * time.Hour, // clocks go forward
		time.Date(2026, 10, 25, 0, 0, 0, 0, zone):   25 * time.Hour, // and back
		time.Date(2026, 12, 31, 12, 0, 0, 0, zone):  12 * time.Hour,
	} {
		if got := toMidnight(at); got != want {
			t.Errorf("%v: %v, want %v", at, got, want)
		}
	}
}

// A policy for an app that does not exist applies to no user: the log says so once all sites are known.
func TestUnknownApps(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	a := &App{App: config.App{Policies: []*config.Policy{
		{Name: "in", Include: &config.Assignment{Apps: []string{"wiki", "wikki"}}, Block: true, Position: "Caddyfile:3"},
		{Name: "ex", Exclude: &config.Assignment{Apps: []string{"amdin"}}, Block: true},
		{Name: "off", Mode: policy.Off, Include: &config.Assignment{Apps: []string{"nope"}}, Block: true},
	}}}
	a.logger = zap.New(core)
	a.sites = append(a.sites, &site.Site{Site: &config.Site{App: "wiki"}})
	a.sites = append(a.sites, &site.Site{Site: &config.Site{App: "admin"}})
	a.warnOfApps()
	a.warnOfApps() // says it once
	var got []string
	for _, e := range logs.TakeAll() {
		got = append(got, e.ContextMap()["policy"].(string)+": "+e.ContextMap()["problem"].(string))
	}
	want := []string{`in: no site is the app "wikki", did you mean "wiki"?`, `ex: no site is the app "amdin", did you mean "admin"?`}
	if !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}
