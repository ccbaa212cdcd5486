package policy_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func compile(t testing.TB, cfg policy.Config) *policy.Set {
	t.Helper()
	if cfg.Sites == nil {
		cfg.Sites = []policy.Site{{App: "wiki"}, {App: "admin"}}
	}
	set, err := policy.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// alice is a member of staff whose groups are known.
func alice(groups ...string) policy.User {
	return policy.User{
		Names: []string{"alice", "alice@example.com"}, Groups: groups, GroupsKnown: true, Provider: "main",
	}
}

// overage is alice with more groups than her provider tells.
func overage() policy.User {
	u := alice()
	u.GroupsKnown = false
	return u
}

func guest() policy.User {
	u := alice()
	u.Guest = true
	return u
}

// ask is a request of u for the wiki, from an address in no network, of a user who signed in a minute ago.
func ask(set *policy.Set, u policy.User) *policy.Request {
	r := anonymous()
	r.Subject = set.Resolve(u)
	r.Auth.AuthTime = now.Add(-time.Minute)
	return r
}

func anonymous() *policy.Request {
	return &policy.Request{App: "wiki", IP: netip.MustParseAddr("198.51.100.7"), Client: policy.Browser, Time: now}
}

var networks = []policy.Network{
	{Name: "office", Trusted: true, Prefixes: prefixes("203.0.113.0/24", "2001:db8:40::/48")},
	{Name: "meeting-rooms", Shared: true, Prefixes: prefixes("203.0.113.128/25")},
	{Name: "vpn", Prefixes: prefixes("10.8.0.0/16")},
}

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// blockFor is a policy that blocks whom in includes, unless ex excludes them.
func blockFor(in, ex policy.Assignment) policy.Policy {
	return policy.Policy{Name: "p", Include: in, Exclude: ex, Block: true}
}

// An assignment, and whether it applies to a user: shown by a block.
func TestAssignments(t *testing.T) {
	type a = policy.Assignment
	office, outside := "203.0.113.9", "198.51.100.7"
	for _, tc := range []struct {
		name   string
		in, ex a
		user   policy.User
		ip     string
		want   policy.Reason
	}{
		{"P2 no include is everybody", a{}, a{}, alice(), outside, policy.Blocked},
		{"P3 all", a{All: true}, a{}, alice(), outside, policy.Blocked},
		{"P3 all has guests in it", a{All: true}, a{}, guest(), outside, policy.Blocked},
		{"P4 guests, a guest", a{Guests: true}, a{}, guest(), outside, policy.Blocked},
		{"P4 guests, a member", a{Guests: true}, a{}, alice(), outside, policy.Allowed},
		{"P3 group, a member", a{Groups: []string{"staff"}}, a{}, alice("x", "staff"), outside, policy.Blocked},
		{"P3 group, not a member", a{Groups: []string{"staff"}}, a{}, alice("x"), outside, policy.Allowed},
		{"A6 group, by prefix", a{Groups: []string{"staff"}}, a{}, alice("staff2", "staf"), outside, policy.Allowed},
		{"group, by case", a{Groups: []string{"staff"}}, a{}, alice("Staff"), outside, policy.Allowed},
		{"group, by space", a{Groups: []string{"staff"}}, a{}, alice("staff "), outside, policy.Allowed},
		{"A6 group, unknown", a{Groups: []string{"staff"}}, a{}, overage(), outside, policy.GroupOverage},
		{"user, by the second name", a{Users: []string{"alice@example.com"}}, a{}, alice(), outside, policy.Blocked},
		{"user, another", a{Users: []string{"bob"}}, a{}, alice(), outside, policy.Allowed},
		{"user, a group of that name", a{Users: []string{"staff"}}, a{}, alice("staff"), outside, policy.Allowed},
		{"provider", a{Providers: []string{"main"}}, a{}, alice(), outside, policy.Blocked},
		{"provider, another", a{Providers: []string{"partners"}}, a{}, alice(), outside, policy.Allowed},
		{"subjects are alternatives", a{Groups: []string{"x"}, Users: []string{"alice"}}, a{}, alice(), outside, policy.Blocked},
		{"P5 app", a{Apps: []string{"wiki"}}, a{}, alice(), outside, policy.Blocked},
		{"P5 app, another", a{Apps: []string{"admin"}}, a{}, alice(), outside, policy.Allowed},
		{"P9 network", a{Networks: []string{"office"}}, a{}, alice(), office, policy.Blocked},
		{"P9 network, IPv6", a{Networks: []string{"office"}}, a{}, alice(), "2001:db8:40::1", policy.Blocked},
		{"P9 network, IPv4 in IPv6", a{Networks: []string{"office"}}, a{}, alice(), "::ffff:203.0.113.9", policy.Blocked},
		{"P9 network, the wider of two", a{Networks: []string{"office"}}, a{}, alice(), "203.0.113.200", policy.Blocked},
		{"P9 network, the narrower of two", a{Networks: []string{"meeting-rooms"}}, a{}, alice(), "203.0.113.200", policy.Blocked},
		{"P9 network, outside", a{Networks: []string{"office"}}, a{}, alice(), outside, policy.Allowed},
		{"P9 all trusted", a{Networks: []string{policy.TrustedNetworks}}, a{}, alice(), office, policy.Blocked},
		{"P9 all trusted, another", a{Networks: []string{policy.TrustedNetworks}}, a{}, alice(), "10.8.1.1", policy.Allowed},
		{"A62 network, no address", a{Networks: []string{"office"}}, a{}, alice(), "", policy.NetworkUnknown},
		{"R1 group and network, one only", a{Groups: []string{"staff"}, Networks: []string{"office"}}, a{}, alice("staff"), outside, policy.Allowed},
		{"R1 group and network, both", a{Groups: []string{"staff"}, Networks: []string{"office"}}, a{}, alice("staff"), office, policy.Blocked},
		{"R1 group and app, one only", a{Groups: []string{"staff"}, Apps: []string{"admin"}}, a{}, alice("staff"), office, policy.Allowed},

		{"R2 exclude user", a{All: true}, a{Users: []string{"alice"}}, alice(), outside, policy.Allowed},
		{"R2 exclude group", a{Users: []string{"alice"}}, a{Groups: []string{"staff"}}, alice("staff"), outside, policy.Allowed},
		{"R2 exclude group, not a member", a{Users: []string{"alice"}}, a{Groups: []string{"staff"}}, alice(), outside, policy.Blocked},
		{"R2 exclude group of an included group", a{Groups: []string{"staff"}}, a{Groups: []string{"it"}}, alice("it", "staff"), outside, policy.Allowed},
		{"R2 exclude guests", a{All: true}, a{Guests: true}, guest(), outside, policy.Allowed},
		{"R2 exclude guests, a member", a{All: true}, a{Guests: true}, alice(), outside, policy.Blocked},
		{"R2 exclude provider", a{All: true}, a{Providers: []string{"main"}}, alice(), outside, policy.Allowed},
		{"R2 exclude app", a{All: true}, a{Apps: []string{"wiki"}}, alice(), outside, policy.Allowed},
		{"R2 exclude app, another", a{All: true}, a{Apps: []string{"admin"}}, alice(), outside, policy.Blocked},
		{"R2 exclude network", a{All: true}, a{Networks: []string{"office"}}, alice(), office, policy.Allowed},
		{"R2 exclude network, outside", a{All: true}, a{Networks: []string{"office"}}, alice(), outside, policy.Blocked},
		{"R2 exclude trusted networks", a{All: true}, a{Networks: []string{policy.TrustedNetworks}}, alice(), office, policy.Allowed},
		{"R2 one exclusion is enough", a{All: true}, a{Users: []string{"bob"}, Networks: []string{"office"}}, alice(), office, policy.Allowed},
		{"A6 exclude group, unknown", a{All: true}, a{Groups: []string{"staff"}}, overage(), outside, policy.GroupOverage},
		{"A6 exclude user, groups unknown", a{All: true}, a{Users: []string{"alice"}}, overage(), outside, policy.Allowed},
		{"A6 include user, groups unknown", a{Users: []string{"alice"}}, a{}, overage(), outside, policy.Blocked},
		{"A62 exclude network, no address", a{All: true}, a{Networks: []string{"office"}}, alice(), "", policy.NetworkUnknown},
		{"A6 before A62", a{Groups: []string{"staff"}, Networks: []string{"office"}}, a{}, overage(), "", policy.GroupOverage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Networks: networks, Policies: []policy.Policy{blockFor(tc.in, tc.ex)}})
			r := ask(set, tc.user)
			r.IP = netip.Addr{}
			if tc.ip != "" {
				r.IP = netip.MustParseAddr(tc.ip)
			}
			d := set.Evaluate(r)
			if d.Reason != tc.want || (d.Verdict == policy.Allow) != (tc.want == policy.Allowed) {
				t.Errorf("got %v, %s, want %s", d.Verdict, d.Reason, tc.want)
			}
			if d.Verdict == policy.Block && (d.Code != 53003 || !slices.Equal(d.Policies(), []string{"p"})) {
				t.Errorf("got code %d, policies %v, want 53003, [p]", d.Code, d.Policies())
			}
		})
	}
}

