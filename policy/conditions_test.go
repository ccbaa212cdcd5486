package policy_test

import (
	"net/netip"
	"testing"

	"github.com/latchkey-gateway/latchkey/policy"
)

// A condition, and whether it holds: shown by a block.
func TestConditions(t *testing.T) {
	type when = policy.Conditions
	type facts = func(*policy.Request)
	nothing := func(*policy.Request) {}
	on := func(p policy.Platform) facts { return func(r *policy.Request) { r.Platform = p } }
	with := func(c policy.Client) facts { return func(r *policy.Request) { r.Client = c } }
	risk := func(signIn, user policy.Risk) facts {
		return func(r *policy.Request) { r.SignInRisk, r.UserRisk = signIn, user }
	}
	device := func(d policy.Device) facts { return func(r *policy.Request) { r.Device = d } }
	is := func(a policy.Attribute) when { return when{Devices: []policy.DeviceCondition{{Attribute: a}}} }
	not := func(a policy.Attribute) when {
		return when{Devices: []policy.DeviceCondition{{Attribute: a, Not: true}}}
	}
	high := []policy.Risk{policy.RiskHigh}
	phones := []policy.Platform{policy.Android, policy.IOS}
	unsupported := []policy.Platform{policy.PlatformUnknown}
	managed := policy.DeviceCondition{Attribute: policy.Managed, Not: true}
	for _, tc := range []struct {
		name  string
		when  when
		facts facts
		want  policy.Reason
	}{
		{"no condition", when{}, nothing, policy.Blocked},
		{"P7 platform", when{Platforms: phones}, on(policy.IOS), policy.PlatformBlocked},
		{"P7 another platform", when{Platforms: phones}, on(policy.Linux), policy.Allowed},
		{"P7 an unknown platform is no named one", when{Platforms: phones}, on(policy.PlatformUnknown), policy.Allowed},
		{"P7 an unknown platform, listed", when{Platforms: unsupported}, on(policy.PlatformUnknown), policy.PlatformBlocked},
		{"P7 a known platform, unknown listed", when{Platforms: unsupported}, on(policy.MacOS), policy.Allowed},
		{"P8 client, unset is all", when{}, with(policy.Other), policy.Blocked},
		{"P8 client", when{Clients: []policy.Client{policy.Other}}, with(policy.Other), policy.Blocked},
		{"P8 another client", when{Clients: []policy.Client{policy.Other}}, with(policy.Browser), policy.Allowed},
		{"P6 sign-in risk", when{SignInRisk: high}, risk(policy.RiskHigh, policy.RiskNone), policy.Blocked},
		{"P6 sign-in risk is not user risk", when{SignInRisk: high}, risk(policy.RiskNone, policy.RiskHigh), policy.Allowed},
		{"P6 user risk", when{UserRisk: high}, risk(policy.RiskNone, policy.RiskHigh), policy.Blocked},
		{"P6 user risk, lower", when{UserRisk: high}, risk(policy.RiskHigh, policy.RiskMedium), policy.Allowed},
		{"A3 a missing risk is not high", when{UserRisk: high}, nothing, policy.Allowed},
		{"A3 a hidden risk is not high", when{UserRisk: high}, risk(policy.RiskHidden, policy.RiskHidden), policy.Allowed},
		{"A3 a missing risk, listed", when{UserRisk: []policy.Risk{policy.RiskUnknown, policy.RiskHigh}}, nothing, policy.Blocked},
		{"R1 both conditions, one holds", when{SignInRisk: high, UserRisk: high}, risk(policy.RiskHigh, policy.RiskLow), policy.Allowed},
		{"R1 both conditions, both hold", when{SignInRisk: high, UserRisk: high}, risk(policy.RiskHigh, policy.RiskHigh), policy.Blocked},

		// The null rule as a matrix: positive, negative by match, mismatch, unregistered.
		{"P12 positive, match", is(policy.Compliant), device(policy.Device{Compliant: policy.Yes}), policy.Blocked},
		{"P12 positive, mismatch", is(policy.Compliant), device(policy.Device{Compliant: policy.No}), policy.Allowed},
		{"P12 positive, unregistered", is(policy.Compliant), nothing, policy.Allowed},
		{"P12 negative, match", not(policy.Compliant), device(policy.Device{Compliant: policy.Yes}), policy.Allowed},
		{"P12 negative, mismatch", not(policy.Compliant), device(policy.Device{Compliant: policy.No}), policy.Blocked},
		{"P12 negative, unregistered", not(policy.Compliant), nothing, policy.Blocked},
		{"P11 managed", is(policy.Managed), device(policy.Device{Managed: policy.Yes}), policy.Blocked},
		{"P11 shared", is(policy.Shared), device(policy.Device{Shared: policy.Yes}), policy.Blocked},
		{"P11 shared is not managed", is(policy.Shared), device(policy.Device{Managed: policy.Yes}), policy.Allowed},
		{"R1 both device conditions, one holds", when{Devices: []policy.DeviceCondition{managed, {Attribute: policy.Shared}}}, nothing, policy.Allowed},
		{
			"R1 both device conditions, both hold",
			when{Devices: []policy.DeviceCondition{managed, {Attribute: policy.Shared}}},
			device(policy.Device{Shared: policy.Yes}), policy.Blocked,
		},
		{"bound, bound", is(policy.Bound), device(policy.Device{Bound: true}), policy.Blocked},
		{"bound, not bound", is(policy.Bound), nothing, policy.Allowed},
		{"not bound, bound", not(policy.Bound), device(policy.Device{Bound: true}), policy.Allowed},
		{"not bound, not bound", not(policy.Bound), nothing, policy.Blocked},
		{"bound is not what the provider states", is(policy.Bound), device(policy.Device{Compliant: policy.Yes, Managed: policy.Yes, Shared: policy.Yes}), policy.Allowed},
		{"A7 a shared network", is(policy.Shared), at("203.0.113.200"), policy.Blocked},
		{"A7 a network that is not shared", is(policy.Shared), at("203.0.113.9"), policy.Allowed},
		{"A7 not shared, in a shared network", not(policy.Shared), at("203.0.113.200"), policy.Allowed},
		{"A62 perhaps in a shared network", is(policy.Shared), at(""), policy.NetworkUnknown},
		{"A62 perhaps in no shared network", not(policy.Shared), at(""), policy.NetworkUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Networks: networks, Policies: []policy.Policy{
				{Name: "p", Block: true, Conditions: tc.when},
			}})
			r := ask(set, alice())
			tc.facts(r)
			d := set.Evaluate(r)
			if d.Reason != tc.want {
				t.Errorf("got %v, %s, want %s", d.Verdict, d.Reason, tc.want)
			}
			code := map[policy.Reason]int{policy.Blocked: 53003, policy.NetworkUnknown: 53003, policy.PlatformBlocked: 50005}
			if d.Code != code[tc.want] {
				t.Errorf("got code %d for %s", d.Code, d.Reason)
			}
		})
	}
}

