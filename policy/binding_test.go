package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

// A browser binds a session after the sign-in. So the end of a sign-in refuses no user for want of a binding, and calls
// no policy satisfied that asks for one; the first request decides.
func TestBindingIsOpenAtTheEndOfASignIn(t *testing.T) {
	when := func(not bool) policy.Conditions {
		return policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound, Not: not}}}
	}
	unbound := policy.Policy{Name: "p", Conditions: when(true)}
	bound := policy.Policy{Name: "p", Conditions: when(false)}
	block := func(p policy.Policy) policy.Policy { p.Block = true; return p }
	asks := func(p policy.Policy) policy.Policy { p.Require = []policy.Requirement{mfa}; return p }
	reported := require("p", binding)
	reported.Mode = policy.ReportOnly
	never := require("p", binding)
	never.PersistentBrowser = policy.Never
	for _, tc := range []struct {
		name   string
		p      policy.Policy
		facts  func(*policy.Request)
		end    policy.Reason // at the end of the sign-in
		result policy.Result
		first  policy.Reason // at the first request
	}{
		{"required", require("p", binding), noFacts, policy.Allowed, policy.ResultNotApplied, policy.BindingRequired},
		{"required, bound", require("p", binding), bind, policy.Allowed, policy.ResultSuccess, policy.Allowed},
		{"required, report-only", reported, noFacts, policy.Allowed, policy.ResultReportOnlyNotApplied, policy.Allowed},
		{"one of two", requireAny("p", mfa, binding), noFacts, policy.Allowed, policy.ResultNotApplied, policy.MFARequired},
		{"beside mfa, without it", require("p", mfa, binding), noFacts, policy.MFARequired, policy.ResultFailure, policy.BindingRequired},
		{"beside mfa, with it", require("p", mfa, binding), factMFA, policy.Allowed, policy.ResultSuccess, policy.BindingRequired},
		{"beside a control of the session", never, noFacts, policy.Allowed, policy.ResultSuccess, policy.BindingRequired},
		{"beside a frequency", policy.Policy{Name: "p", Require: []policy.Requirement{binding}, SignInFrequency: policy.Frequency{Interval: time.Minute}}, signedIn(time.Hour), policy.FrequencyRequired, policy.ResultFailure, policy.BindingRequired},
		{"beside a frequency of every time", policy.Policy{Name: "p", Require: []policy.Requirement{binding}, SignInFrequency: policy.Frequency{EveryTime: true}}, signedIn(time.Hour), policy.EveryTimeRequired, policy.ResultFailure, policy.BindingRequired},
		{"a block without one", block(unbound), noFacts, policy.Allowed, policy.ResultNotApplied, policy.Blocked},
		{"a block with one", block(bound), noFacts, policy.Allowed, policy.ResultNotApplied, policy.Allowed},
		{"a block with one, bound", block(bound), bind, policy.Blocked, policy.ResultFailure, policy.Blocked},
		{"mfa without one", asks(unbound), noFacts, policy.Allowed, policy.ResultNotApplied, policy.MFARequired},
		{"mfa without one, which demanded this sign-in", asks(unbound), routed, policy.MFARequired, policy.ResultFailure, policy.MFARequired},
		{"mfa with one, which demanded this sign-in", asks(bound), routed, policy.MFARequired, policy.ResultFailure, policy.Allowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Policies: []policy.Policy{tc.p}})
			r := ask(set, alice())
			tc.facts(r)
			r.NoRoute = true
			d, outcomes := set.Explain(r)
			if d.Reason != tc.end || outcomes[0].Result != tc.result {
				t.Errorf("at the end of the sign-in: got %s, %v, want %s, %v", d.Reason, outcomes[0].Result, tc.end, tc.result)
			}
			if tc.result == policy.ResultNotApplied && outcomes[0].Unmet.String() != "notEnoughInformation" {
				t.Errorf("it does not apply for %v", outcomes[0].Unmet)
			}
			r.NoRoute, r.Routed = false, nil
			if d := set.Evaluate(r); d.Reason != tc.first {
				t.Errorf("at the first request: got %s, want %s", d.Reason, tc.first)
			}
		})
	}
}

func noFacts(*policy.Request)   {}
func bind(r *policy.Request)    { r.Device.Bound = true }
func factMFA(r *policy.Request) { r.Auth.MFA = true }
func routed(r *policy.Request)  { r.Routed = []string{"p"} }

// No user is refused, and none is let off, before it is known who they are.
func TestBindingOfNoUser(t *testing.T) {
	for name, p := range map[string]policy.Policy{
		"required": require("p", binding),
		"bound":    {Name: "p", Block: true, Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound}}}},
		"unbound":  {Name: "p", Block: true, Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound, Not: true}}}},
	} {
		set := compile(t, policy.Config{Policies: []policy.Policy{p}})
		r := anonymous()
		if d := set.Evaluate(r); d.Reason != policy.SignInRequired || d.Verdict != policy.SignIn {
			t.Errorf("%s: got %v, %s", name, d.Verdict, d.Reason)
		}
	}
}

func TestLintBinding(t *testing.T) {
	type p = policy.Policy
	when := func(not bool) policy.Conditions {
		return policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound, Not: not}}}
	}
	off, never := require("p", binding), require("p", binding)
	off.Mode, never.PersistentBrowser = policy.Off, policy.Never
	for _, tt := range []struct {
		name   string
		policy p
		binds  policy.Binding
		want   []string
	}{
		{"required, none", require("p", binding), policy.BindsNone, []string{"no user can satisfy it, because no session is bound"}},
		{"the only alternative, none", requireAny("p", binding), policy.BindsNone, []string{"no user can satisfy it"}},
		{"an alternative, none", requireAny("p", mfa, binding), policy.BindsNone, []string{"bound_session is no alternative"}},
		{"a condition, none", p{Name: "p", Block: true, Conditions: when(false)}, policy.BindsNone, []string{"it never applies"}},
		{"a negative condition, none", p{Name: "p", Require: []policy.Requirement{mfa}, Conditions: when(true)}, policy.BindsNone, []string{"when device not bound always holds"}},
		{"off, none", off, policy.BindsNone, nil},
		{"of something else, none", require("p", mfa), policy.BindsNone, nil},

		{"required, persistent", require("p", binding), policy.BindsPersistent, []string{"users who do not stay signed in cannot satisfy it"}},
		{"required, and never persistent", never, policy.BindsPersistent, []string{"no user can satisfy it: only sessions of users who stay signed in"}},
		{"an alternative, persistent", requireAny("p", mfa, binding), policy.BindsPersistent, nil},
		{"a condition, persistent", p{Name: "p", Block: true, Conditions: when(false)}, policy.BindsPersistent, nil},

		{"required, all", require("p", binding), policy.BindsAll, nil},
		{"never persistent, all", never, policy.BindsAll, nil},
		{"a negative condition, all", p{Name: "p", Require: []policy.Requirement{mfa}, Conditions: when(true)}, policy.BindsAll, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.policy.Position = "Caddyfile:7"
			for site, cfg := range map[string]policy.Config{
				"":     {Policies: []p{tt.policy}},
				"wiki": {Sites: []policy.Site{{App: "wiki", Policies: []p{tt.policy}}}},
			} {
				found := policy.LintBinding(cfg, tt.binds)
				if !slices.EqualFunc(found, tt.want, func(f policy.Finding, want string) bool {
					return strings.HasPrefix(f.Problem, want) && f.Policy == "p" && f.Site == site && f.Position == "Caddyfile:7"
				}) {
					t.Errorf("found %v, want %q", found, tt.want)
				}
			}
		})
	}
}
