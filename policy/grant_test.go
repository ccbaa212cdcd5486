package policy_test

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

var (
	mfa       = policy.Requirement{Kind: policy.MFA}
	compliant = policy.Requirement{Kind: policy.CompliantDevice}
	binding   = policy.Requirement{Kind: policy.BoundSession}
)

func acr(v string) policy.Requirement { return policy.Requirement{Kind: policy.ACR, Value: v} }

func require(name string, all ...policy.Requirement) policy.Policy {
	return policy.Policy{Name: name, Require: all}
}

func requireAny(name string, one ...policy.Requirement) policy.Policy {
	return policy.Policy{Name: name, RequireAny: one}
}

func frequency(name string, every time.Duration) policy.Policy {
	return policy.Policy{Name: name, SignInFrequency: policy.Frequency{Interval: every}}
}

func everyTime(name string) policy.Policy {
	return policy.Policy{Name: name, SignInFrequency: policy.Frequency{EveryTime: true}}
}

func TestGrants(t *testing.T) {
	type facts = func(*policy.Request)
	nothing := func(*policy.Request) {}
	hasMFA := func(r *policy.Request) { r.Auth.MFA = true }
	has := func(v ...string) facts { return func(r *policy.Request) { r.Auth.ACRs = v } }
	isBound := func(r *policy.Request) { r.Device.Bound = true }
	device := func(s policy.Signal) facts { return func(r *policy.Request) { r.Device.Compliant = s } }
	all := func(list ...facts) facts {
		return func(r *policy.Request) {
			for _, f := range list {
				f(r)
			}
		}
	}
	type ps = []policy.Policy
	for _, tc := range []struct {
		name     string
		policies ps
		facts    facts
		want     policy.Reason
		code     int
		demand   policy.Demand
		who      []string
	}{
		{"mfa, missing", ps{require("a", mfa)}, nothing, policy.MFARequired, 50076, policy.Demand{MFA: true}, []string{"a"}},
		{"R8 mfa, present", ps{require("a", mfa)}, hasMFA, policy.Allowed, 0, policy.Demand{}, nil},
		{"A12 acr, missing", ps{require("a", acr("c1"))}, has("c2"), policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1"}}, []string{"a"}},
		{"A12 acr, among several", ps{require("a", acr("c1"))}, has("c2", "c1"), policy.Allowed, 0, policy.Demand{}, nil},
		{"A12 acr, by case", ps{require("a", acr("c1"))}, has("C1"), policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1"}}, []string{"a"}},
		{"device, compliant", ps{require("a", compliant)}, device(policy.Yes), policy.Allowed, 0, policy.Demand{}, nil},
		{"device, not compliant", ps{require("a", compliant)}, device(policy.No), policy.DeviceNotCompliant, 53000, policy.Demand{}, []string{"a"}},
		{"P12 device, unknown", ps{require("a", compliant)}, nothing, policy.DeviceUnknown, 50187, policy.Demand{}, []string{"a"}},
		{"bound", ps{require("a", binding)}, isBound, policy.Allowed, 0, policy.Demand{}, nil},
		{"not bound", ps{require("a", binding)}, nothing, policy.BindingRequired, 50155, policy.Demand{}, []string{"a"}},
		{"R6 bound and mfa, both missing: no sign-in is asked for", ps{require("a", mfa, binding)}, nothing, policy.BindingRequired, 50155, policy.Demand{}, []string{"a"}},
		{"R6 bound and mfa, mfa missing", ps{require("a", mfa, binding)}, isBound, policy.MFARequired, 50076, policy.Demand{MFA: true}, []string{"a"}},
		{"R6 bound or mfa, bound", ps{requireAny("a", mfa, binding)}, isBound, policy.Allowed, 0, policy.Demand{}, nil},
		{"R6 bound or mfa, mfa", ps{requireAny("a", binding, mfa)}, hasMFA, policy.Allowed, 0, policy.Demand{}, nil},
		{"R6 bound or mfa, neither: what a sign-in can change is asked for", ps{requireAny("a", binding, mfa)}, nothing, policy.MFARequired, 50076, policy.Demand{MFA: true}, []string{"a"}},
		{"R6 bound or compliant, neither: what another browser can change is named", ps{requireAny("a", compliant, binding)}, nothing, policy.BindingRequired, 50155, policy.Demand{}, []string{"a"}},
		{"R5 what nothing can change is named first", ps{require("a", binding), require("b", compliant)}, nothing, policy.DeviceUnknown, 50187, policy.Demand{}, []string{"b"}},
		{"R4 a block before a binding", ps{require("a", binding), {Name: "b", Block: true}}, nothing, policy.Blocked, 53003, policy.Demand{}, []string{"b"}},
		{"R6 all, one missing", ps{require("a", mfa, acr("c1"))}, hasMFA, policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1"}}, []string{"a"}},
		{"R6 any, one present", ps{requireAny("a", mfa, acr("c1"))}, has("c1"), policy.Allowed, 0, policy.Demand{}, nil},
		{"R6 any asks in order", ps{requireAny("a", compliant, acr("c1"), mfa)}, nothing, policy.MFARequired, 50076, policy.Demand{MFA: true}, []string{"a"}},
		{"R6 any leaves the device for last", ps{requireAny("a", compliant, acr("c1"), acr("c2"))}, nothing, policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1", "c2"}}, []string{"a"}},
		{"R6 any, the device is enough", ps{requireAny("a", compliant, mfa)}, device(policy.Yes), policy.Allowed, 0, policy.Demand{}, nil},
		{"R3 both policies", ps{require("a", mfa), require("b", acr("c1"))}, nothing, policy.MFARequired, 50076, policy.Demand{MFA: true, ACRs: []string{"c1"}}, []string{"a", "b"}},
		{"R3 one is satisfied", ps{require("a", mfa), require("b", acr("c1"))}, hasMFA, policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1"}}, []string{"b"}},
		{"A15 union without duplicates", ps{require("a", acr("c1"), acr("c2")), require("b", acr("c2"), acr("c3"))}, has("c3"), policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1", "c2"}}, []string{"a", "b"}},
		{"all and any", ps{{Name: "a", Require: []policy.Requirement{acr("c1")}, RequireAny: []policy.Requirement{acr("c2"), acr("c3")}}}, nothing, policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1", "c2", "c3"}}, []string{"a"}},
		{"all and any, any met", ps{{Name: "a", Require: []policy.Requirement{acr("c1")}, RequireAny: []policy.Requirement{acr("c2"), acr("c3")}}}, has("c3"), policy.ACRRequired, 50076, policy.Demand{ACRs: []string{"c1"}}, []string{"a"}},
		{"R5 a device refuses before mfa is asked for", ps{require("a", mfa), require("b", compliant)}, nothing, policy.DeviceUnknown, 50187, policy.Demand{}, []string{"b"}},
		{"R4 block before anything is asked for", ps{require("a", mfa), {Name: "b", Block: true}, require("c", compliant)}, nothing, policy.Blocked, 53003, policy.Demand{}, []string{"b"}},
		{"R4 block beats what is satisfied", ps{require("a", mfa), {Name: "b", Block: true}}, hasMFA, policy.Blocked, 53003, policy.Demand{}, []string{"b"}},

		{"F4 frequency, young enough", ps{frequency("a", time.Hour)}, nothing, policy.Allowed, 0, policy.Demand{}, nil},
		{"F4 frequency, at the limit", ps{frequency("a", time.Hour)}, signedIn(time.Hour), policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: time.Hour}, []string{"a"}},
		{"F4 frequency, just below", ps{frequency("a", time.Hour)}, signedIn(time.Hour - time.Second), policy.Allowed, 0, policy.Demand{}, nil},
		{"A11 frequency, no auth_time", ps{frequency("a", time.Hour)}, noAuthTime, policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: time.Hour}, []string{"a"}},
		{"A11 the longest frequency, no auth_time", ps{frequency("a", math.MaxInt64)}, noAuthTime, policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: math.MaxInt64}, []string{"a"}},
		{"frequency, a clock slightly ahead", ps{frequency("a", time.Hour)}, signedIn(-time.Minute), policy.Allowed, 0, policy.Demand{}, nil},
		{"frequency, a clock far ahead", ps{frequency("a", time.Hour)}, signedIn(-time.Hour), policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: time.Hour}, []string{"a"}},
		{"F12 the shortest is asked for", ps{frequency("a", 4*time.Hour), frequency("b", time.Hour), frequency("c", 24*time.Hour)}, signedIn(5 * time.Hour), policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: time.Hour}, []string{"a", "b"}},
		{"F7 every time, within 5 minutes", ps{everyTime("a")}, signedIn(5*time.Minute - 1), policy.Allowed, 0, policy.Demand{}, nil},
		{"F7 every time, after 5 minutes", ps{everyTime("a")}, signedIn(5 * time.Minute), policy.EveryTimeRequired, 70046, policy.Demand{Reauthenticate: true, PromptLogin: true}, []string{"a"}},
		{"F12 every time is the shortest", ps{frequency("a", time.Hour), everyTime("b")}, signedIn(2 * time.Hour), policy.EveryTimeRequired, 70046, policy.Demand{Reauthenticate: true, PromptLogin: true}, []string{"a", "b"}},
		{"F12 in any order", ps{everyTime("a"), frequency("b", time.Hour)}, signedIn(2 * time.Hour), policy.EveryTimeRequired, 70046, policy.Demand{Reauthenticate: true, PromptLogin: true}, []string{"a", "b"}},
		{"F12 every time is satisfied, a shorter one is not", ps{frequency("a", 2*time.Minute), everyTime("b")}, signedIn(3 * time.Minute), policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: 2 * time.Minute}, []string{"a"}},
		{"R5 mfa is asked for before frequency, with it", ps{frequency("a", time.Hour), require("b", mfa)}, signedIn(2 * time.Hour), policy.MFARequired, 50076, policy.Demand{MFA: true, Reauthenticate: true, MaxAge: time.Hour}, []string{"a", "b"}},
		{"T19 idle for too long", ps{{Name: "a", MaxIdle: time.Hour}}, idle(time.Hour), policy.IdleTooLong, 70008, policy.Demand{Reauthenticate: true, MaxAge: time.Hour}, []string{"a"}},
		{"T19 idle for less", ps{{Name: "a", MaxIdle: time.Hour}}, idle(time.Hour - 1), policy.Allowed, 0, policy.Demand{}, nil},
		{"T19 the least idle limit", ps{{Name: "a", MaxIdle: time.Hour}, {Name: "b", MaxIdle: time.Minute}}, idle(2 * time.Hour), policy.IdleTooLong, 70008, policy.Demand{Reauthenticate: true, MaxAge: time.Minute}, []string{"a", "b"}},
		{"T19 idle beside frequency", ps{{Name: "a", MaxIdle: time.Minute}, frequency("b", time.Hour)}, all(idle(time.Hour), signedIn(2*time.Hour)), policy.FrequencyRequired, 70044, policy.Demand{Reauthenticate: true, MaxAge: time.Minute}, []string{"a", "b"}},
		{"everything is satisfied", ps{frequency("a", time.Hour), require("b", mfa, compliant), requireAny("c", acr("c1"), acr("c2"))}, all(hasMFA, has("c2"), device(policy.Yes)), policy.Allowed, 0, policy.Demand{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Policies: tc.policies})
			r := ask(set, alice())
			tc.facts(r)
			d := set.Evaluate(r)
			if d.Reason != tc.want || d.Code != tc.code {
				t.Errorf("got %v, %s, %d, want %s, %d", d.Verdict, d.Reason, d.Code, tc.want, tc.code)
			}
			if !reflect.DeepEqual(d.Demand, tc.demand) {
				t.Errorf("got demand %+v, want %+v", d.Demand, tc.demand)
			}
			if !slices.Equal(d.Policies(), tc.who) {
				t.Errorf("got policies %v, want %v", d.Policies(), tc.who)
			}
			want := policy.StatusSuccess
			if tc.want != policy.Allowed {
				want = policy.StatusFailure
			}
			if d.Status != want {
				t.Errorf("L3: got status %s, want %s", d.Status, want)
			}
		})
	}
}

