package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/policy"
)

func TestLint(t *testing.T) {
	type a = policy.Assignment
	type c = policy.Conditions
	type p = policy.Policy
	networks := []policy.Network{
		{Name: "office", Trusted: true, Prefixes: prefixes("203.0.113.0/24", "2001:db8:40::/48")},
		{Name: "desk", Prefixes: prefixes("203.0.113.7/32")},
		{Name: "mapped", Prefixes: prefixes("::ffff:203.0.113.0/120")},
		{Name: "home", Prefixes: prefixes("198.51.100.0/24")},
		{Name: "world", Prefixes: prefixes("0.0.0.0/0", "::/0")},
		{Name: "half", Prefixes: prefixes("0.0.0.0/0")},
	}
	allPlatforms := []policy.Platform{policy.PlatformUnknown, policy.Android, policy.IOS, policy.Windows, policy.MacOS, policy.Linux}
	device := func(attribute policy.Attribute, not bool) c {
		return c{Devices: []policy.DeviceCondition{{Attribute: attribute, Not: not}}}
	}
	mfas, devices := []policy.Requirement{mfa}, []policy.Requirement{compliant}
	for _, tt := range []struct {
		name     string
		policies []p
		site     []p
		want     []string // the policy and a part of what is said
	}{
		{"nothing to say", []p{
			{Name: "block", Block: true, Include: a{Groups: []string{"contractors"}}, Exclude: a{Networks: []string{"office"}}},
			{Name: "mfa", Require: mfas, Include: a{Groups: []string{"admins"}}},
			{Name: "often", SignInFrequency: policy.Frequency{Interval: time.Hour}, MaxIdle: 10 * time.Minute, Include: a{Apps: []string{"payroll"}}},
		}, nil, nil},
		{
			"a network within an excluded one",
			[]p{{Name: "p", Require: mfas, Include: a{Networks: []string{"desk"}}, Exclude: a{Networks: []string{"office"}}}},
			nil,
			[]string{"p: it never applies: every network that it includes"},
		},
		{
			"a network within a trusted one",
			[]p{{Name: "p", Require: mfas, Include: a{Networks: []string{"desk"}}, Exclude: a{Networks: []string{"trusted"}}}},
			nil,
			[]string{"p: it never applies"},
		},
		{
			"IPv4 in another spelling",
			[]p{{Name: "p", Require: mfas, Include: a{Networks: []string{"desk"}}, Exclude: a{Networks: []string{"mapped"}}}},
			nil,
			[]string{"p: it never applies"},
		},
		{"a network of which a part is excluded", []p{{Name: "p", Require: mfas, Include: a{Networks: []string{"office"}}, Exclude: a{Networks: []string{"desk"}}}}, nil, nil},
		{"one network of two", []p{{Name: "p", Require: mfas, Include: a{Networks: []string{"desk", "home"}}, Exclude: a{Networks: []string{"office"}}}}, nil, nil},
		{"the world is excluded", []p{{Name: "p", Require: mfas, Exclude: a{Networks: []string{"world"}}}}, nil, []string{"p: it never applies: the networks"}},
		{"half of the world", []p{{Name: "p", Require: mfas, Exclude: a{Networks: []string{"half"}}}}, nil, nil},

		{"every platform", []p{{Name: "p", Require: mfas, Conditions: c{Platforms: allPlatforms}}}, nil, []string{"p: when platform lists all"}},
		{"every platform but one", []p{{Name: "p", Require: mfas, Conditions: c{Platforms: allPlatforms[1:]}}}, nil, nil},
		{"both clients", []p{{Name: "p", Require: mfas, Conditions: c{Clients: []policy.Client{policy.Browser, policy.Other}}}}, nil, []string{"p: when client lists all"}},
		{"one client twice", []p{{Name: "p", Require: mfas, Conditions: c{Clients: []policy.Client{policy.Browser, policy.Browser}}}}, nil, nil},

		{"a device that is not what it must be", []p{{Name: "p", Require: devices, Conditions: device(policy.Compliant, true)}}, nil, []string{"p: no user can satisfy it"}},
		{"the same with a choice", []p{{Name: "p", RequireAny: []policy.Requirement{compliant, mfa}, Conditions: device(policy.Compliant, true)}}, nil, nil},
		{"a choice of one", []p{{Name: "p", RequireAny: devices, Conditions: device(policy.Compliant, true)}}, nil, []string{"p: no user can satisfy it"}},
		{"another property of the device", []p{{Name: "p", Require: devices, Conditions: device(policy.Managed, true)}}, nil, nil},
		{"a device that is what it must be", []p{{Name: "p", Require: devices, Conditions: device(policy.Compliant, false)}}, nil, []string{"p: it applies to compliant devices only"}},
		{"a bound session that must be bound", []p{{Name: "p", Require: []policy.Requirement{binding}, Conditions: device(policy.Bound, false)}}, nil, []string{"p: it applies to bound sessions only"}},
		{"a choice of a bound session", []p{{Name: "p", RequireAny: []policy.Requirement{mfa, binding}, Conditions: device(policy.Bound, false)}}, nil, []string{"p: it applies to bound sessions only"}},
		{"a session that is not bound and must be", []p{{Name: "p", Require: []policy.Requirement{binding}, Conditions: device(policy.Bound, true)}}, nil, []string{"p: when device not bound has no effect beside bound_session"}},
		{"a session that is not bound", []p{{Name: "p", Require: mfas, Conditions: device(policy.Bound, true)}}, nil, nil},
		{"an idle limit that comes too late", []p{{Name: "p", SignInFrequency: policy.Frequency{Interval: time.Hour}, MaxIdle: time.Hour}}, nil, []string{"p: max_idle 1h0m0s has no effect"}},
		{"an idle limit beside every time", []p{{Name: "p", SignInFrequency: policy.Frequency{EveryTime: true}, MaxIdle: 5 * time.Minute}}, nil, []string{"p: max_idle 5m0s has no effect"}},

		{"R11 a lock-out", []p{{Name: "p", Block: true}}, nil, []string{"p: it locks all users out at every site,"}},
		{"R11 to come", []p{{Name: "p", Block: true, Mode: policy.ReportOnly, Include: a{All: true}}}, nil, []string{"p: it locks all users out at every site, once it is on,"}},
		{"R11 over all networks", []p{{Name: "p", Block: true, Include: a{Networks: []string{"world"}}}}, nil, []string{"p: it locks all users out"}},
		{"R11 at a site", nil, []p{{Name: "p", Block: true}}, []string{"wiki p: it locks all users out at this site"}},
		{"R11 an exclusion", []p{{Name: "p", Block: true, Exclude: a{Users: []string{"break-glass"}}}}, nil, nil},
		{"R11 an exclusion by network", []p{{Name: "p", Block: true, Exclude: a{Networks: []string{"office"}}}}, nil, nil},
		{"R11 some networks", []p{{Name: "p", Block: true, Include: a{Networks: []string{"half"}}}}, nil, nil},
		{"R11 one app", []p{{Name: "p", Block: true, Include: a{Apps: []string{"old"}}}}, nil, nil},
		{"R11 a condition", []p{{Name: "p", Block: true, Conditions: c{Clients: []policy.Client{policy.Other}}}}, nil, nil},
		{"R11 some requests", []p{{Name: "p", Block: true, Matcher: 1}}, nil, nil},
		{"R11 off", []p{{Name: "p", Block: true, Mode: policy.Off}}, nil, nil},

		{"behind a block", []p{
			{Name: "p", Require: mfas, Include: a{Groups: []string{"g"}}},
			{Name: "q", Block: true, Include: a{Groups: []string{"g", "h"}}},
		}, nil, []string{`p: it has no effect: policy "q" blocks`}},
		{"behind a block that is not on", []p{
			{Name: "p", Require: mfas, Include: a{Groups: []string{"g"}}},
			{Name: "q", Mode: policy.ReportOnly, Block: true, Include: a{Groups: []string{"g", "h"}}},
		}, nil, nil},
		{"behind a block with an exclusion of its own", []p{
			{Name: "p", Require: mfas, Include: a{Groups: []string{"g"}}},
			{Name: "q", Block: true, Include: a{Groups: []string{"g"}}, Exclude: a{Users: []string{"u"}}},
		}, nil, nil},
		{"behind a block with the same exclusion", []p{
			{Name: "p", Require: mfas, Include: a{Groups: []string{"g"}}, Exclude: a{Users: []string{"u", "v"}}},
			{Name: "q", Block: true, Include: a{Groups: []string{"g"}}, Exclude: a{Users: []string{"u"}}},
		}, nil, []string{"p: it has no effect"}},
		{"behind a block for somebody else", []p{
			{Name: "p", Require: mfas},
			{Name: "q", Block: true, Include: a{Groups: []string{"g"}}},
		}, nil, nil},
		{"two equal ones", []p{
			{Name: "p", Require: mfas}, {Name: "q", Require: mfas},
		}, nil, []string{`q: it adds nothing: policy "p" asks`}},
		{"less than another asks", []p{
			{Name: "p", SignInFrequency: policy.Frequency{Interval: 2 * time.Hour}, MaxIdle: time.Hour, Include: a{Groups: []string{"g"}}},
			{Name: "q", SignInFrequency: policy.Frequency{Interval: time.Hour}, MaxIdle: time.Minute, Require: mfas},
		}, nil, []string{"p: it adds nothing"}},
		{"a choice that is taken", []p{
			{Name: "p", RequireAny: []policy.Requirement{compliant, mfa}, Include: a{Groups: []string{"g"}}},
			{Name: "q", Require: mfas},
		}, nil, []string{"p: it adds nothing"}},
		{"an outvoted word on persistence", []p{
			{Name: "p", PersistentBrowser: policy.Always, Include: a{Groups: []string{"g"}}},
			{Name: "q", PersistentBrowser: policy.Never},
		}, nil, []string{"p: it adds nothing"}},
		{"every time is more than often", []p{
			{Name: "p", SignInFrequency: policy.Frequency{EveryTime: true}, Include: a{Groups: []string{"g"}}},
			{Name: "q", SignInFrequency: policy.Frequency{Interval: time.Minute}},
		}, nil, nil},
		{"an app that the other leaves out", []p{
			{Name: "p", Require: mfas, Include: a{Apps: []string{"wiki"}}},
			{Name: "q", Require: mfas, Exclude: a{Apps: []string{"wiki"}}, SignInFrequency: policy.Frequency{Interval: time.Minute}},
		}, nil, nil},
		{
			"at a site",
			[]p{{Name: "q", Require: mfas, Include: a{Apps: []string{"wiki"}}}},
			[]p{{Name: "p", Require: mfas, Matcher: 2}},
			[]string{`wiki p: it adds nothing: policy "q"`},
		},
		{"at another site", []p{{Name: "q", Require: mfas, Include: a{Apps: []string{"admin"}}}}, []p{{Name: "p", Require: mfas}}, nil},
		{"a site does not shadow all of them", []p{{Name: "p", Require: mfas}}, []p{{Name: "q", Block: true, Exclude: a{Users: []string{"u"}}}}, nil},
		{"requests of another kind", []p{{Name: "p", Require: mfas, Matcher: 1}, {Name: "q", Block: true, Matcher: 2}}, nil, nil},
		{"off", []p{{Name: "p", Mode: policy.Off, Require: mfas}, {Name: "q", Require: mfas}}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := policy.Config{Networks: networks, Policies: tt.policies, Sites: []policy.Site{{App: "admin"}, {App: "wiki", Policies: tt.site}}}
			compile(t, cfg)
			found := policy.Lint(cfg)
			for i, f := range found {
				text := strings.TrimSpace(f.Site + " " + f.Policy + ": " + f.Problem)
				if i >= len(tt.want) || !strings.HasPrefix(text, tt.want[i]) {
					t.Errorf("found %q", text)
				}
			}
			if len(found) < len(tt.want) {
				t.Errorf("found %v, want %q", found, tt.want)
			}
			if own := policy.NewSiteLinter(cfg.Networks, cfg.Policies).Lint(&cfg.Sites[1]); !slices.EqualFunc(own, found, func(a, b policy.Finding) bool { return a == b }) && len(tt.policies) == 0 {
				t.Errorf("of the site alone: %v", own)
			}
		})
	}
}

