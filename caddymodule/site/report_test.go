package site

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// siteWith is a handler that has policies and nothing else.
func siteWith(t *testing.T, logger *zap.Logger, policies ...policy.Policy) *Site {
	t.Helper()
	h := &Site{Site: &config.Site{App: "wiki"}, Tenant: new(Tenant), logger: logger, matchers: new(Matchers), SignIn: access.Site{App: "wiki"}}
	h.needed = neededSignals{}.and(policies)
	var err error
	if h.Compiled, err = policy.Compile(policy.Config{Policies: policies, Sites: []policy.Site{{App: "wiki"}}}); err != nil {
		t.Fatal(err)
	}
	return h
}

// count reads a counter of the process, by the values of its labels in the order of their names.
func count(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(Collectors()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var values []string
			for _, l := range m.Label {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// O1, O4: what a report-only policy would have done is counted and logged; what the policies decided is counted, and does
// not depend on it.
func TestReportOnlyIsCounted(t *testing.T) {
	watching := func(name string, p policy.Policy) policy.Policy {
		p.Name, p.Mode = name, policy.ReportOnly
		return p
	}
	mfa := []policy.Requirement{{Kind: policy.MFA}}
	broken := watching("rep-broken", policy.Policy{Block: true, Matcher: 1})
	policies := []policy.Policy{
		watching("rep-block", policy.Policy{Block: true, Include: policy.Assignment{Groups: []string{"g"}}}),
		watching("rep-anyone", policy.Policy{Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{policy.Android}}}),
		watching("rep-mfa", policy.Policy{Require: mfa}),
		watching("rep-fine", policy.Policy{SignInFrequency: policy.Frequency{Interval: time.Hour}}),
		{Name: "rep-off", Mode: policy.Off, Block: true},
	}
	someone := &session.Record{AuthTime: time.Now(), GroupsComplete: true, Groups: []string{"g"}}
	type tally struct{ block, anyone, mfa, fine, broken, off float64 }
	now := func() tally {
		c := func(p, result string) float64 { return count(t, "caddy_latchkey_report_only_total", p, result) }
		return tally{
			c("rep-block", wouldBlock), c("rep-anyone", wouldBlock), c("rep-mfa", wouldStepUp),
			c("rep-fine", wouldBlock) + c("rep-fine", wouldStepUp), c("rep-broken", wouldBlock), c("rep-off", wouldBlock),
		}
	}
	for _, tt := range []struct {
		name     string
		policies []policy.Policy
		who      *session.Record
		agent    string
		verdict  policy.Verdict
		want     tally
		blocked  []string
		asked    []string
	}{
		{"signed in", policies, someone, "", policy.Allow, tally{block: 1, mfa: 1}, []string{"rep-block"}, []string{"rep-mfa"}},
		{
			"signed in on a phone", policies, someone, "X (Linux; Android 14)", policy.Allow,
			tally{block: 1, anyone: 1, mfa: 1},
			[]string{"rep-block", "rep-anyone"},
			[]string{"rep-mfa"},
		},
		{"anonymous: asked to sign in as it is", policies, nil, "", policy.SignIn, tally{}, nil, nil},
		{"anonymous on a phone", policies, nil, "X (Linux; Android 14)", policy.SignIn, tally{anyone: 1}, []string{"rep-anyone"}, nil},
		{"one that fails", []policy.Policy{broken}, someone, "", policy.Allow, tally{broken: 1}, []string{"rep-broken"}, nil},
		{"none", nil, someone, "", policy.Allow, tally{}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zapcore.WarnLevel)
			h := siteWith(t, zap.New(core), tt.policies...)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("User-Agent", tt.agent)
			var subject *policy.Subject
			if tt.who != nil {
				subject = h.Compiled.Resolve(h.User(tt.who))
			}
			q := h.Request(r, &access.Visit{IP: netip.MustParseAddr("192.0.2.1"), Header: r.Header}, subject, tt.who)
			q.Match = policy.MatchFunc(func(policy.MatcherID) (bool, error) { return false, errors.New("broken") })
			d := h.Compiled.Evaluate(q)
			before, decisions := now(), count(t, "caddy_latchkey_requests_total", tt.verdict.String(), string(d.Reason))
			id := noSession
			if tt.who != nil {
				id = session.ID{1}
			}
			h.recordDecision(r, &d, inSession(id))
			after := now()
			counted := count(t, "caddy_latchkey_requests_total", tt.verdict.String(), string(d.Reason))
			got := tally{
				after.block - before.block, after.anyone - before.anyone, after.mfa - before.mfa, after.fine - before.fine,
				after.broken - before.broken, after.off - before.off,
			}
			if got != tt.want {
				t.Errorf("counted %+v, want %+v", got, tt.want)
			}
			if n := counted - decisions; n != 1 {
				t.Errorf("%v decisions counted, want one of %v", n, tt.verdict)
			}
			if n := logs.Len(); n != int(tt.want.broken) {
				t.Errorf("%d warnings: %v", n, logs.All())
			}
			if blocked, asked := h.watched(&d, tt.who != nil); !slices.Equal(blocked, tt.blocked) || !slices.Equal(asked, tt.asked) {
				t.Errorf("logged %v and %v, want %v and %v", blocked, asked, tt.blocked, tt.asked)
			}
		})
	}
}

// P7, A14: platform and client are found out if a policy depends on them, and not otherwise. At the end of a sign-in,
// where there is no request, they are those of the browser that signs in.
func TestPlatformAndClientOfARequest(t *testing.T) {
	const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15"
	platform := policy.Policy{Name: "p", Block: true, Conditions: policy.Conditions{Platforms: []policy.Platform{policy.IOS}}}
	client := policy.Policy{Name: "p", Block: true, Conditions: policy.Conditions{Clients: []policy.Client{policy.Other}}}
	off := platform
	off.Mode = policy.Off
	for _, tt := range []struct {
		name     string
		policy   policy.Policy
		platform policy.Platform
		client   policy.Client
		signIn   policy.Client
	}{
		{"platform", platform, policy.IOS, policy.Other, policy.Other},
		{"client", client, policy.PlatformUnknown, policy.Browser, policy.Browser},
		{"a policy that is off", off, policy.PlatformUnknown, policy.Other, policy.Other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := siteWith(t, zap.NewNop(), tt.policy)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("User-Agent", phone)
			r.Header.Set("Sec-Fetch-Mode", "cors")
			v := &access.Visit{Header: r.Header}
			if q := h.Request(r, v, nil, nil); q.Platform != tt.platform || q.Client != tt.client {
				t.Errorf("a request: %v, %v", q.Platform, q.Client)
			}
			if q := h.Request(nil, v, nil, nil); q.Platform != tt.platform || q.Client != tt.signIn {
				t.Errorf("the end of a sign-in: %v, %v", q.Platform, q.Client)
			}
		})
	}
}
