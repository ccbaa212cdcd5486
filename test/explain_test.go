package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// explained is what `latchkey explain --json` prints, as far as it is compared here.
type explained struct {
	App, Verdict, Reason string
	Code                 int
	By                   []string
	Demand               *struct {
		MFA    bool
		ACRs   []string
		MaxAge *int64 `json:"max_age"`
	}
	Prompt   struct{ Asked bool }
	Policies []struct {
		Policy, Result, Applies string
		Unmet                   []string
	}
}

// explain asks the command about the running server and about its file, and fails the test if they differ.
func (s *site) explain(args ...string) (ex explained) {
	s.t.Helper()
	file, err := s.gw.Command("explain", append([]string{"--json"}, args...)...)
	if err != nil {
		s.t.Fatalf("explain --config: %v\n%s", err, file)
	}
	server, err := s.gw.Ask(append([]string{"explain", "--json"}, args...)...)
	if err != nil {
		s.t.Fatalf("explain against the server: %v\n%s", err, server)
	}
	var other explained
	for text, into := range map[string]*explained{file: &ex, server: &other} {
		if err := json.NewDecoder(strings.NewReader(text[max(strings.Index(text, "{\n"), 0):])).Decode(into); err != nil {
			s.t.Fatalf("%v:\n%s", err, text)
		}
	}
	if toJSON(s.t, ex) != toJSON(s.t, other) {
		s.t.Errorf("the file and the server differ for %q:\n%s\n%s", args, toJSON(s.t, ex), toJSON(s.t, other))
	}
	return ex
}

// explains asks the admin API of the running server.
func (s *site) explains(query map[string]any) (ex explained) {
	s.t.Helper()
	status, body := s.gw.AskAdmin(http.MethodPost, "/latchkey/explain", toJSON(s.t, query))
	if err := json.Unmarshal([]byte(body), &ex); err != nil || status != http.StatusOK {
		s.t.Fatalf("explain: %d %s %v", status, body, err)
	}
	return ex
}

const explainRules = `network office 192.0.2.0/24
network here 127.0.0.0/8
policy elsewhere {
	exclude network office here
	block
}
policy admins-prove-it {
	include group admins
	require mfa
}
policy payroll {
	match {
		path /payroll/*
	}
	sign_in_frequency 30m
}
policy no-phones {
	include user wendy
	when platform ios android
	block
}
policy watched {
	mode report_only
	require acr:gold
}
policy gone {
	mode off
	block
}`

// W1 to W5: what explain says is what the gateway does: the verdict, the reason and the
// code that a script is told, for people and requests of every kind.
func TestExplainAgreesWithTheGateway(t *testing.T) {
	t.Parallel()
	s := stepSite(t, config{site: "deny user rita"})
	clients := map[string]*rig.HTTP{}
	for _, user := range []string{"alice", "adam", "rita", "wendy", "otto", "gina"} {
		clients[user] = rig.NewHTTP(t)
		if user == "rita" { // who may not enter has a session from before
			if err := s.reload(func(c *config) { c.site = "" }); err != nil {
				t.Fatal(err)
			}
		}
		s.entered(clients[user], "/", user, "No")
	}
	if err := s.reload(func(c *config) { c.app, c.site = explainRules, "deny user rita" }); err != nil {
		t.Fatal(err)
	}
	type q = map[string]any
	staff, both := []string{"staff"}, []string{"staff", "admins"}
	clients[""] = rig.NewHTTP(t)
	for _, tt := range []struct {
		name, user, path, agent string
		query                   map[string]any
		verdict                 string
	}{
		{"a member", "alice", "/", uaLinux, q{"groups": staff, "auth_age": "1m"}, "allow"},
		{"an administrator with one factor", "adam", "/", uaLinux, q{"groups": both, "auth_age": "1m"}, "step_up"},
		{"who is denied", "rita", "/", uaLinux, q{"groups": staff, "auth_age": "1m"}, "block"},
		{"a phone", "wendy", "/", uaPhone, q{"groups": staff, "platform": "ios"}, "block"},
		{"the same person elsewhere", "wendy", "/", uaWindows, q{"groups": staff, "platform": "windows"}, "allow"},
		{"the headers of a phone", "wendy", "/", uaPhone, q{"groups": staff, "header": q{"User-Agent": []string{uaPhone}}}, "block"},
		{"a route, signed in long ago", "otto", "/payroll/may", uaLinux, q{"auth_age": "1h"}, "step_up"},
		{"another route, signed in long ago", "otto", "/wiki", uaLinux, q{"auth_age": "1h"}, "allow"},
		{"a route, signed in just now", "alice", "/payroll/may", uaLinux, q{"groups": staff, "auth_age": "1m"}, "allow"},
		{"a guest", "gina", "/", uaLinux, q{"groups": staff, "guest": true}, "allow"},
		{"nobody", "", "/payroll/may", uaLinux, q{"anonymous": true}, "sign_in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			query := maps.Clone(tt.query)
			query["path"], query["ip"] = tt.path, "127.0.0.1"
			if tt.user != "" {
				query["user"], query["kind"] = tt.user, "browser"
			}
			ex := s.explains(query)
			if ex.Verdict != tt.verdict {
				t.Errorf("explain says %s, want %s", ex.Verdict, tt.verdict)
			}
			r := clients[tt.user].Do(rig.Call{URL: s.url(tt.path), Header: map[string][]string{
				"Accept": {"application/json"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"},
				"User-Agent": {tt.agent},
			}})
			status := map[string]int{"allow": 200, "block": 403, "step_up": 401, "sign_in": 401}[ex.Verdict]
			if r.StatusCode != status {
				t.Errorf("explain says %s, the gateway answers %d: %s", ex.Verdict, r.StatusCode, r.Text)
			}
			if status == 200 {
				return
			}
			var told struct {
				Reason string
				Code   int
			}
			if err := json.Unmarshal([]byte(r.Text), &told); err != nil {
				t.Fatal(err)
			}
			if told.Reason != ex.Reason || told.Code != ex.Code {
				t.Errorf("explain says %s %d, the gateway %s %d", ex.Reason, ex.Code, told.Reason, told.Code)
			}
		})
	}
}

