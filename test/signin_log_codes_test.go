package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// asked goes on at the provider as a person for as long as it shows its form, and answers the prompt.
func (s *site) asked(c *rig.HTTP, path, user string) rig.Reply {
	s.t.Helper()
	r := c.Follow(c.Get(s.url(path)), nil)
	for range 5 {
		if !r.HasButton(s.t, user) {
			break
		}
		r = c.Press(r, user)
	}
	if isPrompt(r) {
		r = c.Press(r, "No")
	}
	return r
}

// Section 4c of the semantics: each outcome has its number, its status and, from the first request to the last answer, one
// correlation id: over a demand that was met, over one that was ignored twice, over a refusal.
func TestCodesAndCorrelation(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{})
	users := []string{"mia", "otto", "alice"}
	clients := map[string]*rig.HTTP{}
	for _, user := range users {
		clients[user] = rig.NewHTTP(t)
		s.entered(clients[user], "/", user, "No")
	}
	for _, step := range []struct {
		name, user, app, site string
		live                  bool // with the session from before
		codes                 []int
	}{
		{"a second factor, shown", "mia", mfaForAll, "", true, []int{50076, 0}},
		{"a second factor, asked for from the first", "mia", mfaForAll, "", false, []int{0}},
		{"a second factor on a route, not shown", "alice", "policy p {\nmatch {\npath /x\n}\nrequire mfa\n}", "", true, []int{50076, 50074}},
		{"an old sign-in, renewed", "otto", "policy p {\nsign_in_frequency 30m\n}", "", true, []int{70044, 0}},
		{"a group's second factor, known after the first answer", "mia", "policy p {\ninclude user mia\nrequire mfa\n}", "", false, []int{50076, 0}},
		{"every time for one person, renewed", "otto", "policy p {\ninclude user otto\nsign_in_frequency every_time\n}", "", false, []int{70046, 0}},
		{"blocked", "adam", "policy p {\ninclude user adam\nblock\n}", "", false, []int{53003}},
		{"not assigned", "adam", "", "allow user alice", false, []int{50105}},
		{"no device", "adam", "policy p {\nrequire compliant_device\n}", "", false, []int{50187}},
		{"an ordinary sign-in", "adam", "", "", false, []int{0}},
	} {
		t.Run(step.name, func(t *testing.T) {
			if err := s.reload(func(c *config) { c.app, c.site = step.app, step.site }); err != nil {
				t.Fatal(err)
			}
			c := clients[step.user]
			if !step.live {
				c = rig.NewHTTP(t)
			}
			before := len(s.gw.SignInLog())
			s.asked(c, "/x", step.user)
			var entries []rig.LogEntry
			rig.Until(t, rig.Patience, fmt.Sprintf("%d entries", len(step.codes)), func() bool {
				entries = s.gw.SignInLog()[before:]
				return len(entries) >= len(step.codes)
			})
			var codes []int
			for _, e := range entries {
				codes = append(codes, e.Code())
				if id := e.Text("correlationId"); id == "" || id != entries[0].Text("correlationId") {
					t.Errorf("L: correlation id %q, the first entry has %q", id, entries[0].Text("correlationId"))
				}
				status := map[bool]string{true: "interrupted", false: "failure"}[slices.Contains([]int{50074, 50076, 70044, 70046}, e.Code())]
				if e.Code() == 0 {
					status = "success"
				}
				if e.Text("signInStatus") != status {
					t.Errorf("L10: %d is %q, want %q", e.Code(), e.Text("signInStatus"), status)
				}
				if e.Text("userPrincipalName") != step.user || e["isInteractive"] != true {
					t.Errorf("%d is about %q, interactive %v", e.Code(), e.Text("userPrincipalName"), e["isInteractive"])
				}
			}
			if !slices.Equal(codes, step.codes) {
				t.Errorf("codes %v, want %v", codes, step.codes)
			}
			query := "?correlation=" + url.QueryEscape(entries[0].Text("correlationId"))
			awaitStored(t, s, query, len(step.codes))
		})
	}
}