func TestAdmission(t *testing.T) {
	group := func(n string) policy.Who { return policy.Who{Kind: policy.WhoGroup, Name: n} }
	user := func(n string) policy.Who { return policy.Who{Kind: policy.WhoUser, Name: n} }
	provider := func(n string) policy.Who { return policy.Who{Kind: policy.WhoProvider, Name: n} }
	type who = []policy.Who
	for _, tc := range []struct {
		name        string
		allow, deny who
		user        policy.User
		want        policy.Reason
	}{
		{"no list admits anybody who is signed in", nil, nil, alice(), policy.Allowed},
		{"allow group", who{group("staff")}, nil, alice("staff"), policy.Allowed},
		{"allow group, not a member", who{group("staff")}, nil, alice(), policy.NotAdmitted},
		{"A6 allow group, unknown", who{group("staff")}, nil, overage(), policy.GroupOverage},
		{"allow user", who{group("staff"), user("alice")}, nil, alice(), policy.Allowed},
		{"A6 allow user, groups unknown", who{group("staff"), user("alice")}, nil, overage(), policy.Allowed},
		{"allow another user, groups unknown", who{user("bob")}, nil, overage(), policy.NotAdmitted},
		{"allow provider", who{provider("main")}, nil, alice(), policy.Allowed},
		{"allow another provider", who{provider("partners")}, nil, alice(), policy.NotAdmitted},
		{"deny group", nil, who{group("contractors")}, alice("contractors"), policy.Denied},
		{"deny group, not a member", nil, who{group("contractors")}, alice(), policy.Allowed},
		{"A6 deny group, unknown", nil, who{group("contractors")}, overage(), policy.GroupOverage},
		{"deny beats allow", who{user("alice")}, who{group("contractors")}, alice("contractors"), policy.Denied},
		{"A6 deny beats allow, unknown", who{user("alice")}, who{group("contractors")}, overage(), policy.GroupOverage},
		{"deny user beats unknown groups", who{group("staff")}, who{user("alice")}, overage(), policy.Denied},
		{"deny provider", nil, who{provider("main")}, alice(), policy.Denied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// A policy that is not satisfied either has no part in it.
			set := compile(t, policy.Config{Sites: []policy.Site{
				{App: "other"}, {App: "wiki", Allow: tc.allow, Deny: tc.deny, Policies: []policy.Policy{
					{Name: "device", Exclude: policy.Assignment{Users: []string{"alice@example.com"}}, Require: []policy.Requirement{compliant}},
				}},
			}})
			r := ask(set, tc.user)
			if tc.want != policy.Allowed {
				tc.user.Names = []string{"alice"}
				r = ask(set, tc.user)
			}
			d := set.Evaluate(r)
			if d.Reason != tc.want || (d.Verdict == policy.Allow) != (tc.want == policy.Allowed) {
				t.Errorf("got %v, %s, want %s", d.Verdict, d.Reason, tc.want)
			}
			if d.Policies() != nil {
				t.Errorf("no policy has a part in it, but %v", d.Policies())
			}
			if d.Verdict == policy.Block && (d.Code != 50105 || d.Status != policy.StatusFailure) {
				t.Errorf("got code %d, status %s, want 50105, failure", d.Code, d.Status)
			}
		})
	}
}

