package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
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
	app *App
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
	ctx, err := testContext()
	if err != nil {
		t.Fatal(err)
	}
	running, err := newCandidate(ctx, c.adapted(c.configuration(tenant, sites)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.close)
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop() })
	c.app = running.App
	return c
}

func (c *company) adapted(text string) []byte {
	c.t.Helper()
	config, err := adapt(text)
	if err != nil {
		c.t.Fatal(err)
	}
	return []byte(config[strings.IndexByte(config, '{'):])
}

func (c *company) signedIn(draft session.Record) {
	c.t.Helper()
	draft.Identity = session.Identity{Issuer: issuer, Subject: draft.User}
	draft.Provider, draft.GroupsComplete, draft.AuthTime = "entra", true, time.Now()
	if _, _, err := c.app.rt.sessions.Create(c.t.Context(), draft, session.Tokens{}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) logged(user, app, ip, agent string, guest bool) {
	c.t.Helper()
	c.n++
	c.app.rt.signIns.Write(signinlog.Record{
		ID: fmt.Sprintf("v%d", c.n), Created: time.Now().Add(-time.Hour), UserIssuer: issuer, UserSubject: user, UserName: user, Guest: guest,
		App: app, Provider: "entra", IP: ip, UserAgent: agent, Interactive: true,
	})
	storetest.Until(c.t, "the sign-ins are stored", func() bool { return c.app.rt.signIns.Stats().Stored >= c.n })
}

func (c *company) impact(config string, now time.Time) *Impact {
	c.t.Helper()
	im, err := c.app.impact(c.t.Context(), &ImpactQuery{Config: c.adapted(config)}, now)
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
	c.logged("", "wiki", "192.0.2.9", laptop, false) // an outcome before anybody is known
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
	want := []ImpactChange{
		{"no-guests", "let_in", 1, 0, 1, []string{"gina (wiki)"}},
		{"no-phones", "blocked", 1, 2, 2, []string{"alice (wiki)", "dave (wiki)"}},
		{"staff-need-mfa", "asked", 1, 1, 1, []string{"bob (wiki)"}},
	}
	if !reflect.DeepEqual(im.Changes, want) {
		t.Errorf("changes %+v", im.Changes)
	}
	unjudged := []ImpactUnjudged{
		{"depends on groups, which the log does not keep", "staff-need-mfa", 2}, // erin and frank: staff or not
		{"depends on the route", "danger-for-all", 2},                           // carol and gina; the others are kept out or asked anyway
		{"the app is not in the configuration that runs", "gone", 1},
		{"the app is not in the new configuration", "admin", 1},
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
	// Nothing was loaded, and nobody was touched.
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
		want         []ImpactChange
	}{
		"provider": {"provider other {\n issuer http://127.0.0.1:9/other\n client_id x\n}", strings.Replace(wikiSite, "app wiki", "app wiki\n provider other", 1), []ImpactChange{
			{"(provider)", "asked", 2, 0, 2, []string{"alice (wiki)", "bob (wiki)"}},
		}},
		"lists": {"", strings.Replace(wikiSite, "app wiki", "app wiki\n deny user bob", 1), []ImpactChange{
			{"(allow and deny)", "blocked", 1, 0, 1, []string{"bob (wiki)"}},
		}},
		"limits": {"session {\n browser {\n idle_limit 1h\n }\n}", wikiSite, []ImpactChange{
			{"(session limits)", "asked", 1, 0, 1, []string{"bob (wiki)"}},
		}},
		"setting": {"stay_signed_in off", wikiSite, []ImpactChange{
			{"(stay_signed_in)", "browser_only", 1, 0, 1, []string{"alice (wiki)"}},
		}},
		"never": {"policy never {\n persistent_browser never\n}", wikiSite, []ImpactChange{
			{"never", "browser_only", 1, 0, 1, []string{"alice (wiki)"}},
		}},
		"nothing": {"", wikiSite, []ImpactChange{}},
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
	runs(t, c.app)
	server := adminServer(t)
	good := string(c.adapted(c.configuration("", wikiSite)))
	for name, tt := range map[string]struct {
		body    string
		status  int
		message string
	}{
		"nothing":       {`{}`, 400, "the new configuration: "},
		"no latchkey":   {`{"config": {"apps": {}}}`, 400, errNoLatchkey.Error()},
		"bad policy":    {`{"config": ` + strings.Replace(good, `"latchkey": {`, `"latchkey": {"policies": [{"name": "empty"}],`, 1) + `}`, 400, "empty"},
		"future":        {`{"config": ` + good + `, "since": "-1h"}`, 400, "since: "},
		"many":          {`{"config": ` + good + `, "examples": 101}`, 400, "examples: "},
		"unknown":       {`{"config": ` + good + `, "policy": "x"}`, 400, "unknown field"},
		"well":          {`{"config": ` + good + `, "since": "1h", "examples": 1}`, 200, `"changes":[]`},
		"another store": {`{"config": ` + strings.ReplaceAll(good, "sessions.db", "other.db") + `}`, 200, `"changes":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := post(t, server.URL+impactPath, tt.body); status != tt.status || !strings.Contains(body, tt.message) {
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
	if n, _ := stores.References(c.app.rt.shared.identity); n != 1 {
		t.Errorf("the store has %d users, not the one that runs", n)
	}
	if err := c.app.rt.shared.store.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := post(t, server.URL+impactPath, `{"config": `+good+`}`); status != 503 {
		t.Errorf("without a store: %d %s", status, body)
	}
}

// When the time is up the answer says so.
func TestImpactOvertime(t *testing.T) {
	c := newCompany(t, "", wikiSite)
	c.signedIn(session.Record{User: "alice", Apps: []string{"wiki"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	im, err := c.app.impact(ctx, &ImpactQuery{Config: c.adapted(c.configuration("", wikiSite))}, time.Now())
	if err != nil || len(im.Notes) != 2 || !strings.Contains(im.Notes[0], "before all live sessions") || !strings.Contains(im.Notes[1], "before all sign-ins") {
		t.Errorf("%+v, %v", im, err)
	}
}

// What the command prints, whole.
func TestImpactCommand(t *testing.T) {
	c := newCompany(t, before, wikiSite+adminSite)
	c.people()
	runs(t, c.app)
	address := "--address=" + strings.TrimPrefix(adminServer(t).URL, "http://")
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(c.configuration(after, wikiSite)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := runExplain(t, "--impact", "--config="+file, address, "--since=2d", "--examples=1")
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(got, "\n")
	since := time.Now().Add(-48 * time.Hour).Format("2006-01-02")
	if !strings.HasPrefix(first, "Looked at 4 live sessions and 8 sign-ins since "+since) {
		t.Errorf("begins %q", first)
	}
	const golden = "testdata/explain/impact.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(rest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || rest != string(want) {
		t.Errorf("%v: printed\n%s\nnot\n%s", err, rest, want)
	}
	got, err = runExplain(t, "--impact", "--config="+file, address, "--json")
	var im Impact
	if err != nil || json.Unmarshal([]byte(got), &im) != nil || len(im.Changes) != 3 {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := runExplain(t, "--impact", address); err == nil || !strings.Contains(err.Error(), errImpactConfig.Error()) {
		t.Errorf("without a configuration: %v", err)
	}
	if _, err := runExplain(t, "--impact", "--config="+file, address, "--since=yesterday"); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("since yesterday: %v", err)
	}
}
