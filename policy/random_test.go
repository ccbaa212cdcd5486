package policy_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Small alphabets, so that random requests meet random policies.
var (
	someGroups    = []string{"g1", "g2", "g3", "g4"}
	someUsers     = []string{"u1", "K2", "u3@one.example", "sub-1"}
	someDomains   = []string{"one.example", "Two.Example", "a.one.example"}
	someProviders = []string{"p1", "p2"}
	someApps      = []string{"a1", "a2", "a3"}
	someNetworks  = []policy.Network{
		{Name: "n1", Trusted: true, Prefixes: prefixes("10.0.0.0/8", "2001:db8::/32")},
		{Name: "n2", Shared: true, Prefixes: prefixes("10.1.0.0/16", "2001:db8:1::/48")},
		{Name: "n3", Prefixes: prefixes("10.1.1.0/24", "192.0.2.0/24")},
	}
	someIPs = []string{
		"", "10.9.9.9", "10.1.9.9", "10.1.1.9", "::ffff:10.1.1.9", "192.0.2.1", "2001:db8:1::1", "198.51.100.1",
	}
	// someNames are what people are called: in another case, with a letter that resembles another, with a domain.
	someNames = []string{
		"u1", "U1", "k2", string(kelvin) + "2", "u3@one.example", "U3@ONE.example.", "u4@two.example", "u5@A.One.Example",
		"one.example@other.example",
	}
	errMatcher = errors.New("broken matcher")
)

// kelvin is not a K and equal to it without case.
const kelvin = '\u212a'

func draw[T any](t *rapid.T, label string, list []T) T {
	return rapid.SampledFrom(list).Draw(t, label)
}

// some draws few elements of a list, mostly none.
func some[T comparable](t *rapid.T, label string, list []T) []T {
	if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, 2, rapid.ID[T]).Draw(t, label)
}

func drawAssignment(t *rapid.T, label string, site bool) policy.Assignment {
	a := policy.Assignment{
		Groups:    some(t, label+" groups", someGroups),
		Users:     some(t, label+" users", someUsers),
		Providers: some(t, label+" providers", someProviders),
		Domains:   some(t, label+" domains", someDomains),
		Networks:  some(t, label+" networks", []string{"n1", "n2", "n3", policy.TrustedNetworks}),
		Guests:    rapid.IntRange(0, 5).Draw(t, label+" guests") == 0,
	}
	for _, provider := range some(t, label+" from", append(someProviders, "p3")) {
		a.Of = append(a.Of, policy.PeopleOf{
			Provider: provider,
			Groups:   some(t, label+" groups from", someGroups),
			Users:    some(t, label+" users from", someUsers),
			Domains:  append(some(t, label+" domains from", someDomains), "three.example"),
		})
	}
	if !site {
		a.Apps = some(t, label+" apps", someApps)
	}
	return a
}

// without is list without what other has in any case.
func without(list, other []string) []string {
	return slices.DeleteFunc(list, func(s string) bool {
		return slices.ContainsFunc(other, func(o string) bool { return strings.EqualFold(s, o) })
	})
}

// apart takes out of ex whom in names, which no configuration may say.
func apart(in, ex *policy.Assignment) {
	ex.Groups, ex.Users, ex.Providers = without(ex.Groups, in.Groups), without(ex.Users, in.Users), without(ex.Providers, in.Providers)
	ex.Domains = without(ex.Domains, in.Domains)
	ex.Of = slices.DeleteFunc(ex.Of, func(x policy.PeopleOf) bool {
		return slices.ContainsFunc(in.Of, func(i policy.PeopleOf) bool { return i.Provider == x.Provider })
	})
	ex.Apps, ex.Networks = without(ex.Apps, in.Apps), without(ex.Networks, in.Networks)
	ex.Guests = ex.Guests && !in.Guests
}

func drawPolicy(t *rapid.T, name string, site bool) policy.Policy {
	p := policy.Policy{
		Name: name, Mode: draw(t, "mode", []policy.Mode{policy.On, policy.On, policy.On, policy.ReportOnly, policy.Off}),
		Include: drawAssignment(t, "in", site), Exclude: drawAssignment(t, "ex", site),
		Conditions: policy.Conditions{
			Platforms:  some(t, "platforms", []policy.Platform{policy.PlatformUnknown, policy.IOS, policy.Linux}),
			Clients:    some(t, "clients", []policy.Client{policy.Browser, policy.Other}),
			SignInRisk: some(t, "sign-in risk", []policy.Risk{policy.RiskUnknown, policy.RiskLow, policy.RiskHigh}),
			UserRisk:   some(t, "user risk", []policy.Risk{policy.RiskUnknown, policy.RiskLow, policy.RiskHigh}),
		},
	}
	apart(&p.Include, &p.Exclude)
	for _, a := range some(t, "device", []policy.Attribute{policy.Compliant, policy.Managed, policy.Shared, policy.Bound}) {
		p.Conditions.Devices = append(p.Conditions.Devices, policy.DeviceCondition{Attribute: a, Not: rapid.Bool().Draw(t, "not")})
	}
	p.Matcher = draw(t, "matcher", []policy.MatcherID{0, 0, 0, 1, 2, 3})
	drawControls(t, &p, site)
	return p
}