// What is certain gives the reason, whatever else is not; what is not certain is told (A6, A62).
func TestCertainBeforeUncertain(t *testing.T) {
	staff, office := policy.Assignment{Groups: []string{"staff"}}, policy.Assignment{Networks: []string{"office"}}
	block := func(name string, in policy.Assignment) policy.Policy {
		return policy.Policy{Name: name, Include: in, Block: true}
	}
	mfaStaff := policy.Policy{Name: "m", Include: staff, Require: []policy.Requirement{{Kind: policy.MFA}}}
	denied := []policy.Who{{Kind: policy.WhoUser, Name: "alice"}}
	for _, tc := range []struct {
		name     string
		policies []policy.Policy
		deny     []policy.Who
		verdict  policy.Verdict
		reason   policy.Reason
		gaps     policy.Gaps
	}{
		{"a block", []policy.Policy{block("a", staff)}, nil, policy.Block, policy.GroupOverage, policy.GapGroups},
		{"a certain block after another", []policy.Policy{block("a", staff), block("b", policy.Assignment{})}, nil, policy.Block, policy.Blocked, 0},
		{"a certain block before another", []policy.Policy{block("a", policy.Assignment{}), block("b", staff)}, nil, policy.Block, policy.Blocked, 0},
		{"a certain denial", []policy.Policy{block("a", staff)}, denied, policy.Block, policy.Denied, 0},
		{"two uncertain blocks", []policy.Policy{block("a", staff), block("b", office)}, nil, policy.Block, policy.GroupOverage, policy.GapGroups | policy.GapNetwork},
		{"a step up", []policy.Policy{mfaStaff}, nil, policy.StepUp, policy.MFARequired, policy.GapGroups},
		{"a step up before a device", []policy.Policy{mfaStaff, {Name: "d", Include: office, Require: []policy.Requirement{{Kind: policy.CompliantDevice}}}}, nil, policy.Block, policy.NetworkUnknown, policy.GapNetwork},
		{"what is satisfied", []policy.Policy{{Name: "i", Include: staff, MaxIdle: time.Hour}}, nil, policy.Allow, policy.Allowed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{
				Networks: networks, Policies: tc.policies, Sites: []policy.Site{{App: "wiki", Deny: tc.deny}},
			})
			r := ask(set, overage())
			r.IP = netip.Addr{}
			d := set.Evaluate(r)
			if d.Verdict != tc.verdict || d.Reason != tc.reason || d.Gaps != tc.gaps {
				t.Errorf("got %v, %s, %b, want %v, %s, %b", d.Verdict, d.Reason, d.Gaps, tc.verdict, tc.reason, tc.gaps)
			}
		})
	}
}

