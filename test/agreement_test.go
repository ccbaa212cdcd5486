package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// situation is what a request has beside the person: where it comes from and what sends it.
type situation struct {
	name     string
	ip       string
	header   http.Header
	platform policy.Platform
	client   policy.Client
}

// situations are held against every row: the trusted network by IPv4 and IPv6, another, a shared one, and none.
func situations() []situation {
	script := func(agent string) http.Header {
		return http.Header{
			"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
			"User-Agent": {agent},
		}
	}
	program := http.Header{"Accept": {"application/json"}, "User-Agent": {uaCurl}}
	return []situation{
		{"office, Linux", "192.0.2.7", script(uaLinux), policy.Linux, policy.Browser},
		{"home, a phone", "198.51.100.9", script(uaPhone), policy.IOS, policy.Browser},
		{"a kiosk, Windows", "203.0.113.4", script(uaWindows), policy.Windows, policy.Browser},
		{"office, a program", "2001:db8:1::5", program, policy.PlatformUnknown, policy.Other},
		{"nowhere, Android", "2001:db8:9::5", script(uaAndroid), policy.Android, policy.Browser},
	}
}

// answer is what each of the three says about a case.
type answer struct {
	Verdict, Reason string
	Code            int
}

// agreement is a gateway with the rules of the table, and the same rules for the evaluator.
type agreement struct {
	*site
	apps    map[string]string    // address of each app
	people  map[string]*rig.HTTP // by name; "" is an anonymous client
	rules   *policy.Set
	counts  map[string]int // cases of each verdict
	reasons map[string]int // and of each reason
}

// W1, and each row that the table names (P1, P3, P5 to P9, P12, P14, R1 to R6, F4, F6, F12, A3, A6, A7), alone and in pairs:
// the evaluator, the gateway with people who signed in at a provider, and explain come to the same verdict, reason and code.
func TestThreeSourcesAgree(t *testing.T) {
	t.Parallel()
	a := newAgreement(t)
	who := []*known{nil} // an anonymous client
	for _, p := range agreementPeople() {
		who = append(who, &p)
	}
	// A sample of the table: the oracle of the policies and the property test of explain go through far more. Each row
	// meets several users and situations.
	for app, step := range map[string]int{"main": 11, "gate": 29} {
		for i, row := range agreementRows {
			for j, sit := range situations() {
				for k, p := range who {
					if (i+3*j+5*k)%step == 0 {
						a.compare(app, row.name, p, &sit)
					}
				}
			}
		}
	}
	total := 0
	for _, n := range a.counts {
		total += n
	}
	t.Logf("%d cases: %v, %v", total, a.counts, a.reasons)
	if total < 200 {
		t.Errorf("%d cases, want 200 at least", total)
	}
	for _, reason := range []policy.Reason{
		policy.Allowed, policy.SignInRequired, policy.MFARequired, policy.ACRRequired, policy.FrequencyRequired,
		policy.EveryTimeRequired, policy.Blocked, policy.PlatformBlocked, policy.Denied, policy.NotAdmitted,
		policy.GroupOverage, policy.DeviceNotCompliant, policy.DeviceUnknown,
	} {
		if a.reasons[string(reason)] == 0 {
			t.Errorf("no case of %s", reason)
		}
	}
	for _, verdict := range []policy.Verdict{policy.Allow, policy.Block, policy.StepUp, policy.SignIn} {
		if n := a.counts[verdict.String()]; n < 10 {
			t.Errorf("%s: %d cases, want 10 at least", verdict, n)
		}
	}
}