// The stored log is read page by page, each entry once and the newest first, whatever the size of the pages, also while
// sign-ins go on; the command prints the same, one object a line.
func TestSignInPages(t *testing.T) {
	t.Parallel()
	const n = 11
	s := newSite(t, config{embedded: true})
	people := []string{"adam", "alice"}
	for i := range n {
		s.entered(rig.NewHTTP(t), "/", people[i%2], "No")
	}
	all := awaitStored(t, s, "?limit=100", n)
	if !slices.IsSortedFunc(all, func(a, b rig.LogEntry) int {
		return strings.Compare(b.Text("createdDateTime"), a.Text("createdDateTime"))
	}) {
		t.Error("not the newest first")
	}
	for _, limit := range []int{1, 3, 10, 11, 12} {
		ids := s.pages(fmt.Sprintf("limit=%d", limit), func(page int) {
			if page == 1 && limit == 3 {
				s.entered(rig.NewHTTP(t), "/", "adam", "No")
				rig.Until(t, rig.Patience, "one more", func() bool { _, e, _ := signInPage(t, s, "?limit=100"); return len(e) == n+1 })
			}
		})
		want := all
		if limit > 3 {
			_, want, _ = signInPage(t, s, "?limit=100")
		}
		if len(ids) != len(want) {
			t.Errorf("pages of %d: %d entries, want %d", limit, len(ids), len(want))
			continue
		}
		for i := range ids {
			if ids[i] != want[i].Text("id") {
				t.Errorf("pages of %d: entry %d is another", limit, i)
			}
		}
	}
	if got := s.pages("limit=2&user=alice", func(int) {}); len(got) != n/2 {
		t.Errorf("%d entries of alice, want %d", len(got), n/2)
	}
	out, err := s.gw.Ask("sign-ins", "--json", "--user", "alice", "--limit", "3")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var lines []rig.LogEntry
	for line := range strings.Lines(out) {
		var e rig.LogEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("no object: %s", line)
		}
		if e.Text("logger") == "" { // of the command's own log
			lines = append(lines, e)
		}
	}
	if len(lines) != 3 || lines[0].Text("userPrincipalName") != "alice" || lines[0].Text("createdDateTime") < lines[2].Text("createdDateTime") {
		t.Errorf("the command: %v", lines)
	}
	for _, bad := range []string{"?cursor=nonsense", "?limit=0", "?limit=-1", "?limit=1000000", "?code=x", "?since=soon", "?user=a&user=b", "?colour=red"} {
		if status, _, text := signInPage(t, s, bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", bad, status, text)
		}
	}
}

// pages reads page after page, tells before each after the first, and returns the ids.
func (s *site) pages(query string, before func(page int)) (ids []string) {
	s.t.Helper()
	cursor := ""
	for page := range 100 {
		if page > 0 {
			before(page)
		}
		status, body := s.gw.AskAdmin(http.MethodGet, "/latchkey/sign-ins?"+query+cursor, "")
		var got struct {
			Entries []rig.LogEntry
			Cursor  string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
			s.t.Fatalf("page %d: %d %s %v", page, status, body, err)
		}
		for _, e := range got.Entries {
			ids = append(ids, e.Text("id"))
		}
		if got.Cursor == "" {
			return ids
		}
		cursor = "&cursor=" + url.QueryEscape(got.Cursor)
	}
	s.t.Fatal("no end of pages")
	return nil
}

// A person whom two policies send to and fro is stopped: after five step-ups within a minute comes a page that says so
// (50196), and the session is left as it was.
func TestStepUpLoopIsStopped(t *testing.T) {
	t.Parallel()
	const limit = 5
	s := stepSite(t, config{app: "policy left {\nmatch {\npath /left\n}\nrequire acr:left\n}\npolicy right {\nmatch {\npath /right\n}\nrequire acr:right\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "No")
	side := []string{"left", "right"}
	for i := range limit {
		acr := side[i%2]
		s.idp.SetUser("alice", rig.Claims{"preferred_username": "alice", "asked": rig.Claims{"acr": acr}})
		if r := s.asked(c, "/"+acr, "alice"); !isApp(r) {
			t.Fatalf("step-up %d: %d at %s\n%s", i+1, r.StatusCode, r.At, r.Text)
		}
	}
	s.idp.Reset()
	r := c.Get(s.url("/" + side[limit%2]))
	if r.StatusCode < 400 || r.Location() != nil || s.idp.Hits("authorize") != 0 {
		t.Errorf("step-up %d: %d to %v", limit+1, r.StatusCode, r.Location())
	}
	s.gw.AwaitSignIns(50196, 1, rig.Patience)
	if !s.alive(c) || s.sessions() != 1 {
		t.Error("the session was lost")
	}
}
