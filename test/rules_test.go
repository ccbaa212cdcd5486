package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// arrive signs a person in, from a fresh client, and returns where that ends.
func (s *site) arrive(user string) rig.Reply {
	s.t.Helper()
	return s.enter(rig.NewHTTP(s.t), "/", user, "No")
}

// Who may enter: allow, deny, block by group, exclusion over inclusion (R2), block over everything (R4).
func TestRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, user, app, site string
		in                    bool
	}{
		{"no rule: any signed-in person", "alice", "", "", true},
		{"allow: a member", "adam", "", "allow group admins", true},
		{"allow: somebody else", "alice", "", "allow group admins", false},
		{"allow: any of several", "alice", "", "allow group admins\nallow group staff", true},
		{"allow: by name", "alice", "", "allow user alice", true},
		{"allow: by another name", "adam", "", "allow user alice", false},
		{"deny: a member", "adam", "", "deny group admins", false},
		{"deny beats allow", "adam", "", "allow group staff\ndeny group admins", false},
		{"A10, byte for byte: no other case", "adam", "", "allow group Admins", false},
		{"A10, byte for byte: no prefix", "adam", "", "allow group admin", false},
		{"block: included", "adam", "policy p {\ninclude group admins\nblock\n}", "", false},
		{"block: not included", "alice", "policy p {\ninclude group admins\nblock\n}", "", true},
		{"R2: excluded", "adam", "policy p {\ninclude all\nexclude group admins\nblock\n}", "", true},
		{"R4: block beats allow", "adam", "policy p {\ninclude group admins\nblock\n}", "allow group admins", false},
		{"guests", "gina", "policy p {\ninclude guests\nblock\n}", "", false},
		{"off is off", "adam", "policy p {\nmode off\ninclude all\nblock\n}", "", true},
		{"network: this one", "alice", "network here 127.0.0.0/8\npolicy p {\ninclude network here\nblock\n}", "", false},
		{"network: elsewhere", "alice", "network there 192.0.2.0/24\npolicy p {\ninclude network there\nblock\n}", "", true},
		{"network: everywhere but here", "alice", "network here 127.0.0.0/8\npolicy p {\ninclude all\nexclude network here\nblock\n}", "", true},
		{"A6 overage: a restricting rule applies", "olga", "policy p {\ninclude group admins\nblock\n}", "", false},
		{"A6 overage: an exclusion does not", "olga", "policy p {\ninclude all\nexclude group staff\nblock\n}", "", false},
		{"A6 overage: an allow-list does not admit", "olga", "", "allow group staff", false},
		{"A6 overage: deny applies", "olga", "", "deny group contractors", false},
		{"A6 overage: without group rules it does not matter", "olga", "", "", true},
		{"match: another path", "adam", "policy p {\nmatch {\npath /secret/*\n}\nblock\n}", "", true},
	}
	s := newSite(t, config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := s.reload(func(c *config) { c.app, c.site = tt.app, tt.site }); err != nil {
				t.Fatal(err)
			}
			before := s.app.Hits()
			r := s.arrive(tt.user)
			if tt.in {
				if !isApp(r) {
					t.Errorf("%s is kept out: %d at %s\n%s", tt.user, r.StatusCode, r.At, r.Text)
				}
				return
			}
			if r.StatusCode != http.StatusForbidden || isApp(r) {
				t.Errorf("%s got %d at %s\n%s", tt.user, r.StatusCode, r.At, r.Text)
			}
			if n := s.app.Hits() - before; n != 0 {
				t.Errorf("%d requests reached the app", n)
			}
		})
	}
}