func drawControls(t *rapid.T, p *policy.Policy, site bool) {
	requirements := []policy.Requirement{mfa, acr("c1"), acr("c2"), acr("c3"), binding, compliant}
	switch rapid.IntRange(0, 6).Draw(t, "control") {
	case 0:
		p.Block = true
	case 1:
		p.Require = rapid.SliceOfNDistinct(rapid.SampledFrom(requirements), 1, 2, rapid.ID[policy.Requirement]).Draw(t, "require")
	case 2:
		p.RequireAny = rapid.SliceOfNDistinct(rapid.SampledFrom(requirements), 1, 3, rapid.ID[policy.Requirement]).Draw(t, "require any")
	case 3:
		p.SignInFrequency.Interval = draw(t, "frequency", []time.Duration{time.Minute, time.Hour, 24 * time.Hour})
	case 4:
		p.SignInFrequency.EveryTime = true
	case 5:
		p.MaxIdle = draw(t, "idle", []time.Duration{time.Minute, time.Hour})
	case 6:
		if site || p.Matcher != 0 || len(p.Include.Apps)+len(p.Exclude.Apps) > 0 || dependsOnBinding(p) {
			p.Block = true
			return
		}
		p.PersistentBrowser = draw(t, "persistence", []policy.Persistence{policy.Always, policy.Never})
	}
}

func dependsOnBinding(p *policy.Policy) bool {
	return slices.ContainsFunc(p.Conditions.Devices, func(d policy.DeviceCondition) bool { return d.Attribute == policy.Bound })
}

func drawWho(t *rapid.T, label string) (list []policy.Who) {
	for _, from := range []string{"", "", "p1"} {
		list = append(list, whoOf(from, some(t, label+" groups", someGroups), some(t, label+" users", someUsers), some(t, label+" domains", someDomains))...)
	}
	for _, n := range some(t, label+" providers", someProviders) {
		list = append(list, policy.Who{Kind: policy.WhoProvider, Name: n})
	}
	return list
}

func drawConfig(t *rapid.T) policy.Config {
	cfg := policy.Config{Networks: someNetworks}
	for i := range rapid.IntRange(0, 8).Draw(t, "policies") {
		cfg.Policies = append(cfg.Policies, drawPolicy(t, fmt.Sprintf("t%d", i), false))
	}
	for _, app := range someApps {
		s := policy.Site{App: app, Allow: drawWho(t, "allow"), Deny: drawWho(t, "deny")}
		s.Deny = slices.DeleteFunc(s.Deny, func(w policy.Who) bool { return slices.Contains(s.Allow, w) })
		for i := range rapid.IntRange(0, 2).Draw(t, "site policies") {
			s.Policies = append(s.Policies, drawPolicy(t, fmt.Sprintf("s%d", i), true))
		}
		cfg.Sites = append(cfg.Sites, s)
	}
	return cfg
}

func drawUser(t *rapid.T) *policy.User {
	if rapid.IntRange(0, 7).Draw(t, "anonymous") == 0 {
		return nil
	}
	return drawSignedIn(t)
}

func drawSignedIn(t *rapid.T) *policy.User {
	return &policy.User{
		ID:               draw(t, "id", []string{"sub-1", "SUB-1", "u1"}),
		Names:            rapid.SliceOfNDistinct(rapid.SampledFrom(someNames), 0, 2, rapid.ID[string]).Draw(t, "names"),
		Claimed:          some(t, "claimed", someNames),
		Groups:           rapid.SliceOfDistinct(rapid.SampledFrom(someGroups), rapid.ID[string]).Draw(t, "groups"),
		GroupsKnown:      rapid.IntRange(0, 3).Draw(t, "known") > 0,
		GroupsUnreadable: rapid.Bool().Draw(t, "groups unreadable"),
		Guest:            rapid.Bool().Draw(t, "guest"),
		GuestUnreadable:  rapid.IntRange(0, 3).Draw(t, "guest unreadable") == 0,
		Provider:         draw(t, "provider", someProviders),
	}
}

func drawRequest(t *rapid.T) *policy.Request {
	signals := []policy.Signal{policy.Unknown, policy.No, policy.Yes, policy.Unreadable}
	risks := []policy.Risk{policy.RiskUnknown, policy.RiskLow, policy.RiskHigh, policy.RiskHidden, policy.RiskUnreadable}
	r := &policy.Request{
		App: draw(t, "app", someApps), Time: now,
		Idle:       draw(t, "idle", []time.Duration{0, time.Minute, 2 * time.Hour}),
		Platform:   draw(t, "platform", []policy.Platform{policy.PlatformUnknown, policy.IOS, policy.Linux}),
		Client:     draw(t, "client", []policy.Client{policy.Browser, policy.Other}),
		SignInRisk: draw(t, "sign-in risk", risks), UserRisk: draw(t, "user risk", risks),
		Device: policy.Device{
			Compliant: draw(t, "compliant", signals), Managed: draw(t, "managed", signals), Shared: draw(t, "shared", signals),
			Bound: rapid.Bool().Draw(t, "bound"),
		},
		Auth: policy.Authentication{
			MFA:      rapid.Bool().Draw(t, "mfa"),
			ACRs:     rapid.SliceOfDistinct(rapid.SampledFrom([]string{"c1", "c2", "c3"}), rapid.ID[string]).Draw(t, "acrs"),
			AuthTime: draw(t, "auth_time", []time.Time{{}, now, now.Add(-3 * time.Minute), now.Add(-30 * time.Minute), now.Add(-5 * time.Hour), now.Add(time.Hour)}),
		},
		NoRoute: rapid.IntRange(0, 7).Draw(t, "no route") == 0,
		// 1 matches, 2 does not, 3 fails.
		Match: policy.MatchFunc(func(id policy.MatcherID) (bool, error) {
			if id == 3 {
				return true, errMatcher
			}
			return id == 1, nil
		}),
	}
	if ip := draw(t, "ip", someIPs); ip != "" {
		r.IP = netip.MustParseAddr(ip)
	}
	return r
}
