package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

func TestCompileRefuses(t *testing.T) {
	type a = policy.Assignment
	type p = policy.Policy
	always := func(change func(*p)) p {
		pol := p{Name: "p", PersistentBrowser: policy.Always}
		change(&pol)
		return pol
	}
	for _, tc := range []struct {
		name, want string
		policy     p
	}{
		{"P2 empty", "the policy is empty", p{Name: "p", Include: a{All: true}}},
		{"P2 empty and off", "the policy is empty", p{Name: "p", Mode: policy.Off}},
		{"no name", "policy: a name is missing", p{Block: true}},
		{"control characters", `policy name "a\nb" has control characters`, p{Name: "a\nb", Block: true}},
		{"a terminal escape", "has control characters", p{Name: "a\x1b[2J", Block: true}},
		{"a line separator", "has control characters", p{Name: "a\u2028b", Block: true}},
		{"text turned around", "has control characters", p{Name: "a\u202eb", Block: true}},
		{"no UTF-8", "not valid UTF-8", p{Name: "a\xff", Block: true}},
		{"control characters in a group", `include group name "a\x00"`, p{Name: "p", Block: true, Include: a{Groups: []string{"a\x00"}}}},
		{"empty user", "exclude user: a name is missing", p{Name: "p", Block: true, Exclude: a{Users: []string{""}}}},
		{"unknown network", `unknown network "office"`, p{Name: "p", Block: true, Include: a{Networks: []string{"office"}}}},
		{"unknown network, excluded", `unknown network "office"`, p{Name: "p", Block: true, Exclude: a{Networks: []string{"office"}}}},
		{"a network by case", `unknown network "VPN"`, p{Name: "p", Block: true, Include: a{Networks: []string{"VPN"}}}},
		{"no network is trusted", "no network is marked trusted", p{Name: "p", Block: true, Include: a{Networks: []string{"trusted"}}}},
		{"exclude all", "could never apply", p{Name: "p", Block: true, Exclude: a{All: true}}},
		{"include all and a group", "have no effect", p{Name: "p", Block: true, Include: a{All: true, Groups: []string{"x"}}}},
		{"include and exclude a group", `group "x" is both included and excluded`, p{Name: "p", Block: true, Include: a{Groups: []string{"x"}}, Exclude: a{Groups: []string{"x"}}}},
		{"include and exclude an app", `app "x" is both included and excluded`, p{Name: "p", Block: true, Include: a{Apps: []string{"x"}}, Exclude: a{Apps: []string{"x"}}}},
		{"include and exclude guests", "guests are both", p{Name: "p", Block: true, Include: a{Guests: true}, Exclude: a{Guests: true}}},
		{"block and require", "block together with require", p{Name: "p", Block: true, Require: []policy.Requirement{mfa}}},
		{"block and require any", "block together with require", p{Name: "p", Block: true, RequireAny: []policy.Requirement{mfa}}},
		{"block and frequency", "block together with a session control", p{Name: "p", Block: true, SignInFrequency: policy.Frequency{EveryTime: true}}},
		{"block and idle", "block together with a session control", p{Name: "p", Block: true, MaxIdle: time.Hour}},
		{"block and persistence", "block together with a session control", p{Name: "p", Block: true, PersistentBrowser: policy.Never}},
		{"two frequencies", "both every_time and 1h0m0s", p{Name: "p", SignInFrequency: policy.Frequency{EveryTime: true, Interval: time.Hour}}},
		{"negative frequency", "less than a second", p{Name: "p", SignInFrequency: policy.Frequency{Interval: -time.Hour}}},
		{"negative idle", "less than a second", p{Name: "p", MaxIdle: -1}},
		{"acr without a value", "acr: a name is missing", require("p", policy.Requirement{Kind: policy.ACR})},
		{"mfa with a value", "mfa takes no value", require("p", policy.Requirement{Kind: policy.MFA, Value: "x"})},
		{"invalid requirement", "requirement is invalid(9)", require("p", policy.Requirement{Kind: 9})},
		{"required anyway", "mfa is required anyway", p{Name: "p", Require: []policy.Requirement{mfa}, RequireAny: []policy.Requirement{mfa, acr("c1")}}},
		{"compliant and not", "both compliant and not compliant", p{Name: "p", Block: true, Conditions: policy.Conditions{
			Devices: []policy.DeviceCondition{{Attribute: policy.Compliant}, {Attribute: policy.Compliant, Not: true}},
		}}},
		{"invalid attribute", "device attribute is invalid(4)", p{Name: "p", Block: true, Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: 4}}}}},
		{"invalid requirement", "requirement is invalid(4)", require("p", policy.Requirement{Kind: 4})},
		{"both bound and not", "no device is both bound and not bound", p{Name: "p", Block: true, Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound}, {Attribute: policy.Bound, Not: true}}}}},
		{"persistence of bound sessions", "binds a session after", always(func(p *p) { p.Conditions.Devices = []policy.DeviceCondition{{Attribute: policy.Bound}} })},
		{"persistence of other sessions", "binds a session after", always(func(p *p) { p.Conditions.Devices = []policy.DeviceCondition{{Attribute: policy.Bound, Not: true}} })},
		{"bound, with a value", "takes no value", require("p", policy.Requirement{Kind: policy.BoundSession, Value: "x"})},
		{"invalid platform", "platform is invalid(77)", p{Name: "p", Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{77}}}},
		{"invalid mode", "mode is invalid(3)", p{Name: "p", Block: true, Mode: 3}},
		{"invalid persistence", "persistent_browser is invalid(3)", p{Name: "p", PersistentBrowser: 3}},
		{"invalid matcher", "is negative", p{Name: "p", Block: true, Matcher: -1}},
		{"B2 B3 apps", "limited to apps", always(func(p *p) { p.Include.Apps = []string{"wiki"} })},
		{"B3 excluded apps", "limited to apps", always(func(p *p) { p.Exclude.Apps = []string{"wiki"} })},
		{"B3 matcher", "matcher selects", always(func(p *p) { p.Matcher = 1 })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.policy.Position = "Caddyfile:7"
			_, err := policy.Compile(policy.Config{
				Networks: []policy.Network{{Name: "vpn", Prefixes: prefixes("10.8.0.0/16")}},
				Policies: []policy.Policy{tc.policy},
			})
			wantError(t, err, "Caddyfile:7: ", tc.want)
		})
	}
}

