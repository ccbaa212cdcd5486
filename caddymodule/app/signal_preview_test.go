package app_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
)

const signalled = `
		signals hub {
			issuer https://hub.example.com
			audience https://wiki.example.com
			provider entra
			push
			risk_ttl 12h
		}
		policy no-risk {
			when risk user high
			block
		}`

// latchkey signals test says which sessions an event would end, what would be kept, and which policies would decide
// otherwise, and does nothing. latchkey explain then says what was reported, by which stream, until when, and which policy
// decides by it.
func TestPreviewSignal(t *testing.T) {
	c := newCompany(t, signalled, wikiSite+adminSite)
	c.people()
	apptest.Run(t, c.app)
	address := "--address=" + strings.TrimPrefix(apptest.AdminServer(t).URL, "http://")
	test := func(args ...string) string {
		t.Helper()
		out, err := run(t, "signals", append([]string{"test", address}, args...)...)
		if err != nil {
			return "Error: " + err.Error()
		}
		return out
	}
	sessions := func() (n int) {
		t.Helper()
		survey, err := c.app.Sessions().All(t.Context(), 100, func(s *session.Record) bool {
			if s.Signalled != (session.Signalled{}) {
				t.Errorf("%s was changed", s.User)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		return survey.Seen
	}
	live := sessions()
	for _, row := range []struct {
		args []string
		want []string
	}{
		{[]string{"--event=account-disabled", "--user=alice"}, []string{"account-disabled from hub: these sessions and tokens would end", "Nothing was done.", "alice", "wiki,admin"}},
		{[]string{"--event=account-disabled", "--user=nobody"}, []string{"It would count as no_session."}},
		{[]string{"--event=risk-level-change", "--user=bob", "--set=current_level=HIGH", "--set=principal=USER"}, []string{"user_risk high by hub", "until", "bob", "by no-risk"}},
		{[]string{"--event=token-claims-change", "--user=bob", "--stream=hub"}, []string{"the provider would be asked for the claims"}},
		{[]string{"--event=credential-change", "--user=bob", `--members={"change_type":"update","credential_type":"password"}`}, []string{"authenticate again", "wiki: credential_changed"}},
		{[]string{"--event=account-disabled", `--subject={"format":"complex","tenant":{"format":"opaque","id":"t"}}`}, []string{"It would count as unknown_user."}},
		{[]string{"--event=account-disabld", "--user=bob"}, []string{`Error: --event: unknown event "account-disabld", did you mean "account-disabled"?`}},
		{[]string{"--event=account-disabled"}, []string{"Error:", "say whom it is about"}},
		{[]string{"--event=account-disabled", "--user=bob", "--email=bob@example.com"}, []string{"Error:", "say whom it is about"}},
		{[]string{"--event=account-disabled", "--user=bob", "--stream=hbu"}, []string{"Error:", `no signals "hbu", did you mean "hub"?`}},
		{[]string{"--event=account-disabled", "--subject={"}, []string{"Error: --subject: it is no JSON"}},
		{[]string{"--event=risk-level-change", "--user=bob", "--set=high"}, []string{"Error: --set:"}},
		{nil, []string{"Error: --event"}},
	} {
		out := test(row.args...)
		for _, want := range row.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", row.args, want, out)
			}
		}
	}
	if n := sessions(); n != live {
		t.Errorf("%d sessions, %d before", n, live)
	}
	var im explain.SignalImpact
	out := test("--event=risk-level-change", "--user=bob", "--set=current_level=HIGH", "--json")
	if err := json.Unmarshal([]byte(out), &im); err != nil || len(im.Sessions) != 1 || len(im.Sessions[0].Differs) != 2 || im.Sessions[0].Differs[0].By[0] != "no-risk" {
		t.Errorf("%v: %s", err, out)
	}
	now := time.Now()
	_, err := c.app.Sessions().Signal(t.Context(), session.Identity{Issuer: issuer, Subject: "bob"}, session.Signalled{
		UserRisk:  session.Stated{Value: "high", Since: now, Until: now.Add(12 * time.Hour), From: "hub"},
		Compliant: session.Stated{Value: "false", Since: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour), From: "mdm"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for user, said := range map[string]bool{"bob": true, "alice": false} {
		for _, by := range []string{"--user=", "--subject="} {
			out, err := run(t, "explain", address, "--app=wiki", by+user)
			has := strings.Contains(out, "Reported user_risk high by hub, since ") && strings.Contains(out, "decides: no-risk") && strings.Contains(out, "block, ")
			if err != nil || has != said || strings.Contains(out, "mdm") {
				t.Errorf("%s%s: %v\n%s", by, user, err, out)
			}
		}
	}
	out, err = run(t, "explain", address, "--app=wiki", "--user=bob", "--json")
	var ex explain.Explanation
	if err != nil || json.Unmarshal([]byte(out), &ex) != nil || len(ex.Signalled) != 1 || ex.Signalled[0].From != "hub" || ex.Signalled[0].Until.IsZero() {
		t.Errorf("%v: %s", err, out)
	}
}
