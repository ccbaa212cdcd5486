package app_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// said logs a sign-in with what the provider said of risk and device.
func (c *company) said(user, agent, signInRisk, userRisk, compliant, managed string) {
	c.t.Helper()
	c.n++
	c.app.SignIns().Write(signinlog.Record{
		ID: user + "-" + signInRisk, Created: time.Now().Add(-time.Hour), UserIssuer: issuer, UserSubject: user, UserName: user,
		App: "wiki", Provider: "entra", IP: "192.0.2.5", UserAgent: agent, Interactive: true,
		SignInRisk: signInRisk, UserRisk: userRisk, Compliant: compliant, Managed: managed,
	})
	storetest.Until(c.t, "the sign-ins are stored", func() bool { return c.app.SignIns().Stats().Stored >= c.n })
}

// Policies about risk, device and platform are judged for people who have no live session, by what the log keeps of each
// sign-in, and by that also for those who have one.
func TestImpactOfDevices(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.said("risky", laptop, "high", "", "", "")
	c.said("usual", laptop, "none", "none", "true", "true")
	c.said("leaked", laptop, "low", "high", "", "")
	c.said("stranger", laptop, "", "", "false", "false")
	c.said("silent", phone, "", "", "", "")
	c.signedIn(session.Record{User: "live", Apps: []string{"wiki"}, FirstIP: "192.0.2.1", FirstAgent: laptop, SignInRisk: "none", Compliant: "true", Managed: "true"})
	c.said("live", laptop, "high", "none", "false", "true")
	for name, tt := range map[string]struct {
		tenant   string
		want     []explain.ImpactChange
		unjudged []explain.ImpactUnjudged
	}{
		"sign-in risk": {"policy p {\n when risk sign_in high\n block\n}", []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 0, SignIns: 2, People: 2, Examples: []string{"live (wiki)", "risky (wiki)"}}}, nil},
		"user risk":    {"policy p {\n when risk user high\n block\n}", []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 0, SignIns: 1, People: 1, Examples: []string{"leaked (wiki)"}}}, nil},
		"compliant":    {"policy p {\n when device compliant\n block\n}", []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 1, SignIns: 1, People: 2, Examples: []string{"live (wiki)", "usual (wiki)"}}}, nil},
		"managed":      {"policy p {\n when device managed\n block\n}", []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 1, SignIns: 2, People: 2, Examples: []string{"live (wiki)", "usual (wiki)"}}}, nil},
		"not managed": {"policy p {\n when device not managed\n block\n}", []explain.ImpactChange{
			{Policy: "p", Change: "blocked", Sessions: 0, SignIns: 4, People: 4, Examples: []string{"leaked (wiki)", "risky (wiki)", "silent (wiki)", "stranger (wiki)"}},
		}, nil},
		"required": {"policy p {\n when risk sign_in none\n require compliant_device\n}", []explain.ImpactChange{}, nil},
		"platform": {"policy p {\n when platform ios\n block\n}", []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 0, SignIns: 1, People: 1, Examples: []string{"silent (wiki)"}}}, nil},
		"shared":   {"policy p {\n when device shared\n block\n}", []explain.ImpactChange{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			im := c.impact(c.configuration(tt.tenant, wikiSite), time.Now())
			if !reflect.DeepEqual(im.Changes, tt.want) || !reflect.DeepEqual(im.Unjudged, tt.unjudged) {
				t.Errorf("changes %+v\nunjudged %+v", im.Changes, im.Unjudged)
			}
		})
	}
	t.Run("shared, where the provider tells", func(t *testing.T) {
		told := strings.Replace(c.configuration("policy p {\n when device shared\n block\n}", wikiSite), "client_id gateway", "client_id gateway\n device_claim shared kiosk", 1)
		want := []explain.ImpactUnjudged{{Why: "depends on whether the device is shared, which the log does not keep", About: "p", Cases: 5}}
		if im := c.impact(told, time.Now()); len(im.Changes) != 0 || !reflect.DeepEqual(im.Unjudged, want) {
			t.Errorf("%+v", im)
		}
	})
}