func TestFindingsSayWhere(t *testing.T) {
	f := policy.Finding{Position: "Caddyfile:7", Site: "wiki", Policy: "p", Problem: "it never applies"}
	if got, want := f.String(), `Caddyfile:7: site "wiki": policy "p": it never applies`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	cfg := policy.Config{Policies: []policy.Policy{{Name: "p", Position: "Caddyfile:7", Block: true}}}
	if found := policy.Lint(cfg); len(found) != 1 || found[0].Position != "Caddyfile:7" {
		t.Errorf("found %v", found)
	}
}

func TestLintProviders(t *testing.T) {
	type a = policy.Assignment
	type p = policy.Policy
	full := policy.Provider{Name: "full", Guests: true, Compliant: true, Managed: true, Shared: true, SignInRisk: true, UserRisk: true}
	bare := policy.Provider{Name: "bare", NoMFA: "it has none"}
	when := func(c policy.Conditions) p {
		return p{Name: "p", Require: []policy.Requirement{acr("c1")}, Conditions: c}
	}
	device := func(attribute policy.Attribute, not bool) p {
		return when(policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: attribute, Not: not}}})
	}
	shared := []policy.Network{{Name: "kiosks", Shared: true, Prefixes: prefixes("192.0.2.0/24")}}
	high, unknown := []policy.Risk{policy.RiskHigh}, []policy.Risk{policy.RiskHigh, policy.RiskUnknown}
	for _, tt := range []struct {
		name      string
		policy    p
		networks  []policy.Network
		providers []policy.Provider
		want      string
	}{
		{"guests", p{Name: "p", Block: true, Include: a{Guests: true}}, nil, []policy.Provider{bare}, "it never applies: no provider says who is a guest (guest_claim)"},
		{"guests and others", p{Name: "p", Block: true, Include: a{Guests: true, Groups: []string{"g"}}}, nil, []policy.Provider{bare}, "it includes guests, but"},
		{"but for guests", p{Name: "p", Block: true, Exclude: a{Guests: true}}, nil, []policy.Provider{bare}, "it excludes guests, but"},
		{"guests of one provider", p{Name: "p", Block: true, Include: a{Guests: true}}, nil, []policy.Provider{bare, full}, ""},
		{"guests, of another provider", p{Name: "p", Block: true, Include: a{Guests: true}, Exclude: a{Providers: []string{"full"}}}, nil, []policy.Provider{bare, full}, "it never applies: no provider says"},
		{"no provider is left", p{Name: "p", Block: true, Exclude: a{Providers: []string{"full", "bare"}}}, nil, []policy.Provider{bare, full}, "it never applies: it excludes every provider"},
		{"risk of a sign-in", when(policy.Conditions{SignInRisk: high}), nil, []policy.Provider{bare}, "it never applies: no provider states the risk (risk_claim sign_in)"},
		{"risk of a person", when(policy.Conditions{UserRisk: high}), nil, []policy.Provider{bare}, "it never applies: no provider states the risk (risk_claim user)"},
		{"risk, stated", when(policy.Conditions{UserRisk: high, SignInRisk: high}), nil, []policy.Provider{bare, full}, ""},
		{"risk or none stated", when(policy.Conditions{UserRisk: unknown}), nil, []policy.Provider{bare}, "when risk user always holds"},
		{"managed", device(policy.Managed, false), nil, []policy.Provider{bare}, "it never applies: no provider says which devices are managed (device_claim managed)"},
		{"P12 not managed", device(policy.Managed, true), nil, []policy.Provider{bare}, "when device not managed always holds"},
		{"managed, stated", device(policy.Managed, false), nil, []policy.Provider{full}, ""},
		{"bound", device(policy.Bound, true), nil, []policy.Provider{bare}, ""},
		{"shared", device(policy.Shared, false), nil, []policy.Provider{bare}, "it never applies"},
		{"shared by network", device(policy.Shared, false), shared, []policy.Provider{bare}, ""},
		{"mfa", require("p", mfa), nil, []policy.Provider{full, bare}, `no user who signs in at provider "bare" can satisfy it: it has none`},
		{"mfa, off", p{Name: "p", Mode: policy.Off, Require: []policy.Requirement{mfa}}, nil, []policy.Provider{bare}, ""},
		{"mfa of others", p{Name: "p", Require: []policy.Requirement{mfa}, Include: a{Providers: []string{"full"}}}, nil, []policy.Provider{full, bare}, ""},
		{"a compliant device", require("p", compliant), nil, []policy.Provider{bare}, `no user who signs in at provider "bare" can satisfy it: it does not say`},
		{"a choice", p{Name: "p", RequireAny: []policy.Requirement{mfa, acr("c1")}}, nil, []policy.Provider{bare}, ""},
		{"a choice of nothing", p{Name: "p", RequireAny: []policy.Requirement{mfa, compliant}}, nil, []policy.Provider{bare}, "no user who signs in"},
		{"a choice, the other way round", p{Name: "p", RequireAny: []policy.Requirement{acr("c1"), mfa}}, nil, []policy.Provider{bare}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, cfg := range map[string]policy.Config{
				"":     {Networks: tt.networks, Policies: []p{tt.policy}},
				"wiki": {Networks: tt.networks, Sites: []policy.Site{{App: "wiki", Policies: []p{tt.policy}}}},
			} {
				found := policy.LintProviders(cfg, tt.providers)
				switch {
				case tt.want == "" && len(found) > 0, tt.want != "" && len(found) != 1:
					t.Errorf("found %v, want %q", found, tt.want)
				case tt.want != "" && (!strings.HasPrefix(found[0].Problem, tt.want) || found[0].Policy != "p" || found[0].Site != name):
					t.Errorf("found %v, want %q", found, tt.want)
				}
			}
		})
	}
}

