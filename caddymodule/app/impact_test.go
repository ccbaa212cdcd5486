package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/filestore"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const (
	phone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	laptop = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	issuer = "http://127.0.0.1:9"
)

// company is a gateway that runs over a file, with people in it.
type company struct {
	t   *testing.T
	dir string
	app *app.App
	n   uint64
}

// configuration is a whole one, of the policies for all sites and the sites.
func (c *company) configuration(tenant, sites string) string {
	return `{
	latchkey {
		provider entra {
			issuer ` + issuer + `
			client_id gateway
		}
		store file ` + c.dir + `/sessions.db
		keys "a key for tests that has its thirty-two bytes"
		network office trusted 203.0.113.0/24
		` + tenant + `
	}
}
` + sites
}

const wikiSite = `
http://wiki.localhost {
	latchkey {
		app wiki
	}
}
`

const adminSite = `
http://admin.localhost {
	latchkey {
		app admin
	}
}
`

func newCompany(t *testing.T, tenant, sites string) *company {
	t.Helper()
	c := &company{t: t, dir: t.TempDir()}
	ctx, err := apptest.Context()
	if err != nil {
		t.Fatal(err)
	}
	running, err := app.NewCandidate(ctx, c.adapted(c.configuration(tenant, sites)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop() })
	c.app = running.App
	return c
}

func (c *company) adapted(text string) []byte {
	c.t.Helper()
	raw, err := apptest.Adapt(text)
	if err != nil {
		c.t.Fatal(err)
	}
	return raw
}

