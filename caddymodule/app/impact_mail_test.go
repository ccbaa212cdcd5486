package app_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// A10: the log does not say which mail address a user has, or whether it is verified. What hangs on that is not judged; what
// does not is, and so is everything of users with a live session.
func TestImpactOfMailAddresses(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	subjects := map[string]string{"ada@example.com": "s-1", "bob@example.com": "s-2", "carol": "s-3", "live@example.com": "s-4"}
	for user, agent := range map[string]string{"ada@example.com": laptop, "bob@example.com": phone, "carol": laptop, "live@example.com": laptop} {
		c.n++
		c.app.SignIns().Write(signinlog.Record{
			ID: "v-" + user, Created: time.Now().Add(-time.Hour), UserIssuer: issuer, UserSubject: subjects[user], UserName: user,
			App: "wiki", Provider: "entra", IP: "192.0.2.1", UserAgent: agent, Interactive: true,
		})
	}
	storetest.Until(t, "the sign-ins are stored", func() bool { return c.app.SignIns().Stats().Stored >= c.n })
	_, _, err := c.app.Sessions().Create(t.Context(), session.Record{
		Identity: session.Identity{Issuer: issuer, Subject: "s-4"}, Provider: "entra", GroupsComplete: true, AuthTime: time.Now(),
		User: "live@example.com", Apps: []string{"wiki"}, FirstIP: "192.0.2.4", FirstAgent: laptop,
	}, session.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	lists := func(lines string) string { return strings.Replace(wikiSite, "app wiki", "app wiki\n "+lines, 1) }
	many := "allow user"
	for i := range 300 {
		many += fmt.Sprintf(" u%d@example.net", i)
	}
	blocked := func(by string, sessions, signIns int, who ...string) explain.ImpactChange {
		people := max(sessions, signIns)
		for i := range who {
			who[i] += " (wiki)"
		}
		return explain.ImpactChange{Policy: by, Change: "blocked", Sessions: sessions, SignIns: signIns, People: people, Examples: who}
	}
	unjudged := func(by string, n int) []explain.ImpactUnjudged {
		return []explain.ImpactUnjudged{{Why: "depends on mail addresses, which the log does not keep", About: by, Cases: n}}
	}
	for name, tt := range map[string]struct {
		tenant, site string
		want         []explain.ImpactChange
		unjudged     []explain.ImpactUnjudged
	}{
		"allow one address": {
			"", lists("allow user ada@example.com"),
			[]explain.ImpactChange{blocked("(allow and deny)", 1, 2, "bob@example.com", "live@example.com")},
			unjudged("(allow and deny)", 2), // ada and carol
		},
		"allow many addresses": {
			"", lists(many),
			[]explain.ImpactChange{blocked("(allow and deny)", 1, 3, "ada@example.com", "bob@example.com", "live@example.com")},
			unjudged("(allow and deny)", 1),
		},
		"allow a domain":         {"", lists("allow domain example.com"), []explain.ImpactChange{blocked("(allow and deny)", 1, 1, "live@example.com")}, unjudged("(allow and deny)", 3)},
		"another domain of mail": {"", lists("allow user ada@example.org"), []explain.ImpactChange{blocked("(allow and deny)", 1, 2, "bob@example.com", "live@example.com")}, unjudged("(allow and deny)", 2)},
		"allow a name":           {"", lists("allow user carol"), []explain.ImpactChange{blocked("(allow and deny)", 1, 3, "ada@example.com", "bob@example.com", "live@example.com")}, nil},
		// A name that is only claimed restricts all the same: nothing hangs on the address of bob.
		"deny": {"", lists("deny user bob@example.com"), []explain.ImpactChange{blocked("(allow and deny)", 0, 1, "bob@example.com")}, unjudged("(allow and deny)", 1)},
		"a policy with an exclusion": {
			"policy p {\n exclude user ada@example.com\n block\n}", wikiSite,
			[]explain.ImpactChange{blocked("p", 1, 2, "bob@example.com", "live@example.com")},
			unjudged("p", 2),
		},
		"a policy of one provider": {
			"policy p {\n include domain example.com from entra\n block\n}", wikiSite,
			[]explain.ImpactChange{blocked("p", 1, 3, "ada@example.com", "bob@example.com", "live@example.com")},
			unjudged("p", 1),
		},
		"about something else": {"policy p {\n when platform ios\n block\n}", wikiSite, []explain.ImpactChange{blocked("p", 0, 1, "bob@example.com")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			im := c.impact(c.configuration(tt.tenant, tt.site), time.Now())
			if !reflect.DeepEqual(im.Changes, tt.want) || !reflect.DeepEqual(im.Unjudged, tt.unjudged) {
				t.Errorf("changes %+v\nunjudged %+v", im.Changes, im.Unjudged)
			}
		})
	}
}