// widened drops some of what narrows a policy down.
func widened(t *rapid.T, p policy.Policy) policy.Policy {
	drop := func(label string) bool { return rapid.Bool().Draw(t, label) }
	if drop("people") {
		p.Include = policy.Assignment{Apps: p.Include.Apps, Networks: p.Include.Networks}
	}
	if drop("networks") {
		p.Include.Networks = nil
	}
	if drop("exclusions") {
		p.Exclude = policy.Assignment{Apps: p.Exclude.Apps, Groups: p.Exclude.Groups}
	}
	if drop("conditions") {
		p.Conditions = policy.Conditions{Devices: p.Conditions.Devices}
	}
	if drop("devices") {
		p.Conditions.Devices = nil
	}
	if drop("matcher") {
		p.Matcher = 0
	}
	return p
}

// What Lint says is so: a policy that has no effect can be taken away without a change, one that never applies does
// not, one that no user can satisfy refuses, and one that locks all users out does. Lint also finds them.
func TestPropertyLintIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		shadowed := drawPolicy(t, "narrow", false)
		wide := widened(t, shadowed)
		wide.Name, wide.Mode = "wide", policy.On
		if rapid.Bool().Draw(t, "block") && !wide.Block {
			wide = policy.Policy{Name: "wide", Include: wide.Include, Exclude: wide.Exclude, Conditions: wide.Conditions, Matcher: wide.Matcher, Block: true}
		}
		cfg.Policies = append(cfg.Policies, wide, shadowed)
		u, r := drawUser(t), drawRequest(t)
		// A matcher that fails is an effect as well, of which Lint knows nothing.
		r.Match = policy.MatchFunc(func(id policy.MatcherID) (bool, error) { return id == 1, nil })
		set := compileRandom(t, cfg)
		found := policy.Lint(cfg)
		said := false
		for _, f := range found {
			said = said || f.Policy == "narrow" && f.Site == ""
			holdFinding(t, f, cfg, set, u, r)
		}
		if !said && shadowed.Mode != policy.Off {
			t.Fatalf("nothing is said of a policy that another shadows: %v", found)
		}
	})
}

