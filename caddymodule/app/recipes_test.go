package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
)

const placeForPolicies = "\t\t# networks and policies for all sites stand here\n"

var (
	recipeHeading = regexp.MustCompile(`(?m)^### (.*)$`)
	recipeBlock   = regexp.MustCompile("(?s)```caddyfile\n(.*?)```")
)

// readRecipes returns the Caddyfile that docs/policies.md begins with, and by heading the parts that go into it.
func readRecipes(t *testing.T) (frame string, recipes map[string][]string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := recipeHeading.Split(string(doc), -1)
	frame = recipeBlock.FindStringSubmatch(sections[0])[1]
	if !strings.Contains(frame, placeForPolicies) {
		t.Fatal("the first Caddyfile has no place for policies")
	}
	recipes = make(map[string][]string)
	for i, heading := range recipeHeading.FindAllStringSubmatch(string(doc), -1) {
		text, _, _ := strings.Cut(sections[i+1], "\n## ")
		for _, block := range recipeBlock.FindAllStringSubmatch(text, -1) {
			recipes[heading[1]] = append(recipes[heading[1]], block[1])
		}
	}
	return frame, recipes
}

// neverDue keeps the days in a recipe from coming.
var neverDue = strings.NewReplacer("report_only until 2027-", "report_only until 2999-")

// completed puts the parts of a recipe where they belong: sites behind the sites, everything else among the policies.
func completed(t *testing.T, frame string, parts []string) string {
	t.Helper()
	for _, part := range parts {
		if got := string(caddyfile.Format([]byte(part))); got != part {
			t.Errorf("`latchkey fmt` would write it otherwise:\n%s", got)
		}
		if strings.HasPrefix(part, "policy ") || strings.HasPrefix(part, "network ") || strings.HasPrefix(part, "session {") {
			indented := "\t\t" + strings.ReplaceAll(strings.TrimSuffix(part, "\n"), "\n", "\n\t\t") + "\n"
			frame = strings.Replace(frame, placeForPolicies, indented+placeForPolicies, 1)
		} else {
			frame += "\n" + part
		}
	}
	return neverDue.Replace(frame)
}

// provisioned is what a Caddyfile comes to, without a server.
func provisioned(t *testing.T, text string) *app.Candidate {
	t.Helper()
	c := apptest.Provision(t, text)
	t.Cleanup(c.Close)
	return c
}

// Recipes that users copy do what they say: every recipe of docs/policies.md adapts, causes no warning of validate, and
// applies to the right users only.
func TestRecipes(t *testing.T) {
	t.Setenv("OIDC_CLIENT_ID", "client")
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	frame, recipes := readRecipes(t)
	t.Run("the frame", func(t *testing.T) {
		if got := string(caddyfile.Format([]byte(frame))); got != frame {
			t.Errorf("`latchkey fmt` would write it otherwise:\n%s", got)
		}
		c := provisioned(t, frame)
		expect(t, c, recipeCase{"a stranger", explain.Query{Anonymous: true}, "sign_in", "sign_in_required"})
		expect(t, c, recipeCase{"anybody signed in", explain.Query{User: "alice"}, "allow", "allowed"})
	})
	for name, cases := range recipeCases {
		t.Run(name, func(t *testing.T) {
			parts := recipes[name]
			if len(parts) == 0 {
				t.Fatal("docs/policies.md has no such recipe")
			}
			text := completed(t, frame, parts)
			if warnings := apptest.ValidateWarns(t, text); len(warnings) > 0 {
				t.Errorf("validate warns: %q", warnings)
			}
			c := provisioned(t, text)
			for _, rc := range cases {
				expect(t, c, rc)
			}
		})
	}
	for name := range recipes {
		if recipeCases[name] == nil {
			t.Errorf("the recipe %q is not tested", name)
		}
	}
}

// Caddyfile.example is meant as it is written.
func TestExampleIsMeantSo(t *testing.T) {
	for name, value := range map[string]string{
		"TENANT_ID": "00000000-0000-0000-0000-000000000000", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "x", "PARTNER_CLIENT_ID": "x",
		"PARTNER_CLIENT_SECRET": "x", "REDIS_PASSWORD": "x", "SIGNALS_SECRET": "x", "SIGNALS_CLIENT_SECRET": "x", "REVOKE_SECRET": "x", "LATCHKEY_KEY": "0123456789abcdef0123456789abcdef",
	} {
		t.Setenv(name, value)
	}
	text, err := os.ReadFile("../../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if warnings := apptest.ValidateWarns(t, neverDue.Replace(string(text))); len(warnings) > 0 {
		t.Errorf("validate warns: %q", warnings)
	}
}

