package authelia

import (
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

func autheliaRules(t *testing.T, usual, rules string) (text, notes string) {
	t.Helper()
	p, err := Read([]byte("access_control:\n  default_policy: "+usual+"\n  rules:\n"+rules), draft.Options{Site: "a.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.Text(); err != nil {
		t.Fatal(err)
	}
	_, text, _ = strings.Cut(text, "\na.example.com {")
	text, _, _ = strings.Cut(text, "# From the migration")
	return strings.Join(strings.Fields(text), " "), p.List()
}

// What Authelia restricts is restricted. What it permits is left out where the order of its rules decides.
func TestAutheliaRules(t *testing.T) {
	const group = "    - {domain: a.example.com, subject: 'group:g', policy: "
	for name, row := range map[string]struct{ usual, rules, want, never, note string }{
		"nobody":               {"deny", "    - {domain: b.example.com, policy: one_factor}\n", "closed-until-completed", "allow g", ""},
		"everyone":             {"deny", "    - {domain: '*.example.com', policy: one_factor}\n", "latchkey", "policy", "needs a site"},
		"a group":              {"deny", group + "one_factor}\n", "allow group g", "require", ""},
		"a group, twice":       {"deny", group + "two_factor}\n", "allow group g policy second-factor-1 { include group g require mfa }", "", ""},
		"others need more":     {"two_factor", group + "one_factor}\n", "policy second-factor { exclude group g require mfa }", "allow", ""},
		"the first rule holds": {"two_factor", "    - {domain: a.example.com, subject: 'group:admins', policy: two_factor}\n" + group + "one_factor}\n", "policy second-factor-1 { include group admins require mfa }", "allow", ""},
		"denied":               {"one_factor", group + "deny}\n", "deny group g", "allow", ""},
		"after everyone":       {"deny", "    - {domain: a.example.com, policy: two_factor}\n" + group + "one_factor}\n", "policy second-factor { require mfa }", "exclude", ""},
		"an open path":         {"one_factor", "    - {domain: a.example.com, resources: ['^/x$'], policy: bypass}\n", `not path_regexp "^/x$"`, "", "the query as well"},
		"an open method":       {"one_factor", "    - {domain: a.example.com, methods: [OPTIONS], policy: bypass}\n", "not method OPTIONS", "", ""},
		"open after a denial":  {"one_factor", group + "deny}\n    - {domain: a.example.com, resources: ['^/x$'], policy: bypass}\n", "latchkey {", "path_regexp", "missing  access_control.rules (line 5)"},
		"open after networks":  {"one_factor", "    - {domain: a.example.com, networks: ['10.0.0.0/8'], policy: one_factor}\n    - {domain: a.example.com, resources: ['^/x$'], policy: bypass}\n", "latchkey", "path_regexp", "missing"},
		"open, and wrong":      {"one_factor", "    - {domain: a.example.com, resources: ['^/(x$'], policy: bypass}\n", "latchkey", "path_regexp", "stays closed"},
		"a denied part":        {"one_factor", "    - {domain: a.example.com, resources: ['^/x'], methods: [POST], policy: deny}\n", `@part-1-1 { path_regexp "^/x" method POST } latchkey { policy part-1-1 @part-1-1 { block }`, "", ""},
		"denied by networks":   {"one_factor", "    - {domain: a.example.com, networks: ['10.0.0.0/8'], policy: deny}\n", "closed-until-completed { block }", "", "so the site is closed"},
		"denied by both":       {"one_factor", "    - {domain: a.example.com, subject: [['group:g', 'user:u']], policy: deny}\n", "closed-until-completed { block }", "", "match together"},
		"permitted by both":    {"deny", "    - {domain: a.example.com, subject: [['group:g', 'user:u']], policy: one_factor}\n", "closed-until-completed { block }", "allow g", "is not permitted"},
		"open to everyone":     {"bypass", group + "one_factor}\n", "latchkey", "@guarded", "open to everyone"},
	} {
		t.Run(name, func(t *testing.T) {
			text, notes := autheliaRules(t, row.usual, row.rules)
			if !strings.Contains(text, row.want) || row.never != "" && strings.Contains(text, row.never) || !strings.Contains(notes, row.note) {
				t.Errorf("%s\n%s", text, notes)
			}
		})
	}
}

func TestAutheliaFaults(t *testing.T) {
	for source, want := range map[string]string{
		"a: [":                       "line 1: this is no YAML",
		"a: *hunter2":                "this is no YAML",
		"a: &hunter2 1\nb: *hunter2": "line 2: aliases are not read",
		"- a":                        "no YAML with keys",
		"a: 1\na: 2":                 "line 2: a key stands twice",
		"a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300): "nested too deep",
		"access_control: {default_policy: open}":                    "want one of",
		"access_control: {rules: hunter2}":                          "want a list",
		"access_control: {rules: [{policy: open}]}":                 "policy: want one of",
		"access_control: {rules: [{policy: deny, domain: {a: b}}]}": "domain: want a text",
		"access_control: {rules: [{policy: deny, domain: 'a b'}]}":  "is no host name",
		"session: {expiration: 'a while'}":                          "line 1: session.expiration: want a duration",
	} {
		_, err := Read([]byte(source), draft.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.60s: %v", source, err)
		}
	}
}