func holdFinding(t *rapid.T, f policy.Finding, cfg policy.Config, set *policy.Set, u *policy.User, r *policy.Request) {
	before := evaluate(set, u, r)
	_, outcomes := set.Explain(r)
	i := slices.IndexFunc(outcomes, func(o policy.Outcome) bool { return o.Policy == f.Policy && o.Site == f.Site })
	if i < 0 {
		return // of another site
	}
	o := outcomes[i]
	switch {
	case strings.Contains(f.Problem, "no effect: policy"), strings.Contains(f.Problem, "adds nothing"):
		after := evaluate(compileRandom(t, leftOut(cfg, f)), u, r)
		controls := before.PersistentBrowser != after.PersistentBrowser || before.MaxIdle != after.MaxIdle || before.Frequency != after.Frequency
		if before.Verdict != after.Verdict || before.Verdict != policy.Block && controls {
			t.Fatalf("%v: without it %v instead of %v", f, after.Verdict, before.Verdict)
		}
	case strings.Contains(f.Problem, "never applies"):
		if r.IP.IsValid() && o.Unmet == 0 {
			t.Fatalf("%v: it does", f)
		}
	case strings.Contains(f.Problem, "no user can satisfy"):
		if o.Unmet == 0 && (o.Result == policy.ResultSuccess || o.Result == policy.ResultReportOnlySuccess) {
			t.Fatalf("%v: %v", f, o.Result)
		}
	case strings.Contains(f.Problem, "locks all users out"):
		if o.Mode == policy.On && before.Verdict != policy.Block {
			t.Fatalf("%v: %v", f, before.Verdict)
		}
	}
}

