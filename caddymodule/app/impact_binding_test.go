package app_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
)

// bound signs a user in whose browser has bound the session.
func (c *company) bound(draft session.Record) {
	c.t.Helper()
	draft.Identity = session.Identity{Issuer: issuer, Subject: draft.User}
	draft.Provider, draft.GroupsComplete, draft.AuthTime = "entra", true, time.Now()
	made, _, err := c.app.Sessions().Create(c.t.Context(), draft, session.Tokens{})
	if err != nil {
		c.t.Fatal(err)
	}
	old := *made
	old.Binding = session.Binding{DeviceKey: session.DeviceKey{Identifier: "!x", Key: []byte{1}, Algorithm: "ES256", Registered: time.Now()}, Since: time.Now()}
	if _, _, err := c.app.Sessions().Succeed(c.t.Context(), &old, draft, session.Tokens{}); err != nil {
		c.t.Fatal(err)
	}
}

// Policies about bound sessions are judged for live sessions, of which it is known. Of a sign-in in the log it is not.
func TestImpactOfBinding(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.signedIn(session.Record{User: "live", Apps: []string{"wiki"}, FirstIP: "192.0.2.1", FirstAgent: laptop})
	c.bound(session.Record{User: "bound", Apps: []string{"wiki"}, FirstIP: "192.0.2.1", FirstAgent: laptop})
	c.said("bound", laptop, "", "", "", "")
	c.said("gone", laptop, "", "", "", "")
	unknown := []explain.ImpactUnjudged{{Why: "depends on whether the browser bound the session to its device, which is not known of a sign-in", About: "p", Cases: 2}}
	blocked := func(name string) []explain.ImpactChange {
		return []explain.ImpactChange{{Policy: "p", Change: "blocked", Sessions: 1, People: 1, Examples: []string{name + " (wiki)"}}}
	}
	for name, tt := range map[string]struct {
		tenant   string
		want     []explain.ImpactChange
		unjudged []explain.ImpactUnjudged
	}{
		"required":  {"policy p {\n require bound_session\n}", blocked("live"), unknown},
		"bound":     {"policy p {\n when device bound\n block\n}", blocked("bound"), unknown},
		"not bound": {"policy p {\n when device not bound\n block\n}", blocked("live"), unknown},
		"both": {"policy p {\n block\n}", []explain.ImpactChange{
			{Policy: "p", Change: "blocked", Sessions: 2, SignIns: 2, People: 3, Examples: []string{"bound (wiki)", "gone (wiki)", "live (wiki)"}},
		}, nil},
		"report-only": {"policy p {\n mode report_only\n require bound_session\n}", []explain.ImpactChange{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			im := c.impact(c.configuration(tt.tenant, wikiSite), time.Now())
			if !reflect.DeepEqual(im.Changes, tt.want) || !reflect.DeepEqual(im.Unjudged, tt.unjudged) {
				t.Errorf("changes %+v\nunjudged %+v", im.Changes, im.Unjudged)
			}
		})
	}
}