// W2, W3: for each policy explain says whether it applies, and what it fails on first. The file and the running server
// come to the same.
func TestExplainNamesTheFirstUnmetCondition(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: explainRules})
	ex := s.explain("--user", "alice", "--group", "staff", "--path", "/x", "--ip", "192.0.2.7", "--platform", "windows", "--auth-age", "1m")
	if ex.Verdict != "allow" || !ex.Prompt.Asked {
		t.Errorf("%s, prompt %v; want allow, and to be asked", ex.Verdict, ex.Prompt.Asked)
	}
	want := map[string]struct{ applies, result, unmet string }{
		"elsewhere":       {"miss", "notApplied", "location"},
		"admins-prove-it": {"miss", "notApplied", "users"},
		"payroll":         {"miss", "notApplied", "match"},
		"no-phones":       {"miss", "notApplied", "users"},
		"watched":         {"hit", "reportOnlyInterrupted", ""},
		"gone":            {"miss", "notEnabled", "policyNotEnabled"},
	}
	for _, p := range ex.Policies {
		w, ok := want[p.Policy]
		if !ok {
			t.Errorf("a policy %q", p.Policy)
			continue
		}
		delete(want, p.Policy)
		if p.Applies != w.applies || p.Result != w.result || (w.unmet != "" && !slices.Contains(p.Unmet[:1], w.unmet)) {
			t.Errorf("%s: %s, %s, %v; want %v", p.Policy, p.Applies, p.Result, p.Unmet, w)
		}
	}
	if len(want) > 0 {
		t.Errorf("not named: %v", want)
	}
	out, err := s.gw.Ask("explain", "--user", "alice", "--ip", "203.0.113.9", "--expect", "block")
	if err != nil || !strings.Contains(out, "elsewhere") || !strings.Contains(out, "53003") {
		t.Errorf("the table: %v\n%s", err, out)
	}
	if out, err = s.gw.Ask("explain", "--user", "alice", "--ip", "203.0.113.9", "--expect", "allow"); err == nil {
		t.Errorf("--expect does not fail:\n%s", out)
	}
	if s.idp.Hits("authorize") != 0 || s.sessions() != 0 || len(s.gw.SignInLog()) != 0 {
		t.Error("explaining left traces")
	}
}

// O3: a candidate that is not loaded is held against live sessions: whom it would block or ask, by name, and nothing changes.
func TestImpactOfACandidate(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	alice, adam := rig.NewHTTP(t), rig.NewHTTP(t)
	s.entered(alice, "/", "alice", "No")
	s.entered(adam, "/", "adam", "No")
	running := s.c
	s.c.app = "policy admins-prove-it {\ninclude group admins\nrequire mfa\n}\npolicy out {\ninclude user alice\nblock\n}"
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(s.caddyfile()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.c = running
	out, err := s.gw.Ask("explain", "--impact", "--config", file, "--adapter", "caddyfile")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, word := range []string{"admins-prove-it", "out", "alice", "adam"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is not named:\n%s", word, out)
		}
	}
	if !s.alive(alice) || !s.alive(adam) {
		t.Error("asking changed what runs")
	}
	if err := s.reload(func(c *config) {
		c.app = "policy admins-prove-it {\ninclude group admins\nrequire mfa\n}\npolicy out {\ninclude user alice\nblock\n}"
	}); err != nil {
		t.Fatal(err)
	}
	if r := s.api(alice, "/"); r.StatusCode != 403 {
		t.Errorf("alice got %d", r.StatusCode)
	}
	if r := s.api(adam, "/"); r.StatusCode != 401 {
		t.Errorf("adam got %d", r.StatusCode)
	}
}
