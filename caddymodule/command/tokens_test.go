package command

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
)

// create prints the token alone, so that a shell can assign it; everything else is on the error output.
func TestTokensCommand(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{TokenApps: []string{"git", "wiki"}})
	at := []string{"--address", strings.TrimPrefix(a.Server, "http://")}
	run := func(args ...string) (out, warn string, err error) {
		t.Helper()
		return command(t, setUpTokens, append(args, at...)...)
	}
	a.SignIn("ada", "main", "staff")
	idOf := func(out, warn string, err error) string {
		t.Helper()
		id, ok := apitoken.ID(strings.TrimSuffix(out, "\n"))
		if err != nil || !ok || !strings.HasPrefix(warn, "token "+id.Short()+" ends ") || strings.Contains(warn, "lk_") {
			t.Fatalf("%q, %q, %v", out, warn, err)
		}
		return id.Short()
	}
	backup := idOf(run("create", "--service", "backup", "--group", "robots", "-g", "night", "--app", "git", "--name", "nightly", "--expires", "30d"))
	adas := idOf(run("create", "--user", "ada", "--app", "wiki", "--name", "laptop"))
	// A user who has a token is known without a session.
	sessions, _, err := command(t, setUpSessions, append([]string{"revoke"}, append(at, "--", usersID(t, a, "ada"))...)...)
	if err != nil || sessions != "1 ended\n" {
		t.Fatalf("%q, %v", sessions, err)
	}
	second := idOf(run("create", "--user", "ada", "--app", "git", "--name", "desktop"))

	for args, want := range map[string]string{
		"": "desktop laptop nightly", "--user ada": "desktop laptop", "--service backup": "nightly", "--app git": "desktop nightly", "--user bob": "",
	} {
		out, _, err := run(append([]string{"list", "--json"}, strings.Fields(args)...)...)
		if got := strings.Join(slices.Sorted(slices.Values(fieldOf(t, out, func(s struct{ Name string }) string { return s.Name }))), " "); err != nil || got != want {
			t.Errorf("list %s: %q, %v, want %q", args, got, err, want)
		}
	}
	out, _, err := run("list", "--service", "backup")
	if rows := table(out); err != nil || len(rows) != 2 || rows[0][0] != "ID" || rows[1][0] != backup || rows[1][2] != "git" || rows[1][3] != "service:backup" {
		t.Errorf("list: %s, %v", out, err)
	}
	for args, want := range map[string]string{
		"create --app git --name n":                                "say for whom",
		"create --app git --name n --user ada --service backup":    "say for whom",
		"create --app git --name n --user bob":                     "must sign in once",
		"create --app gti --name n --user ada":                     "did you mean",
		"create --app git --name n --user ada --group staff":       "only a service",
		"create --app git --name n --user ada --expires yesterday": "such as 90d",
		"revoke":          "requires at least 1 arg",
		"revoke nosuch":   "there is no token",
		"revoke -Zx00000": "write -- in front",
		"create x":        "unknown command",
	} {
		if out, _, err := run(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(out, "lk_") {
			t.Errorf("%s: %q, %v, want %s", args, out, err, want)
		}
	}
	if out, _, err := command(t, setUpTokens, append(append([]string{"revoke"}, at...), "--", backup, "nosuch")...); err == nil || out != "1 ended\n" {
		t.Errorf("revoke one that there is and one that there is not: %q, %v", out, err)
	}
	out, _, err = command(t, setUpSessions, append([]string{"revoke", "--user", "ada"}, at...)...)
	if err != nil || out != "0 ended, and 2 tokens\n" {
		t.Errorf("the user: %q, %v", out, err)
	}
	if out, _, err := run("list", "--json"); err != nil || out != "" {
		t.Errorf("left of %s, %s: %q, %v", adas, second, out, err)
	}
}

// A name that several users have makes no token, and is no reason to end fewer sessions. What was ended is reported.
func TestUsersCalled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.URL.Path == adminapi.TokensPath:
			_, _ = fmt.Fprint(w, `{"tokens":[{"id":"t","issuer":"https://a","subject":"2"}],"unreadable":1}`)
		case r.Method == http.MethodGet:
			_, _ = fmt.Fprint(w, `{"sessions":[{"id":"one","issuer":"https://a","subject":"1"},{"id":"two","issuer":"https://a","subject":"1"}],"unreadable":2}`)
		case r.Method == http.MethodDelete && r.URL.EscapedPath() == "/latchkey/users/https:%2F%2Fa/1/sessions":
			_, _ = fmt.Fprint(w, `{"ended":2,"tokens":3}`)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, `{"error":"the store cannot be asked"}`)
		}
	}))
	defer server.Close()
	out, _, err := command(t, setUpSessions, "revoke", "--user", "x", "--address", address(server))
	if out != "2 ended, and 3 tokens\n" || err == nil || !strings.Contains(err.Error(), "cannot be asked") || !strings.Contains(err.Error(), "3 other sessions") {
		t.Errorf("%q, %v", out, err)
	}
	out, _, err = command(t, setUpTokens, "create", "--user", "x", "--app", "git", "--name", "n", "--address", address(server))
	if out != "" || err == nil || !strings.Contains(err.Error(), "2 users are called") {
		t.Errorf("%q, %v", out, err)
	}
}