// leftOut is cfg without the policy of a finding.
func leftOut(cfg policy.Config, f policy.Finding) policy.Config {
	that := func(p policy.Policy) bool { return p.Name == f.Policy }
	cfg.Policies, cfg.Sites = slices.Clone(cfg.Policies), slices.Clone(cfg.Sites)
	if f.Site == "" {
		cfg.Policies = slices.DeleteFunc(cfg.Policies, that)
		return cfg
	}
	for i := range cfg.Sites {
		if cfg.Sites[i].App == f.Site {
			cfg.Sites[i].Policies = slices.DeleteFunc(slices.Clone(cfg.Sites[i].Policies), that)
		}
	}
	return cfg
}

// A thousand policies are linted in well under a second: it happens at every load.
func TestLintTakesNoTime(t *testing.T) {
	cfg := policy.Config{Networks: []policy.Network{{Name: "n", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}}
	for i := range 1000 {
		cfg.Policies = append(cfg.Policies, policy.Policy{
			Name: "p" + strings.Repeat("x", i), Require: []policy.Requirement{mfa},
			Include: policy.Assignment{Groups: []string{strings.Repeat("g", i+1)}, Networks: []string{"n"}},
		})
	}
	start := time.Now()
	if found := policy.Lint(cfg); len(found) > 0 {
		t.Errorf("found %v", found[0])
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