// newAgreement signs all users in and then adds the second site.
func newAgreement(t *testing.T) *agreement {
	t.Helper()
	users := map[string]rig.Claims{}
	for _, p := range agreementPeople() {
		users[p.name] = maps.Clone(p.claims)
		users[p.name]["preferred_username"] = p.name
	}
	app := agreementNetworks
	for _, row := range agreementRows {
		for _, r := range row.rules {
			app += fmt.Sprintf("policy %s {\nmatch {\npath /c/%s/*\n}\n%s\n}\n", r.name, row.name, r.text)
		}
	}
	s := newSite(t, config{
		embedded: true, users: users, app: app, site: "app main",
		provider: "device_claim compliant device_compliant\ndevice_claim managed device_managed",
		global:   "servers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\n}",
		idp:      func(ic *rig.IDPConfig) { ic.ExtraClaims = []string{"acrs"} },
	})
	a := &agreement{
		site: s, apps: map[string]string{"main": s.origin()}, people: map[string]*rig.HTTP{"": rig.NewHTTP(t)},
		counts: map[string]int{}, reasons: map[string]int{},
	}
	for name := range users {
		a.people[name] = rig.NewHTTP(t)
		s.entered(a.people[name], "/", name, "No")
	}
	a.apps["gate"] = fmt.Sprintf("http://127.0.0.1:%d", rig.FreePort(t))
	second := fmt.Sprintf("%s {\nlatchkey {\n%s\n}\nreverse_proxy %s\n}\n", a.apps["gate"], agreementGate, s.app.Addr)
	if err := s.gw.Reload(s.caddyfile() + second); err != nil {
		t.Fatal(err)
	}
	var err error
	if a.rules, err = policy.Compile(agreementConfig()); err != nil {
		t.Fatal(err)
	}
	return a
}

// compare asks all three about one case; p is nil for an anonymous client.
func (a *agreement) compare(app, row string, p *known, sit *situation) {
	a.t.Helper()
	name, path := "", "/c/"+row+"/x"
	if p != nil {
		name = p.name
	}
	want, by := a.evaluates(app, path, p, sit)
	ex := a.explains(agreementQuery(app, path, p, sit))
	told := answer{ex.Verdict, ex.Reason, ex.Code}
	got := a.gateway(app, path, name, sit)
	a.counts[want.Verdict]++
	a.reasons[want.Reason]++
	if told != want || !slices.Equal(ex.By, by) || got != want {
		a.t.Errorf("%s %s, %q, %s:\nevaluator %v by %v\nexplain   %v by %v\ngateway   %v", app, path, name, sit.name, want, by, told, ex.By, got)
	}
}

// evaluates asks the evaluator, and tells also which policies made the verdict.
func (a *agreement) evaluates(app, path string, p *known, sit *situation) (answer, []string) {
	a.t.Helper()
	r, now := policy.Request{}, time.Now()
	if p != nil {
		r = p.is
		u := p.user
		u.Names, u.Provider = []string{p.name}, "default"
		r.Subject = a.rules.Resolve(u)
		r.Auth.AuthTime = now.Add(-p.age)
	}
	r.App, r.IP, r.Platform, r.Client = app, netip.MustParseAddr(sit.ip), sit.platform, sit.client
	r.Time, r.Match = now, agreementMatch(path)
	d := a.rules.Evaluate(&r)
	if d.Err != nil {
		a.t.Fatal(d.Err)
	}
	return answer{d.Verdict.String(), string(d.Reason), d.Code}, d.Policies()
}

func agreementQuery(app, path string, p *known, sit *situation) map[string]any {
	q := map[string]any{"anonymous": true}
	if p != nil {
		q = maps.Clone(p.query)
		q["user"], q["kind"], q["auth_age"] = p.name, "browser", p.age.String()
	}
	q["app"], q["path"], q["ip"], q["header"] = app, path, sit.ip, sit.header
	return q
}

// gateway makes the request as its client would, behind a proxy that the gateway trusts.
func (a *agreement) gateway(app, path, name string, sit *situation) (got answer) {
	a.t.Helper()
	header := sit.header.Clone()
	header["X-Forwarded-For"] = []string{sit.ip}
	r := a.people[name].Do(rig.Call{URL: a.apps[app] + path, Header: header})
	if r.StatusCode == http.StatusOK {
		return answer{policy.Allow.String(), string(policy.Allowed), 0}
	}
	if err := json.Unmarshal([]byte(r.Text), &got); err != nil {
		a.t.Fatalf("%s: %d %s", path, r.StatusCode, r.Text)
	}
	switch {
	case r.StatusCode == http.StatusForbidden:
		got.Verdict = policy.Block.String()
	case r.StatusCode == http.StatusUnauthorized && got.Reason == string(policy.SignInRequired):
		got.Verdict = policy.SignIn.String()
	case r.StatusCode == http.StatusUnauthorized && got.Reason != "":
		got.Verdict = policy.StepUp.String()
	default:
		got.Verdict = r.Status
	}
	return got
}
