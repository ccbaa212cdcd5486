package e2e

import (
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// rule is one policy, twice: as the Caddyfile has it and as the evaluator takes it. Neither is made of the other.
type rule struct {
	name string
	text string
	is   policy.Policy
}

// agreementRows are the rules that hold below /c/<name>/ and nowhere else: one rule for a row of the semantics, two or
// more for a pair of them.
var agreementRows = []struct {
	name  string
	rules []rule
}{
	{"nothing", nil},
	{"block-all", []rule{{"block-all", "include all\nblock", policy.Policy{Include: policy.Assignment{All: true}, Block: true}}}},
	{"p3-group", []rule{{"p3-group", "include group admins\nblock", policy.Policy{Include: policy.Assignment{Groups: []string{"admins"}}, Block: true}}}},
	{"p3-user", []rule{{"p3-user", "include user alice carl\nrequire mfa", policy.Policy{
		Include: policy.Assignment{Users: []string{"alice", "carl"}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"p3-guests", []rule{{"p3-guests", "include guests\nblock", policy.Policy{Include: policy.Assignment{Guests: true}, Block: true}}}},
	{"p3-provider", []rule{{"p3-provider", "include provider default\nrequire mfa", policy.Policy{
		Include: policy.Assignment{Providers: []string{"default"}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"p5-app", []rule{{"p5-app", "include app gate\nblock", policy.Policy{Include: policy.Assignment{Apps: []string{"gate"}}, Block: true}}}},
	{"p5-not-app", []rule{{"p5-not-app", "exclude app gate\nblock", policy.Policy{Exclude: policy.Assignment{Apps: []string{"gate"}}, Block: true}}}},
	{"p9-network", []rule{{"p9-network", "include network home\nblock", policy.Policy{Include: policy.Assignment{Networks: []string{"home"}}, Block: true}}}},
	{"p9-not-trusted", []rule{{"p9-not-trusted", "exclude network trusted\nrequire mfa", policy.Policy{
		Exclude: policy.Assignment{Networks: []string{policy.TrustedNetworks}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"r1-group-and-network", []rule{{"r1-group-and-network", "include group staff\ninclude network office\nblock", policy.Policy{
		Include: policy.Assignment{Groups: []string{"staff"}, Networks: []string{"office"}}, Block: true,
	}}}},
	{"r2-exclude-group", []rule{{"r2-exclude-group", "include group staff\nexclude group admins\nblock", policy.Policy{
		Include: policy.Assignment{Groups: []string{"staff"}}, Exclude: policy.Assignment{Groups: []string{"admins"}}, Block: true,
	}}}},
	{"r2-exclude-user", []rule{{"r2-exclude-user", "include all\nexclude user adam\nexclude guests\nblock", policy.Policy{
		Include: policy.Assignment{All: true}, Exclude: policy.Assignment{Users: []string{"adam"}, Guests: true}, Block: true,
	}}}},
	{"p1-report-only", []rule{{"p1-report-only", "mode report_only\nblock", policy.Policy{Mode: policy.ReportOnly, Block: true}}}},
	{"p1-off", []rule{{"p1-off", "mode off\nblock", policy.Policy{Mode: policy.Off, Block: true}}}},
	{"p1-on", []rule{{"p1-on", "mode on\nrequire acr:c1", policy.Policy{Mode: policy.On, Require: []policy.Requirement{{Kind: policy.ACR, Value: "c1"}}}}}},
	{"p6-platform", []rule{{"p6-platform", "when platform ios android\nblock", policy.Policy{
		Conditions: policy.Conditions{Platforms: []policy.Platform{policy.IOS, policy.Android}}, Block: true,
	}}}},
	{"p7-unknown", []rule{{"p7-unknown", "when platform unknown\nblock", policy.Policy{
		Conditions: policy.Conditions{Platforms: []policy.Platform{policy.PlatformUnknown}}, Block: true,
	}}}},
	{"p8-client", []rule{{"p8-client", "when client other\nrequire mfa", policy.Policy{
		Conditions: policy.Conditions{Clients: []policy.Client{policy.Other}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"a3-sign-in-risk", []rule{{"a3-sign-in-risk", "when risk sign_in high medium\nblock", policy.Policy{
		Conditions: policy.Conditions{SignInRisk: []policy.Risk{policy.RiskHigh, policy.RiskMedium}}, Block: true,
	}}}},
	{"a3-risk-unknown", []rule{{"a3-risk-unknown", "when risk sign_in unknown\nrequire mfa", policy.Policy{
		Conditions: policy.Conditions{SignInRisk: []policy.Risk{policy.RiskUnknown}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"a3-user-risk", []rule{{"a3-user-risk", "when risk user high\nrequire mfa", policy.Policy{
		Conditions: policy.Conditions{UserRisk: []policy.Risk{policy.RiskHigh}}, Require: []policy.Requirement{{Kind: policy.MFA}},
	}}}},
	{"p12-compliant", []rule{{"p12-compliant", "when device compliant\nblock", policy.Policy{
		Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Compliant}}}, Block: true,
	}}}},
	{"p12-not-compliant", []rule{{"p12-not-compliant", "when device not compliant\nblock", policy.Policy{
		Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Compliant, Not: true}}}, Block: true,
	}}}},
	{"p12-not-managed", []rule{{"p12-not-managed", "when device not managed\nsign_in_frequency 30m", policy.Policy{
		Conditions:      policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Managed, Not: true}}},
		SignInFrequency: policy.Frequency{Interval: 30 * time.Minute},
	}}}},
	{"a7-shared", []rule{{"a7-shared", "when device shared\nblock", policy.Policy{
		Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Shared}}}, Block: true,
	}}}},
	{"p14-mfa", []rule{{"p14-mfa", "require mfa", policy.Policy{Require: []policy.Requirement{{Kind: policy.MFA}}}}}},
	{"p14-device", []rule{{"p14-device", "require compliant_device", policy.Policy{Require: []policy.Requirement{{Kind: policy.CompliantDevice}}}}}},
	{"r6-any", []rule{{"r6-any", "require_any mfa compliant_device", policy.Policy{
		RequireAny: []policy.Requirement{{Kind: policy.MFA}, {Kind: policy.CompliantDevice}},
	}}}},
	{"r6-any-and-all", []rule{{"r6-any-and-all", "require acr:c1\nrequire_any mfa compliant_device", policy.Policy{
		Require:    []policy.Requirement{{Kind: policy.ACR, Value: "c1"}},
		RequireAny: []policy.Requirement{{Kind: policy.MFA}, {Kind: policy.CompliantDevice}},
	}}}},
	{"f4-interval", []rule{{"f4-interval", "sign_in_frequency 30m", policy.Policy{SignInFrequency: policy.Frequency{Interval: 30 * time.Minute}}}}},
	{"f6-every-time", []rule{{"f6-every-time", "sign_in_frequency every_time", policy.Policy{SignInFrequency: policy.Frequency{EveryTime: true}}}}},
	{"r4-block-and-require", []rule{
		{"r4-require", "require mfa", policy.Policy{Require: []policy.Requirement{{Kind: policy.MFA}}}},
		{"r4-block", "include group admins\nblock", policy.Policy{Include: policy.Assignment{Groups: []string{"admins"}}, Block: true}},
	}},
	{"r3-two-requires", []rule{
		{"r3-acr", "require acr:c1", policy.Policy{Require: []policy.Requirement{{Kind: policy.ACR, Value: "c1"}}}},
		{"r3-mfa", "require mfa", policy.Policy{Require: []policy.Requirement{{Kind: policy.MFA}}}},
	}},
	{"r3-mfa-and-device", []rule{
		{"r3-device", "require compliant_device", policy.Policy{Require: []policy.Requirement{{Kind: policy.CompliantDevice}}}},
		{"r3-factor", "include group staff\nrequire mfa", policy.Policy{
			Include: policy.Assignment{Groups: []string{"staff"}}, Require: []policy.Requirement{{Kind: policy.MFA}},
		}},
	}},
	{"r2-excluded-here-not-there", []rule{
		{"r2-here", "exclude group staff\nblock", policy.Policy{Exclude: policy.Assignment{Groups: []string{"staff"}}, Block: true}},
		{"r2-there", "include group staff\nexclude network office\nrequire mfa", policy.Policy{
			Include: policy.Assignment{Groups: []string{"staff"}}, Exclude: policy.Assignment{Networks: []string{"office"}},
			Require: []policy.Requirement{{Kind: policy.MFA}},
		}},
	}},
	{"r5-report-only-beside-on", []rule{
		{"r5-watched", "mode report_only\nblock", policy.Policy{Mode: policy.ReportOnly, Block: true}},
		{"r5-enforced", "when platform linux\nrequire mfa", policy.Policy{
			Conditions: policy.Conditions{Platforms: []policy.Platform{policy.Linux}}, Require: []policy.Requirement{{Kind: policy.MFA}},
		}},
		{"r5-gone", "mode off\nblock", policy.Policy{Mode: policy.Off, Block: true}},
	}},
	{"f12-two-frequencies", []rule{
		{"f12-half", "sign_in_frequency 30m", policy.Policy{SignInFrequency: policy.Frequency{Interval: 30 * time.Minute}}},
		{"f12-every", "include group staff\nsign_in_frequency every_time", policy.Policy{
			Include: policy.Assignment{Groups: []string{"staff"}}, SignInFrequency: policy.Frequency{EveryTime: true},
		}},
	}},
	{"p7-platform-beside-block", []rule{
		{"p7-phones", "when platform ios\nblock", policy.Policy{Conditions: policy.Conditions{Platforms: []policy.Platform{policy.IOS}}, Block: true}},
		{"p7-home", "include network home\ninclude group staff\nblock", policy.Policy{
			Include: policy.Assignment{Networks: []string{"home"}, Groups: []string{"staff"}}, Block: true,
		}},
	}},
}

// The networks, and what the site named gate has of its own.
const (
	agreementNetworks = "network office trusted 192.0.2.0/24 2001:db8:1::/48\nnetwork home 198.51.100.0/24\nnetwork kiosk shared 203.0.113.0/24\n"
	agreementGate     = "app gate\nallow group staff\nallow user carl\ndeny user timo\ndeny group contractors\n" +
		"policy gate-own {\nmatch {\npath /c/block-all/* /c/nothing/*\n}\nexclude network office\nrequire mfa\n}"
)

// agreementConfig is the whole configuration as the evaluator takes it. The id of a policy's matcher is the position of
// the row that it belongs to, counted from 1; onGate is the one of the site's own policy.
func agreementConfig() policy.Config {
	prefix := netip.MustParsePrefix
	c := policy.Config{
		Networks: []policy.Network{
			{Name: "office", Trusted: true, Prefixes: []netip.Prefix{prefix("192.0.2.0/24"), prefix("2001:db8:1::/48")}},
			{Name: "home", Prefixes: []netip.Prefix{prefix("198.51.100.0/24")}},
			{Name: "kiosk", Shared: true, Prefixes: []netip.Prefix{prefix("203.0.113.0/24")}},
		},
		Sites: []policy.Site{{App: "main"}, {
			App:   "gate",
			Allow: []policy.Who{{Kind: policy.WhoGroup, Name: "staff"}, {Kind: policy.WhoUser, Name: "carl"}},
			Deny:  []policy.Who{{Kind: policy.WhoUser, Name: "timo"}, {Kind: policy.WhoGroup, Name: "contractors"}},
			Policies: []policy.Policy{{
				Name: "gate-own", Matcher: onGate, Exclude: policy.Assignment{Networks: []string{"office"}},
				Require: []policy.Requirement{{Kind: policy.MFA}},
			}},
		}},
	}
	for i, row := range agreementRows {
		for _, r := range row.rules {
			p := r.is
			p.Name, p.Matcher = r.name, policy.MatcherID(i+1)
			c.Policies = append(c.Policies, p)
		}
	}
	return c
}

const onGate policy.MatcherID = 1000

// agreementMatch tells what a matcher says of a path.
func agreementMatch(path string) policy.MatchFunc {
	return func(id policy.MatcherID) (bool, error) {
		if id == onGate {
			return strings.HasPrefix(path, "/c/block-all/") || strings.HasPrefix(path, "/c/nothing/"), nil
		}
		return strings.HasPrefix(path, "/c/"+agreementRows[id-1].name+"/"), nil
	}
}

// known is a person: what the provider says, what explain is told, and what the evaluator is told.
type known struct {
	name   string
	claims rig.Claims
	query  map[string]any
	user   policy.User
	age    time.Duration // since they authenticated
	is     policy.Request
}

// agreementPeople each have what some rule looks at.
func agreementPeople() []known {
	type q = map[string]any
	staff, both := []string{"staff"}, []string{"staff", "admins"}
	mfa := policy.Authentication{MFA: true}
	return []known{
		{"alice", rig.Claims{"groups": staff}, q{"groups": staff}, policy.User{Groups: staff, GroupsKnown: true}, 0, policy.Request{}},
		{
			"adam",
			rig.Claims{"groups": both, "amr": []string{"pwd", "otp"}},
			q{"groups": both, "mfa": true},
			policy.User{Groups: both, GroupsKnown: true},
			0,
			policy.Request{Auth: mfa},
		},
		{"gina", rig.Claims{"groups": staff, "acct": 1}, q{"groups": staff, "guest": true}, policy.User{Groups: staff, GroupsKnown: true, Guest: true}, 0, policy.Request{}},
		{
			"olga", rig.Claims{
				"_claim_names":   map[string]string{"groups": "src1"},
				"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.example.com/groups"}},
			}, q{"groups_unknown": true}, policy.User{}, 0, policy.Request{},
		},
		{
			"carl",
			rig.Claims{"groups": []string{}, "acrs": []string{"c1"}, "device_compliant": true, "device_managed": true},
			q{"acrs": []string{"c1"}, "compliant": "yes", "managed": "yes"},
			policy.User{GroupsKnown: true},
			0,
			policy.Request{Auth: policy.Authentication{ACRs: []string{"c1"}}, Device: policy.Device{Compliant: policy.Yes, Managed: policy.Yes}},
		},
		{
			"rita",
			rig.Claims{"groups": staff, "risk": "high", "user_risk": "low", "device_compliant": false, "device_managed": false},
			q{"groups": staff, "sign_in_risk": "high", "user_risk": "low", "compliant": "no", "managed": "no"},
			policy.User{Groups: staff, GroupsKnown: true},
			0,
			policy.Request{SignInRisk: policy.RiskHigh, UserRisk: policy.RiskLow, Device: policy.Device{Compliant: policy.No, Managed: policy.No}},
		},
		{
			"otto",
			rig.Claims{"groups": staff, "auth_age": 3600, "user_risk": "high", "amr": []string{"pwd", "mfa"}, "acrs": []string{"c1", "c2"}},
			q{"groups": staff, "user_risk": "high", "mfa": true, "acrs": []string{"c1", "c2"}},
			policy.User{Groups: staff, GroupsKnown: true},
			time.Hour,
			policy.Request{UserRisk: policy.RiskHigh, Auth: policy.Authentication{MFA: true, ACRs: []string{"c1", "c2"}}},
		},
		{
			"timo",
			rig.Claims{"groups": staff, "auth_age": 600, "risk": "none", "device_shared": true},
			q{"groups": staff, "sign_in_risk": "none", "shared": "yes"},
			policy.User{Groups: staff, GroupsKnown: true},
			10 * time.Minute,
			policy.Request{SignInRisk: policy.RiskNone, Device: policy.Device{Shared: policy.Yes}},
		},
		{
			"sven",
			rig.Claims{"groups": []string{"staff", "contractors"}},
			q{"groups": []string{"staff", "contractors"}},
			policy.User{Groups: []string{"staff", "contractors"}, GroupsKnown: true},
			0,
			policy.Request{},
		},
		{
			"vera",
			rig.Claims{"groups": []string{"visitors"}, "risk": "medium"},
			q{"groups": []string{"visitors"}, "sign_in_risk": "medium"},
			policy.User{Groups: []string{"visitors"}, GroupsKnown: true},
			0,
			policy.Request{SignInRisk: policy.RiskMedium},
		},
	}
}