func TestCompileRefusesSitesAndNetworks(t *testing.T) {
	block := policy.Policy{Name: "p", Block: true}
	group := policy.Who{Kind: policy.WhoGroup, Name: "x"}
	vpn := policy.Network{Name: "vpn", Prefixes: prefixes("10.8.0.0/16")}
	for _, tc := range []struct {
		name, want string
		cfg        policy.Config
	}{
		{"policies of one name", `policy "p": this name is used twice`, policy.Config{Policies: []policy.Policy{block, block}}},
		{"policies of one name at a site", `site "wiki": policy "p": this name is used twice`, policy.Config{Sites: []policy.Site{{App: "wiki", Policies: []policy.Policy{block, block}}}}},
		{"a site hides a policy for all", "a policy for all sites has this name already", policy.Config{Policies: []policy.Policy{block}, Sites: []policy.Site{{App: "wiki", Policies: []policy.Policy{block}}}}},
		{"sites of one name", `app "wiki" is defined twice`, policy.Config{Sites: []policy.Site{{App: "wiki"}, {App: "wiki"}}}},
		{"a site without a name", "app: a name is missing", policy.Config{Sites: []policy.Site{{}}}},
		{"allowed and denied", `"x" is both allowed and denied`, policy.Config{Sites: []policy.Site{{App: "wiki", Allow: []policy.Who{group}, Deny: []policy.Who{group}}}}},
		{"allow nobody", "allow group: a name is missing", policy.Config{Sites: []policy.Site{{App: "wiki", Allow: []policy.Who{{Kind: policy.WhoGroup}}}}}},
		{"allow what", "invalid kind of subject (0)", policy.Config{Sites: []policy.Site{{App: "wiki", Allow: []policy.Who{{Name: "x"}}}}}},
		{"B3 at a site", "limited to a site", policy.Config{Sites: []policy.Site{{App: "wiki", Policies: []policy.Policy{{Name: "p", PersistentBrowser: policy.Never}}}}}},
		{"apps at a site", "it cannot name apps", policy.Config{Sites: []policy.Site{{App: "wiki", Policies: []policy.Policy{{Name: "p", Block: true, Include: policy.Assignment{Apps: []string{"wiki"}}}}}}}},
		{"networks of one name", `network "vpn" is defined twice`, policy.Config{Networks: []policy.Network{vpn, vpn}}},
		{"a network without addresses", `network "vpn" has no addresses`, policy.Config{Networks: []policy.Network{{Name: "vpn"}}}},
		{"an invalid prefix", `network "vpn" has an invalid prefix`, policy.Config{Networks: []policy.Network{{Name: "vpn", Prefixes: []netip.Prefix{{}}}}}},
		{"a reserved name", "stands for all trusted networks", policy.Config{Networks: []policy.Network{{Name: "trusted", Prefixes: vpn.Prefixes}}}},
		{"a network with control characters", `network name "a\tb"`, policy.Config{Networks: []policy.Network{{Name: "a\tb", Prefixes: vpn.Prefixes}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policy.Compile(tc.cfg)
			wantError(t, err, tc.want)
		})
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	var c *policy.ConfigError
	if !errors.As(err, &c) {
		t.Fatalf("got %v, want a ConfigError", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got %q, want %q in it", err, p)
		}
	}
}

func TestCompileNamesEveryFault(t *testing.T) {
	_, err := policy.Compile(policy.Config{Policies: []policy.Policy{
		{Name: "one"},
		{Name: "two", Block: true, Include: policy.Assignment{Networks: []string{"a", "b"}}},
	}})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 3 {
		t.Fatalf("got %v, want three faults", err)
	}
	wantError(t, err, `policy "one"`, `policy "two": unknown network "a"`, `unknown network "b"`)
}

// Snippets repeat a site policy at several sites.
func TestSitesMayShareAPolicyName(t *testing.T) {
	fresh := everyTime("fresh")
	set := compile(t, policy.Config{Sites: []policy.Site{
		{App: "wiki", Policies: []policy.Policy{fresh}}, {App: "admin", Policies: []policy.Policy{fresh}}, {App: "open"},
	}})
	for app, want := range map[string]policy.Verdict{"wiki": policy.StepUp, "admin": policy.StepUp, "open": policy.Allow} {
		r := ask(set, alice())
		r.App = app
		r.Auth.AuthTime = now.Add(-time.Hour)
		if d := set.Evaluate(r); d.Verdict != want {
			t.Errorf("%s: got %v, want %v", app, d.Verdict, want)
		}
	}
}

// Every word reads and writes itself, and nothing else is read.
func TestWords(t *testing.T) {
	type words struct {
		Mode        policy.Mode
		Persistence policy.Persistence
		Platform    []policy.Platform
		Client      []policy.Client
		Risk        []policy.Risk
		Signal      []policy.Signal
		Attribute   []policy.Attribute
	}
	const all = `{"Mode":"report_only","Persistence":"never",` +
		`"Platform":["unknown","android","ios","windows","macos","linux"],"Client":["other","browser"],` +
		`"Risk":["unknown","none","low","medium","high","hidden"],"Signal":["unknown","no","yes"],` +
		`"Attribute":["compliant","managed","shared","bound"]}`
	var w words
	if err := json.Unmarshal([]byte(all), &w); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(w); err != nil || string(got) != all {
		t.Errorf("got %s, %v", got, err)
	}
	for _, word := range []string{"", "On", "report-only", " on", "invalid(0)"} {
		if err := json.Unmarshal([]byte(`{"Mode":"`+word+`"}`), &w); err == nil {
			t.Errorf("%q is a mode", word)
		}
	}
	for _, word := range []string{"mfa", "acr:c1", "acr:urn:x:{env.X}", "bound_session", "compliant_device"} {
		if q, err := policy.ParseRequirement(word); err != nil || q.String() != word {
			t.Errorf("%s: got %v, %v", word, q, err)
		}
	}
	for _, word := range []string{"", "MFA", "acr", "acr:", "compliant", "bound"} {
		if q, err := policy.ParseRequirement(word); err == nil {
			t.Errorf("%q: got %v", word, q)
		}
	}
	if got := fmt.Sprint(policy.SignIn, policy.Allow, policy.ResultReportOnlyInterrupted, policy.Frequency{}); got != "sign_in allow reportOnlyInterrupted unset" {
		t.Errorf("got %s", got)
	}
}