func at(ip string) func(*policy.Request) {
	return func(r *policy.Request) {
		r.IP = netip.Addr{}
		if ip != "" {
			r.IP = netip.MustParseAddr(ip)
		}
	}
}

// Several blocks: the reason names the platform only if no other block would do without.
func TestPlatformBlockedNeedsEveryBlock(t *testing.T) {
	byPlatform := policy.Policy{Name: "a", Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{policy.Linux}}}
	set := compile(t, policy.Config{Policies: []policy.Policy{byPlatform, {Name: "b", Block: true}}})
	r := ask(set, alice())
	r.Platform = policy.Linux
	if d := set.Evaluate(r); d.Reason != policy.Blocked || d.Code != 53003 {
		t.Errorf("got %s, %d", d.Reason, d.Code)
	}
}

func TestMatch(t *testing.T) {
	set := compile(t, policy.Config{
		Policies: []policy.Policy{
			{Name: "a", Block: true, Matcher: 7},
			{Name: "b", Block: true, Matcher: 8, Include: policy.Assignment{Groups: []string{"other"}}},
		},
	})
	var asked []policy.MatcherID
	for _, tc := range []struct {
		name  string
		match bool
		want  policy.Verdict
	}{{"matches", true, policy.Block}, {"does not", false, policy.Allow}} {
		t.Run(tc.name, func(t *testing.T) {
			asked = nil
			r := ask(set, alice())
			r.Match = policy.MatchFunc(func(id policy.MatcherID) (bool, error) {
				asked = append(asked, id)
				return tc.match, nil
			})
			if d := set.Evaluate(r); d.Verdict != tc.want {
				t.Errorf("got %v, want %v", d.Verdict, tc.want)
			}
			if len(asked) != 1 || asked[0] != 7 {
				t.Errorf("asked for %v, want 7 alone: the other policy is not about this user", asked)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	set := compile(t, policy.Config{Networks: append(networks, policy.Network{
		Name: "mapped", Prefixes: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:192.0.2.9"), 120)},
	})})
	for _, tc := range []struct {
		ip              string
		names           int
		trusted, shared bool
	}{
		{"203.0.113.9", 1, true, false},
		{"203.0.113.200", 2, true, true},
		{"::ffff:203.0.113.200", 2, true, true},
		{"2001:db8:40::9%eth0", 1, true, false},
		{"10.8.0.0", 1, false, false},
		{"10.9.0.0", 0, false, false},
		{"192.0.2.200", 1, false, false},
	} {
		l := set.Locate(netip.MustParseAddr(tc.ip))
		if len(l.Networks) != tc.names || l.Trusted != tc.trusted || l.Shared != tc.shared || !l.Known {
			t.Errorf("%s: got %+v", tc.ip, l)
		}
	}
	if set.Locate(netip.Addr{}).Known {
		t.Error("no address is known")
	}
}
