package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Each policy misses by one thing; Explain names it (W2, W3, R2).
func TestExplainFirstUnmet(t *testing.T) {
	type a = policy.Assignment
	type when = policy.Conditions
	for _, tc := range []struct {
		want     string
		excluded bool
		p        policy.Policy
	}{
		{"", false, policy.Policy{}},
		{"policyNotEnabled", false, policy.Policy{Mode: policy.Off}},
		{"users", false, policy.Policy{Include: a{Groups: []string{"x"}}}},
		{"users", true, policy.Policy{Exclude: a{Users: []string{"alice"}}}},
		{"users", true, policy.Policy{Include: a{Groups: []string{"x"}}, Exclude: a{Users: []string{"alice"}}}},
		{"application", false, policy.Policy{Include: a{Apps: []string{"admin"}}}},
		{"application", true, policy.Policy{Exclude: a{Apps: []string{"wiki"}}}},
		{"location", false, policy.Policy{Include: a{Networks: []string{"office"}}}},
		{"location", true, policy.Policy{Exclude: a{Networks: []string{"vpn"}}}},
		{"devicePlatform", false, policy.Policy{Conditions: when{Platforms: []policy.Platform{policy.Android}}}},
		{"clientApps", false, policy.Policy{Conditions: when{Clients: []policy.Client{policy.Other}}}},
		{"signInRisk", false, policy.Policy{Conditions: when{SignInRisk: []policy.Risk{policy.RiskHigh}}}},
		{"userRisk", false, policy.Policy{Conditions: when{UserRisk: []policy.Risk{policy.RiskHigh}}}},
		{"devices", false, policy.Policy{Conditions: when{Devices: []policy.DeviceCondition{{Attribute: policy.Managed}}}}},
		{"devices", false, policy.Policy{Conditions: when{Devices: []policy.DeviceCondition{{Attribute: policy.Bound}}}}},
		{"match", false, policy.Policy{Matcher: 1}},
		{"users", false, policy.Policy{Include: a{Users: []string{"bob"}}, Conditions: when{Platforms: []policy.Platform{policy.Android}}}},
	} {
		name := tc.want
		if tc.excluded {
			name += " excluded"
		}
		t.Run(name, func(t *testing.T) {
			tc.p.Name, tc.p.Block = "p", true
			set := compile(t, policy.Config{Networks: networks, Policies: []policy.Policy{tc.p}})
			r := ask(set, alice())
			at("10.8.0.1")(r)
			r.Match = policy.MatchFunc(func(policy.MatcherID) (bool, error) { return false, nil })
			_, outcomes := set.Explain(r)
			if len(outcomes) != 1 {
				t.Fatalf("got %d outcomes", len(outcomes))
			}
			o := outcomes[0]
			if got := o.Unmet.First(); got != tc.want {
				t.Errorf("got %q (%v), want %q", got, o.Unmet, tc.want)
			}
			if (o.Excluded != 0) != tc.excluded {
				t.Errorf("got excluded %v", o.Excluded)
			}
			want := policy.ResultNotApplied
			switch tc.want {
			case "":
				want = policy.ResultFailure
			case "policyNotEnabled":
				want = policy.ResultNotEnabled
			}
			if o.Result != want {
				t.Errorf("got %v, want %v", o.Result, want)
			}
		})
	}
}

// All conditions that are not met are listed, not just the first (L4).
func TestExplainLists(t *testing.T) {
	set := compile(t, policy.Config{Networks: networks, Policies: []policy.Policy{{
		Name: "p", Block: true,
		Include:    policy.Assignment{Users: []string{"bob"}, Networks: []string{"office"}},
		Conditions: policy.Conditions{Platforms: []policy.Platform{policy.Android}},
	}}})
	_, outcomes := set.Explain(ask(set, alice()))
	if got := outcomes[0].Unmet.String(); got != "users,location,devicePlatform" {
		t.Errorf("got %s", got)
	}
	_, outcomes = set.Explain(anonymous())
	if got := outcomes[0].Unmet.String(); got != "location,devicePlatform,notEnoughInformation" {
		t.Errorf("anonymous: got %s", got)
	}
}