// What cannot be evaluated refuses, and never skips a rule (promise 4).
func TestEvaluationErrorRefuses(t *testing.T) {
	broken := errors.New("broken")
	fails := policy.MatchFunc(func(policy.MatcherID) (bool, error) { return false, broken })
	mfa := policy.Policy{
		Name: "p", Include: policy.Assignment{Groups: []string{"staff"}}, Matcher: 1,
		Require: []policy.Requirement{{Kind: policy.MFA}},
	}
	set := compile(t, policy.Config{Policies: []policy.Policy{mfa}})
	for _, tc := range []struct {
		name   string
		user   policy.User
		change func(*policy.Request)
		want   policy.Verdict
	}{
		{"a matcher fails", alice("staff"), func(r *policy.Request) { r.Match = fails }, policy.Block},
		{"a matcher fails for somebody else's policy", alice(), func(r *policy.Request) { r.Match = fails }, policy.Allow},
		{"no matcher", alice("staff"), func(*policy.Request) {}, policy.Block},
		{"no route", alice("staff"), func(r *policy.Request) { r.NoRoute = true }, policy.Allow},
		{"no time", alice(), func(r *policy.Request) { r.Time = time.Time{} }, policy.Block},
		{"no app", alice(), func(r *policy.Request) { r.App = "" }, policy.Block},
		{"unknown app", alice(), func(r *policy.Request) { r.App = "wiki " }, policy.Block},
		{"invalid platform", alice(), func(r *policy.Request) { r.Platform = 99 }, policy.Block},
		{"invalid risk", alice(), func(r *policy.Request) { r.UserRisk = 7 }, policy.Block},
		{"invalid device", alice(), func(r *policy.Request) { r.Device.Managed = 4 }, policy.Block},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := ask(set, tc.user)
			tc.change(r)
			d := set.Evaluate(r)
			if d.Verdict != tc.want {
				t.Fatalf("got %v, want %v", d.Verdict, tc.want)
			}
			if failed := d.Verdict == policy.Block; failed != (d.Err != nil) || failed != (d.Reason == policy.EvaluationError) {
				t.Errorf("got error %v, reason %s", d.Err, d.Reason)
			}
			if errors.Is(d.Err, broken) && !slices.Equal(d.Policies(), []string{"p"}) {
				t.Errorf("got policies %v", d.Policies())
			}
		})
	}

	mfa.Mode = policy.ReportOnly
	set = compile(t, policy.Config{Policies: []policy.Policy{mfa}})
	r := ask(set, alice("staff"))
	r.Match = fails
	if d := set.Evaluate(r); d.Verdict != policy.Allow || d.Err != nil || !errors.Is(d.ReportOnlyErr, broken) {
		t.Errorf("report-only: got %v, error %v, recorded %v", d.Verdict, d.Err, d.ReportOnlyErr)
	}
}