func signedIn(ago time.Duration) func(*policy.Request) {
	return func(r *policy.Request) { r.Auth.AuthTime = now.Add(-ago) }
}

func idle(d time.Duration) func(*policy.Request) {
	return func(r *policy.Request) { r.Idle = d }
}

func noAuthTime(r *policy.Request) { r.Auth.AuthTime = time.Time{} }

// What is asked for, once it is there, is enough: no demand leaves the next evaluation unsatisfied.
func TestDemandIsEnough(t *testing.T) {
	set := compile(t, policy.Config{Policies: []policy.Policy{
		require("a", mfa, acr("c1")), requireAny("b", acr("c2"), acr("c3")), frequency("c", time.Hour), everyTime("d"),
	}})
	r := ask(set, alice())
	r.Auth = policy.Authentication{}
	d := set.Evaluate(r)
	r.Auth = policy.Authentication{MFA: d.Demand.MFA, ACRs: d.Demand.ACRs}
	if d.Demand.Reauthenticate {
		r.Auth.AuthTime = now.Add(-d.Demand.MaxAge)
	}
	if d := set.Evaluate(r); d.Verdict != policy.Allow {
		t.Errorf("got %v, %s, %+v", d.Verdict, d.Reason, d.Demand)
	}
}

func TestSessionControls(t *testing.T) {
	persist := func(name string, p policy.Persistence, in policy.Assignment) policy.Policy {
		return policy.Policy{Name: name, PersistentBrowser: p, Include: in}
	}
	staff := policy.Assignment{Groups: []string{"staff"}}
	office := policy.Assignment{Networks: []string{"office"}}
	type ps = []policy.Policy
	off := persist("a", policy.Never, policy.Assignment{})
	off.Mode = policy.ReportOnly
	for _, tc := range []struct {
		name     string
		policies ps
		user     policy.User
		want     policy.Persistence
		who      []string
	}{
		{"nothing", nil, alice(), policy.Unset, nil},
		{"B1 always", ps{persist("a", policy.Always, staff)}, alice("staff"), policy.Always, []string{"a"}},
		{"B1 K23 never for a group", ps{persist("a", policy.Never, staff)}, alice("staff"), policy.Never, []string{"a"}},
		{"K23 nothing for the others", ps{persist("a", policy.Never, staff)}, alice(), policy.Unset, nil},
		{"B5 never beats always", ps{persist("a", policy.Never, staff), persist("b", policy.Always, staff)}, alice("staff"), policy.Never, []string{"a", "b"}},
		{"B5 in any order", ps{persist("a", policy.Always, staff), persist("b", policy.Never, staff)}, alice("staff"), policy.Never, []string{"a", "b"}},
		{"A6 never for unknown groups", ps{persist("a", policy.Never, staff)}, overage(), policy.Never, []string{"a"}},
		{"A6 no always for unknown groups", ps{persist("a", policy.Always, staff)}, overage(), policy.Unset, []string{"a"}},
		{"A6 no always with an exclusion of unknown groups", ps{{Name: "a", PersistentBrowser: policy.Always, Exclude: staff}}, overage(), policy.Unset, []string{"a"}},
		{"B6 report-only", ps{off}, alice(), policy.Unset, nil},
		{"network, outside", ps{persist("a", policy.Always, office)}, alice(), policy.Unset, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Networks: networks, Policies: tc.policies})
			r := ask(set, tc.user)
			r.NoRoute = true // as at the end of a sign-in
			d := set.Evaluate(r)
			if d.PersistentBrowser != tc.want || !slices.Equal(d.PersistentBrowserPolicies(), tc.who) {
				t.Errorf("got %v by %v, want %v by %v", d.PersistentBrowser, d.PersistentBrowserPolicies(), tc.want, tc.who)
			}
			if d.Verdict != policy.Allow {
				t.Errorf("got %v", d.Verdict)
			}
		})
	}
}

