package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

// fieldOf is a field of each object in lines of JSON, one a line.
func fieldOf[T any](t *testing.T, lines string, field func(T) string) (values []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		values = append(values, field(v))
	}
	return values
}

// usersOf are the names in a list of sessions in JSON, sorted.
func usersOf(t *testing.T, lines string) []string {
	t.Helper()
	return slices.Sorted(slices.Values(fieldOf(t, lines, func(s struct{ User string }) string { return s.User })))
}

func TestSessionsCommand(t *testing.T) {
	a := apptest.NewAdministered(t, app.Parts{})
	at := []string{"--address", strings.TrimPrefix(a.Server, "http://")}
	run := func(args ...string) (string, error) {
		t.Helper()
		out, warn, err := command(t, setUpSessions, append(args, at...)...)
		if warn != "" && !strings.HasPrefix(warn, "there are more: --cursor ") {
			t.Errorf("%v warns: %s", args, warn)
		}
		return out, err
	}
	_, adas := a.SignIn("ada", "main", "staff", "admins")
	_, bobs := a.SignIn("bob", "main", "staff")
	_, eves := a.SignIn("eve", "partner")
	for args, want := range map[string]string{
		"": "ada bob eve", "--user ada": "ada", "-g staff": "ada bob", "--provider partner": "eve", "--user ada --provider partner": "",
	} {
		out, err := run(append([]string{"list", "--json"}, strings.Fields(args)...)...)
		if got := strings.Join(usersOf(t, out), " "); err != nil || got != want {
			t.Errorf("list %s: %q, %v, want %q", args, got, err, want)
		}
	}
	out, err := run("list", "--user", "ada")
	if rows := table(out); err != nil || len(rows) != 2 || rows[0][0] != "ID" || rows[1][1] != "ada" || rows[1][3] != "main" {
		t.Errorf("list: %s, %v", out, err)
	}
	if out, err := run("list", "--user", "nobody"); err != nil || out != "" {
		t.Errorf("a list of nobody: %q, %v", out, err)
	}
	// A list that was cut goes on where it ended.
	first, warn, err := command(t, setUpSessions, append([]string{"list", "--json", "-n", "2"}, at...)...)
	cursor, more := strings.CutPrefix(strings.TrimSpace(warn), "there are more: --cursor ")
	if err != nil || !more {
		t.Fatalf("list -n 2: %q, %q, %v", first, warn, err)
	}
	rest, err := run("list", "--json", "--cursor", cursor)
	if got := strings.Join(usersOf(t, first+rest), " "); err != nil || got != "ada bob eve" {
		t.Errorf("two parts of a list: %q, %v", got, err)
	}

	id := usersID(t, a, "ada")
	// An id can begin with "-", which is a flag unless -- stands in front of it. The error says so.
	if _, _, err := command(t, setUpSessions, append([]string{"revoke", "-Zx0000000000000"}, at...)...); err == nil || !strings.Contains(err.Error(), "write -- in front") {
		t.Errorf("an id that looks like a flag: %v", err)
	}
	if out, _, err := command(t, setUpSessions, append(append([]string{"revoke"}, at...), "--", id, "nosuch")...); err == nil || !strings.Contains(out, "1 ended") {
		t.Errorf("revoke one that there is and one that there is not: %q, %v", out, err)
	}
	if a.Alive(adas) || !a.Alive(bobs) {
		t.Error("revoke by id ended another")
	}
	if out, err := run("revoke", "--group", "staff"); err != nil || out != "1 ended\n" || a.Alive(bobs) || !a.Alive(eves) {
		t.Errorf("revoke --group: %q, %v", out, err)
	}
	if out, err := run("revoke", "--user", "nobody", "--json"); err != nil || !strings.Contains(out, `"ended": 0`) && !strings.Contains(out, `"ended":0`) {
		t.Errorf("revoke --user of nobody: %q, %v", out, err)
	}
	if out, err := run("revoke", "--provider", "partner"); err != nil || !strings.Contains(out, "is over") || a.Alive(eves) {
		t.Errorf("revoke --provider: %q, %v", out, err)
	}
	_, ians := a.SignIn("ian", "main")
	if out, err := run("revoke", "--all", "--before", "1h"); err != nil || !a.Alive(ians) {
		t.Errorf("revoke --all --before 1h: %q, %v", out, err)
	}
	if out, err := run("revoke", "--all", "--json"); err != nil || !strings.Contains(out, "before") || a.Alive(ians) {
		t.Errorf("revoke --all: %q, %v", out, err)
	}
}

func usersID(t *testing.T, a *apptest.Administered, user string) string {
	t.Helper()
	var answer adminapi.SessionsAnswer
	if err := json.Unmarshal([]byte(a.Must(http.StatusOK, "GET", adminapi.SessionsPath+"?user="+user, "")), &answer); err != nil || len(answer.Sessions) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	return answer.Sessions[0].ID
}

// What was ended is reported, whatever else failed; names from a store do not steer the terminal.
func TestSessionsCommandPartly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			_, _ = fmt.Fprint(w, `{"sessions":[{"id":"one","user":"x\u001b[2J"},{"id":"two"},{"id":"three"}],"unreadable":4}`)
		case strings.HasSuffix(r.URL.Path, "/one"):
			_, _ = fmt.Fprint(w, `{"ended":1}`)
		case strings.HasSuffix(r.URL.Path, "/two"):
			w.WriteHeader(http.StatusNotFound) // it has ended meanwhile
			_, _ = fmt.Fprint(w, `{"error":"no such session"}`)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, `{"error":"the store cannot be asked"}`)
		}
	}))
	defer server.Close()
	out, _, err := command(t, setUpSessions, "revoke", "--group", "x", "--address", address(server))
	if out != "1 ended\n" || err == nil || !strings.Contains(err.Error(), "cannot be asked") || !strings.Contains(err.Error(), "4 other sessions") ||
		strings.Contains(err.Error(), "no such session") {
		t.Errorf("%q, %v", out, err)
	}
	out, warn, err := command(t, setUpSessions, "list", "--address", address(server))
	if err != nil || strings.Contains(out, "\x1b") || !strings.Contains(warn, "4 sessions could not be opened") {
		t.Errorf("%q, %q, %v", out, warn, err)
	}
}