// O1: the four results of a report-only policy, and no influence of any (B6, O4).
func TestReportOnly(t *testing.T) {
	broken := policy.MatchFunc(func(policy.MatcherID) (bool, error) { return false, errors.New("broken") })
	for _, tc := range []struct {
		name string
		p    policy.Policy
		want policy.Result
	}{
		{"session controls", policy.Policy{PersistentBrowser: policy.Never, MaxIdle: time.Second}, policy.ResultReportOnlySuccess},
		{"frequency, met", frequency("", time.Hour), policy.ResultReportOnlySuccess},
		{"block", policy.Policy{Block: true}, policy.ResultReportOnlyFailure},
		{"device", require("", compliant), policy.ResultReportOnlyFailure},
		{"device and mfa", require("", compliant, mfa), policy.ResultReportOnlyFailure},
		{"binding", require("", binding), policy.ResultReportOnlyFailure},
		{"binding or mfa", requireAny("", binding, mfa), policy.ResultReportOnlyInterrupted},
		{"error", policy.Policy{Block: true, Matcher: 1}, policy.ResultReportOnlyFailure},
		{"mfa", require("", mfa), policy.ResultReportOnlyInterrupted},
		{"device or mfa", requireAny("", compliant, mfa), policy.ResultReportOnlyInterrupted},
		{"frequency, not met", frequency("", time.Second), policy.ResultReportOnlyInterrupted},
		{"somebody else", policy.Policy{Block: true, Include: policy.Assignment{Users: []string{"bob"}}}, policy.ResultReportOnlyNotApplied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.p.Name, tc.p.Mode = "p", policy.ReportOnly
			set := compile(t, policy.Config{Policies: []policy.Policy{tc.p}})
			r := ask(set, alice())
			r.Match = broken
			d, outcomes := set.Explain(r)
			if d.Verdict != policy.Allow || d.Status != policy.StatusNotApplied || d.Code != 0 || d.Err != nil ||
				d.MaxIdle != 0 || d.PersistentBrowser != policy.Unset || d.Policies() != nil {
				t.Errorf("it has influence: %+v", d)
			}
			if outcomes[0].Result != tc.want {
				t.Errorf("got %v, want %v", outcomes[0].Result, tc.want)
			}
			if applied := tc.want != policy.ResultReportOnlyNotApplied; len(results(&d)) == 1 != applied {
				t.Errorf("Evaluate reports %v", results(&d))
			}
		})
	}
}

// Before the sign-in nothing is known about the device: a policy that asks for one would ask for the sign-in.
func TestReportOnlyAnonymous(t *testing.T) {
	p := require("p", compliant)
	p.Mode = policy.ReportOnly
	set := compile(t, policy.Config{Policies: []policy.Policy{p}})
	d := set.Evaluate(anonymous())
	if d.Verdict != policy.SignIn || len(results(&d)) != 1 || results(&d)[0] != policy.ResultReportOnlyInterrupted {
		t.Errorf("got %v, %v", d.Verdict, results(&d))
	}
}

func results(d *policy.Decision) (list []policy.Result) {
	for o := range d.Applied {
		list = append(list, o.Result)
	}
	return list
}

func TestExplainControls(t *testing.T) {
	set := compile(t, policy.Config{Policies: []policy.Policy{{
		Name: "p", Require: []policy.Requirement{mfa}, RequireAny: []policy.Requirement{acr("c1"), compliant},
		SignInFrequency: policy.Frequency{Interval: time.Hour}, PersistentBrowser: policy.Never, MaxIdle: time.Minute,
	}}})
	r := ask(set, alice())
	r.Auth.AuthTime = time.Time{}
	d, outcomes := set.Explain(r)
	o := outcomes[0]
	if got := o.Missing.String(); got != "mfa,acr,sign_in_frequency" {
		t.Errorf("got missing %s", got)
	}
	wantStrings(t, o.Grants, "mfa", "any of acr:c1 compliant_device")
	wantStrings(t, o.Sessions, "sign_in_frequency 1h0m0s", "persistent_browser never", "max_idle 1m0s")
	if d.Reason != policy.MFARequired || d.PersistentBrowser != policy.Never {
		t.Errorf("got %s, %v", d.Reason, d.PersistentBrowser)
	}
}

func wantStrings(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Policies of other sites are none of a request's business.
func TestExplainLeavesOutOtherSites(t *testing.T) {
	set := compile(t, policy.Config{Sites: []policy.Site{
		{App: "wiki", Policies: []policy.Policy{require("w", mfa)}},
		{App: "admin", Policies: []policy.Policy{{Name: "a", Block: true}}},
	}})
	d, outcomes := set.Explain(ask(set, alice()))
	if len(outcomes) != 1 || outcomes[0].Policy != "w" || outcomes[0].Site != "wiki" || d.Reason != policy.MFARequired {
		t.Errorf("got %s, %+v", d.Reason, outcomes)
	}
}

// More policies than a decision holds without allocating.
func TestManyPoliciesApply(t *testing.T) {
	var ps []policy.Policy
	for i := range 20 {
		ps = append(ps, require(string(rune('a'+i)), acr(string(rune('a'+i)))))
	}
	set := compile(t, policy.Config{Policies: ps})
	d := set.Evaluate(ask(set, alice()))
	if n := len(d.Policies()); n != 20 || len(d.Demand.ACRs) != 20 || d.Policies()[19] != "t" {
		t.Errorf("got %d policies %v", n, d.Policies())
	}
}