// R9, O1, O4: as it is printed, the recipe has no effect and says what it would have; turned on, it does so.
func TestUnmanagedDevicesRecipe(t *testing.T) {
	t.Setenv("OIDC_CLIENT_ID", "client")
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	frame, recipes := readRecipes(t)
	text := completed(t, frame, recipes["Unmanaged devices"])
	late := explain.Query{User: "alice", AuthAge: age(2 * time.Hour), Managed: policy.Yes, Compliant: policy.No}
	ex, err := provisioned(t, text).Explain(visiting(late, "wiki.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]string{}
	for _, p := range ex.Policies {
		results[p.Policy] = p.Result
	}
	if !ex.Prompt.Asked || ex.Verdict != "allow" || results["unmanaged-devices"] != "reportOnlyNotApplied" || results["noncompliant-devices"] != "reportOnlyInterrupted" {
		t.Errorf("report_only: %s, prompt %+v, %v", ex.Verdict, ex.Prompt, results)
	}
	on := regexp.MustCompile(`\t*mode report_only.*\n`).ReplaceAllString(text, "")
	c := provisioned(t, on)
	good := explain.Query{User: "alice", AuthAge: age(2 * time.Hour), Managed: policy.Yes, Compliant: policy.Yes}
	for _, rc := range []recipeCase{
		{"managed, not compliant", late, "step_up", "sign_in_frequency"},
		{"compliant, not managed", explain.Query{User: "alice", AuthAge: age(2 * time.Hour), Compliant: policy.Yes}, "step_up", "sign_in_frequency"},
		{"nothing known, fresh", explain.Query{User: "alice", AuthAge: age(time.Minute)}, "allow", "allowed"},
		{"managed and compliant", good, "allow", "allowed"},
		{"break-glass", explain.Query{User: "break-glass@example.com", AuthAge: age(2 * time.Hour)}, "allow", "allowed"},
	} {
		expect(t, c, rc)
	}
	for _, q := range []explain.Query{good, {User: "alice", AuthAge: age(time.Minute)}} {
		ex, err := c.Explain(visiting(q, "wiki.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		if asked := q.Managed == policy.Yes; ex.Prompt.Asked != asked || !asked && ex.Prompt.Kind != "browser" {
			t.Errorf("%+v: the prompt is %+v", q, ex.Prompt)
		}
	}
}

// recipeCase is a request and what becomes of it.
type recipeCase struct {
	name            string
	query           explain.Query
	verdict, reason string
}

func expect(t *testing.T, c *app.Candidate, rc recipeCase) {
	t.Helper()
	q := visiting(rc.query, "wiki.example.com")
	ex, err := c.Explain(q)
	if err != nil {
		t.Errorf("%s: %v", rc.name, err)
		return
	}
	if ex.Verdict != rc.verdict || string(ex.Reason) != rc.reason {
		got, _ := json.Marshal(ex)
		t.Errorf("%s: got %s, %s; want %s, %s\n%s", rc.name, ex.Verdict, ex.Reason, rc.verdict, rc.reason, got)
	}
}

// visiting fills in what a case does not care about: a browser on Windows, outside of every network, just signed in.
func visiting(q explain.Query, app string) *explain.Query {
	if q.App == "" {
		q.App = app
	}
	if q.IP == "" {
		q.IP = "192.0.2.7"
	}
	if q.Header == nil {
		q.Header = browserOn("Windows NT 10.0; Win64; x64")
	}
	if q.AuthAge == nil && !q.Anonymous {
		q.AuthAge = age(time.Minute)
	}
	return &q
}

func age(d time.Duration) *caddy.Duration { return (*caddy.Duration)(&d) }

func browserOn(system string) http.Header {
	return http.Header{
		"User-Agent": {"Mozilla/5.0 (" + system + ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"}, "Sec-Fetch-Mode": {"navigate"},
	}
}

// The recipe for a long Yes gives a session the long limits only when the browser has bound it.
func TestLongYesRecipe(t *testing.T) {
	t.Setenv("OIDC_CLIENT_ID", "client")
	t.Setenv("OIDC_CLIENT_SECRET", "secret")
	frame, recipes := readRecipes(t)
	limits := provisioned(t, completed(t, frame, recipes["A long Yes only where it is bound"])).Estate().Tenant.Limits
	const day = 24 * time.Hour
	if got := limits.Of(session.Persistent, false); got.Idle != 7*day || got.Max != 30*day {
		t.Errorf("not bound: %+v", got)
	}
	if got := limits.Of(session.Persistent, true); got.Idle != 90*day || got.Max != 180*day {
		t.Errorf("bound: %+v", got)
	}
	if limits.Browser != session.DefaultLimits.Browser {
		t.Errorf("No: %+v", limits.Browser)
	}
}