// The page of a blocked person says why and offers a way out; the log says the same.
func TestBlockedPageAndLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "policy contractors-only {\ninclude group admins\nblock\n}"})
	r := s.arrive("adam")
	if r.StatusCode != 403 || !strings.Contains(r.Text, "contractors-only") || !strings.Contains(r.Text, "Sign in as someone else") {
		t.Errorf("%d: %s", r.StatusCode, r.Text)
	}
	entries := s.gw.AwaitSignIns(53003, 1, 5e9)
	if entries[0].Text("conditionalAccessStatus") != "failure" || !strings.Contains(toJSON(t, entries[0]), "contractors-only") {
		t.Errorf("the log: %v", entries[0])
	}
	if err := s.reload(func(c *config) { c.app, c.site = "", "allow group nobody" }); err != nil {
		t.Fatal(err)
	}
	s.arrive("adam")
	s.gw.AwaitSignIns(50105, 1, 5e9)
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// O4: report_only has no effect at all that a person could see; answers are the same byte for byte. It is logged.
func TestReportOnlyIsInvisible(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	rule := "policy watch {\nmode report_only\ninclude all\nblock\n}\npolicy keep {\nmode report_only\npersistent_browser never\n}"
	walk := func() []string {
		c := rig.NewHTTP(t)
		var out []string
		note := func(r rig.Reply) rig.Reply {
			h := r.Header.Clone()
			for _, k := range []string{"Date", "Set-Cookie", "Content-Length"} {
				h.Del(k)
			}
			out = append(out, r.Status+"\n"+toJSON(t, h)+"\n"+maskTokens(r.Text))
			return r
		}
		r := c.Follow(c.Get(s.url("/p")), nil)
		r = note(c.Follow(c.Send(r.Form(t, "alice")), nil))
		note(c.Follow(c.Send(r.Form(t, "Yes")), nil))
		note(s.api(c, "/q"))
		note(c.Get(s.url("/.latchkey/sign-out")))
		return out
	}
	a := walk()
	if err := s.reload(func(c *config) { c.app = rule }); err != nil {
		t.Fatal(err)
	}
	b := walk()
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("answer %d differs:\n--- without\n%s\n--- with report_only\n%s", i, a[i], b[i])
		}
	}
	if log := toJSON(t, s.gw.SignInLog()); !strings.Contains(log, "watch") || !strings.Contains(log, "reportOnlyFailure") {
		t.Errorf("O1: the log says nothing of it: %s", log)
	}
}

// maskTokens hides what is random in a page: long runs of base64url, and hexadecimal ids.
func maskTokens(s string) string {
	var out strings.Builder
	run := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && (s[i] == '-' || s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z') {
			run++
			continue
		}
		if run >= 16 {
			out.WriteString("TOKEN")
		} else {
			out.WriteString(s[i-run : i])
		}
		run = 0
		if i < len(s) {
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

// A block on the network comes without a trip to the provider for somebody who is not signed in.
func TestNetworkBlockIsImmediate(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "network here 127.0.0.0/8\npolicy p {\ninclude network here\nblock\n}"})
	if r := rig.NewHTTP(t).Get(s.url("/")); r.StatusCode != 403 {
		t.Errorf("got %d, to %v", r.StatusCode, r.Location())
	}
	if s.idp.Hits("authorize") != 0 {
		t.Error("the provider was asked")
	}
}

// A rule that a reload brings holds from the next request of every session (A16).
func TestRuleByReload(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	alice, adam := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "Yes")
	s.entered(adam, "/", "adam", "Yes")
	if err := s.reload(func(c *config) { c.site = "allow group admins" }); err != nil {
		t.Fatal(err)
	}
	if r := s.api(alice, "/"); r.StatusCode != 403 {
		t.Errorf("alice: %d", r.StatusCode)
	}
	if !s.alive(adam) {
		t.Error("adam was thrown out by a rule that admits him")
	}
	if err := s.reload(func(c *config) { c.site = "alow group staff" }); err == nil || !strings.Contains(err.Error(), ":") {
		t.Errorf("a misspelt word was taken: %v", err)
	}
	s.c.site = "allow group admins"
	if r := s.api(alice, "/"); r.StatusCode != 403 || !s.alive(adam) {
		t.Error("a refused reload changed the running rules")
	}

	// A reload between the provider and the callback: the newest rules decide on the sign-in.
	if err := s.reload(func(c *config) { c.site = "" }); err != nil {
		t.Fatal(err)
	}
	late, before := rig.NewHTTP(t), s.sessions()
	callback := s.toCallback(late, "/", "alice")
	if err := s.reload(func(c *config) { c.app = "policy gone {\ninclude user alice\nblock\n}" }); err != nil {
		t.Fatal(err)
	}
	if r := late.Get(callback.String()); r.StatusCode != http.StatusForbidden || late.Cookie(s.host(), s.cookie("")) != "" || s.sessions() != before {
		t.Errorf("a policy that blocks the user since the sign-in began: %d, %d sessions\n%s", r.StatusCode, s.sessions(), r.Text)
	}
}

// With a matcher only what it selects is guarded; the rest is open but clean, and the endpoints answer all the same.
func TestMatcherGuardsAPart(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "@private not path /public/*", matcher: "@private"})
	c := rig.NewHTTP(t)
	r := c.Do(rig.Call{URL: s.url("/public/x"), Header: http.Header{
		"Remote-User": {"mallory"}, "Cookie": {s.cookie("") + "=forged; theirs=1"},
	}})
	if r.StatusCode != 200 {
		t.Fatalf("an open path: %d", r.StatusCode)
	}
	h := s.app.Last(t).Header
	if h.Get("Remote-User") != "" || strings.Contains(h.Get("Cookie"), s.cookie("")) || !strings.Contains(h.Get("Cookie"), "theirs=1") {
		t.Errorf("the app saw %v", h)
	}
	s.entered(c, "/private", "alice", "Yes")
}
