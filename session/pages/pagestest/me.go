package pagestest

import (
	"time"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// me is the page of a user with sessions of every kind, and with every outcome among the sign-ins.
func me(user, csrf string) pages.Me {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	m := pages.Me{
		UserName: user, CSRF: csrf, Now: now, Stay: pages.StayOffer, KeptIdle: 90 * day, KeptMax: 179*day + 20*time.Hour,
		Remembered: pages.RememberedNo, SignInsKept: true, MoreSignIns: true,
		Sessions: []pages.MySession{
			{
				ID: "hK3vQm8s_a", This: true, Bound: true, Browser: "Firefox", System: "Windows", Form: pages.FormComputer, Place: "head office",
				Apps: []string{"wiki", "time-sheets"}, First: now.Add(-4 * time.Hour), Last: now.Add(-20 * time.Minute),
				EndsUnused: now.Add(day - 20*time.Minute), EndsLatest: now.Add(7*day - 4*time.Hour),
			},
			{
				ID: "9dZ-Lw2xPq", Persistent: true, Bound: true, Browser: "Safari", System: "iPhone", Form: pages.FormPhone, Place: "2001:db8:85a3::8a2e:370:7334",
				Apps: []string{"wiki"}, First: now.Add(-30 * day), Last: now.Add(-2 * day),
				EndsUnused: now.Add(88 * day), EndsLatest: now.Add(150 * day),
			},
			{
				ID: "t0FJb7yRcE", System: "Linux", First: now.Add(-5 * day), Last: now.Add(-5 * day),
				EndsUnused: now.Add(time.Hour), EndsLatest: now.Add(2 * day),
			},
		},
	}
	for i, s := range []pages.MySignIn{
		{Outcome: pages.OutcomeSignedIn, App: "wiki", Browser: "Firefox", System: "Windows", Place: "head office"},
		{Outcome: pages.OutcomeUnanswered, Code: 50140, App: "wiki", Browser: "Safari", System: "iPhone", Place: "198.51.100.7"},
		{Outcome: pages.OutcomeBlocked, Code: 53003, App: "payroll", Place: "203.0.113.5"},
		{Outcome: pages.OutcomeEndedByProvider, Why: pages.WhySessions, Code: 50173},
		{Outcome: pages.OutcomeAgain, Why: pages.WhyCredential, Code: 70046},
		{Outcome: pages.OutcomeStronger, Code: 50076, App: "time-sheets", Browser: "Edge", System: "Windows"},
	} {
		s.Time = now.Add(-time.Duration(i*i*7+4) * time.Hour)
		m.SignIns = append(m.SignIns, s)
	}
	return m
}

// meTokens is the page of a user with tokens for programs, one of which was never used.
func meTokens(user, csrf string) pages.Me {
	const day = 24 * time.Hour
	m := me(user, csrf)
	now := m.Now
	m.Sessions, m.SignIns, m.MoreSignIns, m.Remembered = m.Sessions[:1], nil, false, ""
	m.TokensOn, m.HeldTokens = true, 3
	m.Tokens = []pages.MyToken{
		{
			ID: "q7LmZ0aXwB", Name: "git on the laptop", App: "code", Created: now.Add(-20 * day), Expires: now.Add(70 * day), Used: now.Add(-3 * time.Hour),
			Place: "2001:db8:85a3::8a2e:370:7334",
		},
		{ID: "Vd2_r9KsUe", Name: "التقويم", App: "calendar", Created: now.Add(-time.Hour), Expires: now.Add(364 * day)},
	}
	return m
}