// A block that applies to all clients needs no redirect to the provider; everything else waits for the sign-in.
func TestAnonymous(t *testing.T) {
	type a = policy.Assignment
	for _, tc := range []struct {
		name string
		p    policy.Policy
		want policy.Verdict
	}{
		{"block all", blockFor(a{All: true}, a{}), policy.Block},
		{"block a network", blockFor(a{Networks: []string{"office"}}, a{}), policy.Block},
		{"block all but a network", blockFor(a{}, a{Networks: []string{"vpn"}}), policy.Block},
		{"block another network", blockFor(a{Networks: []string{"vpn"}}, a{}), policy.SignIn},
		{"block a group in the network", blockFor(a{Networks: []string{"office"}, Groups: []string{"x"}}, a{}), policy.SignIn},
		{"block all but a user", blockFor(a{All: true}, a{Users: []string{"breakglass"}}), policy.SignIn},
		{"block all but members", blockFor(a{All: true}, a{Guests: true}), policy.SignIn},
		{
			"block a platform",
			policy.Policy{Name: "p", Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{policy.PlatformUnknown}}},
			policy.Block,
		},
		{
			"block by risk, which only a sign-in tells",
			policy.Policy{Name: "p", Block: true, Conditions: policy.Conditions{UserRisk: []policy.Risk{policy.RiskUnknown, policy.RiskHigh}}},
			policy.SignIn,
		},
		{
			"block by device, which only a sign-in tells",
			policy.Policy{Name: "p", Block: true, Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Managed, Not: true}}}},
			policy.SignIn,
		},
		{
			"require a device",
			policy.Policy{Name: "p", Require: []policy.Requirement{{Kind: policy.CompliantDevice}}},
			policy.SignIn,
		},
		{"nothing", policy.Policy{Name: "p", Mode: policy.Off, Block: true}, policy.SignIn},
		{"report only", policy.Policy{Name: "p", Mode: policy.ReportOnly, Block: true}, policy.SignIn},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := compile(t, policy.Config{Networks: networks, Policies: []policy.Policy{tc.p}})
			r := anonymous()
			r.IP = netip.MustParseAddr("203.0.113.9")
			if d := set.Evaluate(r); d.Verdict != tc.want {
				t.Errorf("got %v, %s, want %v", d.Verdict, d.Reason, tc.want)
			}
		})
	}
}

// The first sign-in already requests what all users must show.
func TestAnonymousDemand(t *testing.T) {
	set := compile(t, policy.Config{Policies: []policy.Policy{
		{Name: "mfa", Require: []policy.Requirement{{Kind: policy.MFA}, {Kind: policy.ACR, Value: "c1"}}},
		{Name: "hourly", SignInFrequency: policy.Frequency{Interval: time.Hour}},
		{Name: "admins", Include: policy.Assignment{Groups: []string{"admins"}}, Require: []policy.Requirement{{Kind: policy.ACR, Value: "c2"}}},
	}})
	d := set.Evaluate(anonymous())
	if !d.Demand.MFA || !slices.Equal(d.Demand.ACRs, []string{"c1"}) || !d.Demand.Reauthenticate || d.Demand.MaxAge != time.Hour {
		t.Errorf("got %+v", d.Demand)
	}
}

func TestStaleSubjectIsResolvedAnew(t *testing.T) {
	before := compile(t, policy.Config{})
	after := compile(t, policy.Config{Policies: []policy.Policy{blockFor(policy.Assignment{Groups: []string{"staff"}}, policy.Assignment{})}})
	r := ask(before, alice("staff"))
	if d := before.Evaluate(r); d.Verdict != policy.Allow {
		t.Fatalf("before: got %v", d.Verdict)
	}
	if r.Subject.Current(after) {
		t.Error("a subject is current in a set that did not resolve it")
	}
	if d := after.Evaluate(r); d.Verdict != policy.Block {
		t.Errorf("A16 after: got %v", d.Verdict)
	}
}
