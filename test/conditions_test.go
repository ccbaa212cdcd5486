package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

const (
	onIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)

// P7, A14: platform and kind of client are those of each request, for a session of any user.
func TestPlatformAndClientConditions(t *testing.T) {
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "No")
	for _, tt := range []struct {
		name, policy string
		header       http.Header
		want         int
	}{
		{"named platform", "when platform ios\nblock", http.Header{"User-Agent": {onIPhone}}, 403},
		{"another platform", "when platform ios\nblock", http.Header{"User-Agent": {onWindows}}, 200},
		{"the hint counts before the agent", "when platform ios\nblock", http.Header{"User-Agent": {onWindows}, "Sec-CH-UA-Platform": {`"iOS"`}}, 403},
		{"unknown is no named platform", "when platform android ios windows macos linux\nblock", http.Header{"User-Agent": {"curl/8.9.1"}}, 200},
		{"unknown by name", "when platform unknown\nblock", http.Header{"User-Agent": {"curl/8.9.1"}}, 403},
		{"a browser", "when client other\nblock", http.Header{"Sec-Fetch-Mode": {"cors"}}, 200},
		{"an API client", "when client other\nblock", http.Header{"Authorization": {"Bearer x"}}, 403},
		{"both", "when client other\nwhen platform unknown\nblock", http.Header{"Sec-Fetch-Mode": {"cors"}, "User-Agent": {"curl/8.9.1"}}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.reload(func(c *config) { c.app = "policy p {\n" + tt.policy + "\n}" }); err != nil {
				t.Fatal(err)
			}
			if r := c.Do(rig.Call{URL: s.url("/x"), Header: tt.header}); r.StatusCode != tt.want {
				t.Errorf("got %d, want %d: %s", r.StatusCode, tt.want, r.Text)
			}
		})
	}
}

// At the end of a sign-in the platform is that of the browser that signs in, not unknown.
func TestPlatformAtSignIn(t *testing.T) {
	s := newSite(t, config{app: "policy p {\nwhen platform unknown\nblock\n}\npolicy q {\nwhen client other\nblock\n}"})
	s.entered(rig.NewHTTP(t), "/", "alice", "No")
	if err := s.reload(func(c *config) { c.app = "policy p {\ninclude user alice\nwhen platform linux\nblock\n}" }); err != nil {
		t.Fatal(err)
	}
	if r := s.arrive("alice"); r.StatusCode != 403 { // the client of this test says Linux
		t.Errorf("got %d: %s", r.StatusCode, r.Text)
	}
}

// O1, O4: what a report-only policy would have done is a metric, by policy and result; decisions are one as well. Counts
// survive a reload.
func TestPolicyMetrics(t *testing.T) {
	s := newSite(t, config{app: "policy watch {\nmode report_only\nwhen platform ios\nblock\n}\npolicy watch-mfa {\nmode report_only until 2999-01-31\nrequire mfa\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "No")
	for range 3 {
		if r := c.Do(rig.Call{URL: s.url("/x"), Header: http.Header{"User-Agent": {onIPhone}}}); r.StatusCode != 200 {
			t.Fatalf("a report-only policy had an effect: %d", r.StatusCode)
		}
	}
	if err := s.reload(func(c *config) { c.site = "deny group staff" }); err != nil {
		t.Fatal(err)
	}
	if r := s.api(c, "/"); r.StatusCode != 403 {
		t.Fatalf("deny has no effect: %d", r.StatusCode)
	}
	body := s.adminText("/metrics")
	for _, want := range []string{
		`caddy_latchkey_report_only_total{policy="watch",result="would_block"} 3`,
		`caddy_latchkey_report_only_total{policy="watch-mfa",result="would_step_up"} `,
		`caddy_latchkey_requests_total{decision="allow",reason="allowed"} `,
		`caddy_latchkey_requests_total{decision="sign_in",reason="sign_in_required"} `,
		`caddy_latchkey_requests_total{decision="block",reason="denied"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(body, "alice") {
		t.Error("a metric names a person")
	}
}
