package policy_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
)

var update = flag.Bool("update", false, "write testdata/decisions.golden")

// company is a small company with the usual templates: MFA for admins and outside the office, a break-glass account,
// guests, kiosks, unmanaged devices (R9), a sensitive app, and a rule that is still being tried out.
func company() policy.Config {
	group := func(names ...string) policy.Assignment { return policy.Assignment{Groups: names} }
	breakglass := policy.Assignment{Users: []string{"breakglass"}}
	outside := policy.Assignment{Users: []string{"breakglass"}, Networks: []string{policy.TrustedNetworks}}
	unmanaged := policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Managed, Not: true}}}
	return policy.Config{
		Networks: networks,
		Policies: []policy.Policy{
			{Name: "mfa-admins", Include: group("admins"), Exclude: breakglass, Require: []policy.Requirement{mfa}},
			{Name: "mfa-outside", Exclude: outside, RequireAny: []policy.Requirement{mfa, compliant}},
			{Name: "unmanaged", Exclude: breakglass, Conditions: unmanaged, PersistentBrowser: policy.Never, SignInFrequency: policy.Frequency{Interval: time.Hour}},
			{Name: "unknown-platforms", Exclude: breakglass, Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{policy.PlatformUnknown}}},
			{Name: "kiosks", Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Shared}}}, PersistentBrowser: policy.Never, MaxIdle: 5 * time.Minute},
			{Name: "office-stays", Include: policy.Assignment{Networks: []string{"office"}}, PersistentBrowser: policy.Always},
			{Name: "guests-office-hours", Mode: policy.ReportOnly, Include: policy.Assignment{Guests: true}, Block: true},
		},
		Sites: []policy.Site{
			{App: "wiki"},
			{
				App: "payroll", Allow: []policy.Who{{Kind: policy.WhoGroup, Name: "admins"}, {Kind: policy.WhoUser, Name: "breakglass"}},
				Deny:     []policy.Who{{Kind: policy.WhoGroup, Name: "contractors"}},
				Policies: []policy.Policy{{Name: "fresh", Exclude: breakglass, Require: []policy.Requirement{acr("c1")}, SignInFrequency: policy.Frequency{EveryTime: true}}},
			},
			{
				App: "vault",
				Policies: []policy.Policy{
					{Name: "bound", Exclude: breakglass, Require: []policy.Requirement{{Kind: policy.BoundSession}}},
					{Name: "often", Conditions: policy.Conditions{Devices: []policy.DeviceCondition{{Attribute: policy.Bound, Not: true}}}, SignInFrequency: policy.Frequency{Interval: time.Hour}},
				},
			},
		},
	}
}

// Every combination of people, places, devices and sign-ins at two sites of a company. Read the file: it is meant to
// be judged by people.
func TestGolden(t *testing.T) {
	set := compile(t, company())
	people := []struct {
		name string
		user *policy.User
	}{
		{"nobody", nil},
		{"staff", &policy.User{Names: []string{"alice"}, GroupsKnown: true, Groups: []string{"staff"}}},
		{"admin", &policy.User{Names: []string{"bob"}, GroupsKnown: true, Groups: []string{"staff", "admins"}}},
		{"contracted admin", &policy.User{Names: []string{"carol"}, GroupsKnown: true, Groups: []string{"admins", "contractors"}}},
		{"guest", &policy.User{Names: []string{"dan"}, GroupsKnown: true, Guest: true}},
		{"overage", &policy.User{Names: []string{"erin"}}},
		{"breakglass", &policy.User{Names: []string{"breakglass"}}},
	}
	devices := []struct {
		name     string
		platform policy.Platform
		device   policy.Device
	}{
		{"own phone", policy.IOS, policy.Device{}},
		{"managed pc", policy.Windows, policy.Device{Compliant: policy.Yes, Managed: policy.Yes}},
		{"odd client", policy.PlatformUnknown, policy.Device{Compliant: policy.No}},
	}
	auths := []struct {
		name string
		auth policy.Authentication
	}{
		{"password 2h ago", policy.Authentication{AuthTime: now.Add(-2 * time.Hour)}},
		{"mfa 1m ago", policy.Authentication{AuthTime: now.Add(-time.Minute), MFA: true, ACRs: []string{"c1"}}},
	}
	var b strings.Builder
	for _, app := range []string{"wiki", "payroll", "vault"} {
		if app == "vault" {
			devices = devices[1:2]
			devices = append(devices, devices[0])
			devices[1].name, devices[1].device.Bound = "bound pc", true
		}
		for _, p := range people {
			for _, ip := range []string{"198.51.100.7", "203.0.113.9", "203.0.113.200", ""} {
				for _, dev := range devices {
					for _, au := range auths {
						if p.user == nil && au.auth.MFA {
							continue
						}
						r := anonymous()
						r.App, r.Platform, r.Device = app, dev.platform, dev.device
						at(ip)(r)
						who := []string{app, p.name, ip, dev.name}
						if p.user != nil {
							r.Subject, r.Auth = set.Resolve(*p.user), au.auth
							who = append(who, au.name)
						}
						fmt.Fprintf(&b, "%s\n", strings.Join(who, " | "))
						d := set.Evaluate(r)
						writeDecision(&b, &d)
					}
				}
			}
		}
	}
	const file = "testdata/decisions.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(b.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d: got %q, want %q (rewrite with -update, and read the difference)", i+1, got[min(i, len(got)-1)], line)
		}
	}
	if n := strings.Count(b.String(), " => "); n < 200 {
		t.Errorf("%d cases", n)
	}
}

func writeDecision(b *strings.Builder, d *policy.Decision) {
	fmt.Fprintf(b, "  => %v %s", d.Verdict, d.Reason)
	if d.Code != 0 {
		fmt.Fprintf(b, " %d", d.Code)
	}
	if names := d.Policies(); names != nil {
		fmt.Fprintf(b, " by %s", strings.Join(names, ", "))
	}
	if dm := d.Demand; dm.MFA || dm.ACRs != nil || dm.Reauthenticate {
		fmt.Fprintf(b, "; ask mfa=%t acr=%v", dm.MFA, dm.ACRs)
		if dm.Reauthenticate {
			fmt.Fprintf(b, " max_age=%v login=%t", dm.MaxAge, dm.PromptLogin)
		}
	}
	fmt.Fprintf(b, "; %s", d.Status)
	if names := d.PersistentBrowserPolicies(); names != nil {
		fmt.Fprintf(b, "; persistence %v by %s", d.PersistentBrowser, strings.Join(names, ", "))
	}
	if d.MaxIdle != 0 {
		fmt.Fprintf(b, "; idle %v", d.MaxIdle)
	}
	for o := range d.Applied {
		if o.Mode == policy.ReportOnly {
			fmt.Fprintf(b, "; %s %v", o.Policy, o.Result)
		}
	}
	b.WriteByte('\n')
}