func (c *company) signedIn(draft session.Record) {
	c.t.Helper()
	draft.Identity = session.Identity{Issuer: issuer, Subject: draft.User}
	draft.Provider, draft.GroupsComplete, draft.AuthTime = "entra", true, time.Now()
	if _, _, err := c.app.Sessions().Create(c.t.Context(), draft, session.Tokens{}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) logged(user, app, ip, agent string, guest bool) {
	c.t.Helper()
	c.n++
	c.app.SignIns().Write(signinlog.Record{
		ID: fmt.Sprintf("v%d", c.n), Created: time.Now().Add(-time.Hour), UserIssuer: issuer, UserSubject: user, UserName: user, Guest: guest,
		App: app, Provider: "entra", IP: ip, UserAgent: agent, Interactive: true,
	})
	storetest.Until(c.t, "the sign-ins are stored", func() bool { return c.app.SignIns().Stats().Stored >= c.n })
}

func (c *company) impact(config string, now time.Time) *explain.Impact {
	c.t.Helper()
	im, err := c.app.Impact(c.t.Context(), &explain.ImpactQuery{Config: c.adapted(config)}, now)
	if err != nil {
		c.t.Fatal(err)
	}
	return im
}

func (c *company) people() {
	c.signedIn(session.Record{User: "alice", Groups: []string{"admins"}, Apps: []string{"wiki", "admin"}, FirstIP: "203.0.113.1", FirstAgent: phone})
	c.signedIn(session.Record{User: "bob", Groups: []string{"staff"}, Apps: []string{"wiki"}, FirstIP: "203.0.113.2", FirstAgent: laptop, Kind: session.Persistent})
	c.signedIn(session.Record{User: "carol", Groups: []string{"staff"}, Apps: []string{"wiki"}, FirstIP: "192.0.2.3", FirstAgent: laptop, AMR: []string{"mfa"}})
	c.signedIn(session.Record{User: "gina", Guest: true, Apps: []string{"wiki"}, FirstIP: "192.0.2.4", FirstAgent: laptop})
	c.logged("alice", "wiki", "203.0.113.1", phone, false)
	c.logged("bob", "wiki", "198.51.100.5", laptop, false)
	c.logged("bob", "wiki", "198.51.100.5", laptop, false) // again: one case
	c.logged("dave", "wiki", "192.0.2.5", phone, false)
	c.logged("erin", "wiki", "192.0.2.6", laptop, false)
	c.logged("frank", "wiki", "192.0.2.7", laptop, true)
	c.logged("heidi", "gone", "192.0.2.8", laptop, false)
	c.logged("", "wiki", "192.0.2.9", laptop, false) // an outcome before the user is known
}

const (
	before = `
		policy no-guests {
			include guests
			block
		}
		policy old-rule {
			include group staff
			match {
				path /old/*
			}
			block
		}`
	after = `
		policy no-phones {
			when platform ios
			block
		}
		policy staff-need-mfa {
			include group staff
			require mfa
		}
		policy staff-forget {
			include group staff
			persistent_browser never
		}
		policy old-rule {
			include group staff
			match {
				path /old/*
			}
			block
		}
		policy danger {
			include group admins
			exclude network trusted
			match {
				path /danger/*
			}
			require mfa
		}
		policy danger-for-all {
			match {
				path /danger/*
			}
			require acr:c1
		}`
)

// Each change is found, from the sessions and from the log, by the policy that makes it.
func TestImpact(t *testing.T) {
	c := newCompany(t, before, wikiSite+adminSite)
	c.people()
	im := c.impact(c.configuration(after, wikiSite), time.Now())
	want := []explain.ImpactChange{
		{Policy: "no-guests", Change: "let_in", Sessions: 1, SignIns: 0, People: 1, Examples: []string{"gina (wiki)"}},
		{Policy: "no-phones", Change: "blocked", Sessions: 1, SignIns: 2, People: 2, Examples: []string{"alice (wiki)", "dave (wiki)"}},
		{Policy: "staff-need-mfa", Change: "asked", Sessions: 1, SignIns: 1, People: 1, Examples: []string{"bob (wiki)"}},
	}
	if !reflect.DeepEqual(im.Changes, want) {
		t.Errorf("changes %+v", im.Changes)
	}
	unjudged := []explain.ImpactUnjudged{
		{Why: "depends on groups, which the log does not keep", About: "staff-need-mfa", Cases: 2}, // erin and frank: staff or not
		{Why: "depends on the route", About: "danger-for-all", Cases: 2},                           // carol and gina; the others are kept out or asked anyway
		{Why: "the app is not in the configuration that runs", About: "gone", Cases: 1},
		{Why: "the app is not in the new configuration", About: "admin", Cases: 1},
	}
	if !reflect.DeepEqual(im.Unjudged, unjudged) {
		t.Errorf("unjudged %+v", im.Unjudged)
	}
	if im.Sessions != 4 || im.SignIns != 8 || im.Cases != 5+6 {
		t.Errorf("%d sessions, %d sign-ins, %d cases", im.Sessions, im.SignIns, im.Cases)
	}
	if len(im.Notes) != 1 || !strings.HasPrefix(im.Notes[0], "4 sign-ins are of people who have no live session") {
		t.Errorf("notes %q", im.Notes)
	}
	// Nothing was loaded, and no session was changed.
	if again := c.impact(c.configuration(before, wikiSite+adminSite), time.Now()); len(again.Changes) != 0 || again.Sessions != 4 || len(again.Unjudged) != 1 {
		t.Errorf("against itself: %+v", again)
	}
}

// What no policy makes has a name as well; a persistent session that would be cut short counts.
func TestImpactWithoutPolicies(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.signedIn(session.Record{User: "alice", Apps: []string{"wiki"}, FirstIP: "192.0.2.1", Kind: session.Persistent})
	c.signedIn(session.Record{User: "bob", Apps: []string{"wiki"}, FirstIP: "192.0.2.2"})
	soon := time.Now().Add(2 * time.Hour)
	for name, tt := range map[string]struct {
		tenant, site string
		want         []explain.ImpactChange
	}{
		"provider": {"provider other {\n issuer http://127.0.0.1:9/other\n client_id x\n}", strings.Replace(wikiSite, "app wiki", "app wiki\n provider other", 1), []explain.ImpactChange{
			{Policy: "(provider)", Change: "asked", Sessions: 2, SignIns: 0, People: 2, Examples: []string{"alice (wiki)", "bob (wiki)"}},
		}},
		"lists": {"", strings.Replace(wikiSite, "app wiki", "app wiki\n deny user bob", 1), []explain.ImpactChange{
			{Policy: "(allow and deny)", Change: "blocked", Sessions: 1, SignIns: 0, People: 1, Examples: []string{"bob (wiki)"}},
		}},
		"limits": {"session {\n browser {\n idle_limit 1h\n }\n}", wikiSite, []explain.ImpactChange{
			{Policy: "(session limits)", Change: "asked", Sessions: 1, SignIns: 0, People: 1, Examples: []string{"bob (wiki)"}},
		}},
		"setting": {"stay_signed_in off", wikiSite, []explain.ImpactChange{
			{Policy: "(stay_signed_in)", Change: "browser_only", Sessions: 1, SignIns: 0, People: 1, Examples: []string{"alice (wiki)"}},
		}},
		"never": {"policy never {\n persistent_browser never\n}", wikiSite, []explain.ImpactChange{
			{Policy: "never", Change: "browser_only", Sessions: 1, SignIns: 0, People: 1, Examples: []string{"alice (wiki)"}},
		}},
		"nothing": {"", wikiSite, []explain.ImpactChange{}},
	} {
		t.Run(name, func(t *testing.T) {
			if im := c.impact(c.configuration(tt.tenant, tt.site), soon); !reflect.DeepEqual(im.Changes, tt.want) {
				t.Errorf("%+v", im)
			}
		})
	}
}

// A policy that only changes its routes, or a network that a routed policy names, is seen; an unchanged one is not.
func TestImpactOfRoutes(t *testing.T) {
	routed := func(path, network string) string {
		return "network lab " + network + "\npolicy lab {\n exclude network lab\n match {\n path " + path + "\n }\n block\n}"
	}
	c := newCompany(t, routed("/a/*", "192.0.2.0/24"), wikiSite)
	c.signedIn(session.Record{User: "alice", Apps: []string{"wiki"}, FirstIP: "198.51.100.1"})
	for name, tt := range map[string]struct {
		tenant string
		want   int
	}{
		"the same":        {routed("/a/*", "192.0.2.0/24"), 0},
		"another path":    {routed("/b/*", "192.0.2.0/24"), 2}, // the old one goes, the new one comes
		"another network": {routed("/a/*", "192.0.2.0/25"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			im, n := c.impact(c.configuration(tt.tenant, wikiSite), time.Now()), 0
			for _, u := range im.Unjudged {
				if u.Why != "depends on the route" || u.About != "lab" {
					t.Errorf("%+v", u)
				}
				n += u.Cases
			}
			if n != tt.want || len(im.Changes) != 0 {
				t.Errorf("%+v", im)
			}
		})
	}
}

// What is wrong with the question is said, and leaves nothing behind; an outage is not an empty answer (A82).
func TestImpactRefuses(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	apptest.Run(t, c.app)
	server := apptest.AdminServer(t)
	good := string(c.adapted(c.configuration("", wikiSite)))
	for name, tt := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"nothing":       {`{}`, 400, "the new configuration: "},
		"no latchkey":   {`{"config": {"apps": {}}}`, 400, "the configuration has no latchkey in it"},
		"bad policy":    {`{"config": ` + strings.Replace(good, `"latchkey":{`, `"latchkey":{"policies": [{"name": "empty"}],`, 1) + `}`, 400, "empty"},
		"future":        {`{"config": ` + good + `, "since": "-1h"}`, 400, "since: "},
		"many":          {`{"config": ` + good + `, "examples": 101}`, 400, "examples: "},
		"unknown":       {`{"config": ` + good + `, "policy": "x"}`, 400, "unknown field"},
		"well":          {`{"config": ` + good + `, "since": "1h", "examples": 1}`, 200, `"changes":[]`},
		"another store": {`{"config": ` + strings.ReplaceAll(good, "sessions.db", "other.db") + `}`, 200, `"changes":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := post(t, server.URL+"/latchkey/impact", tt.body); status != tt.status || !strings.Contains(body, tt.message) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(c.dir, "other.db")); err == nil {
		t.Error("the store of the new configuration was opened")
	}
	if _, err := os.Stat(filepath.Join(c.dir, "sessions.db")); err != nil {
		t.Error(err)
	}
	service, err := c.app.Estate().Tenant.Service()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, server.URL+"/latchkey/impact", `{"config": `+good+`}`); status != 503 {
		t.Errorf("without a store: %d %s", status, body)
	}
}

// A configuration that was judged has given up the store: it is free once the one that runs is gone.
func TestImpactGivesUpTheStore(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.impact(c.configuration("", wikiSite), time.Now())
	if err := c.app.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.app.Cleanup(); err != nil {
		t.Fatal(err)
	}
	opened, err := filestore.Open(filestore.Config{Path: filepath.Join(c.dir, "sessions.db")})
	if err != nil {
		t.Fatalf("the store is still in use: %v", err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}

// When the time is up the answer says so.
func TestImpactOvertime(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.signedIn(session.Record{User: "alice", Apps: []string{"wiki"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	im, err := c.app.Impact(ctx, &explain.ImpactQuery{Config: c.adapted(c.configuration("", wikiSite))}, time.Now())
	if err != nil || len(im.Notes) != 2 || !strings.Contains(im.Notes[0], "before all live sessions") || !strings.Contains(im.Notes[1], "before all sign-ins") {
		t.Errorf("%+v, %v", im, err)
	}
}