func TestFrequencyAndIdle(t *testing.T) {
	idle := func(name string, d time.Duration) policy.Policy { return policy.Policy{Name: name, MaxIdle: d} }
	hidden := idle("hidden", time.Second)
	hidden.Mode = policy.ReportOnly
	set := compile(t, policy.Config{Policies: []policy.Policy{
		idle("a", time.Hour), idle("b", 30*time.Minute), idle("c", 2*time.Hour), hidden,
		frequency("d", 8*time.Hour), frequency("e", time.Hour), frequency("f", 4*time.Hour),
	}})
	d := set.Evaluate(ask(set, alice()))
	if d.MaxIdle != 30*time.Minute || !slices.Equal(d.MaxIdlePolicies(), []string{"a", "b", "c"}) {
		t.Errorf("A15: got %v by %v", d.MaxIdle, d.MaxIdlePolicies())
	}
	if (d.Frequency != policy.Frequency{Interval: time.Hour}) || !slices.Equal(d.FrequencyPolicies(), []string{"d", "e", "f"}) {
		t.Errorf("F12: got %v by %v", d.Frequency, d.FrequencyPolicies())
	}

	set = compile(t, policy.Config{Policies: []policy.Policy{frequency("d", time.Hour), everyTime("e"), frequency("f", time.Minute)}})
	d = set.Evaluate(ask(set, alice()))
	if (d.Frequency != policy.Frequency{Interval: time.Minute, EveryTime: true}) {
		t.Errorf("F12: got %+v", d.Frequency)
	}
}
