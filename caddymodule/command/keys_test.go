package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
)

// command runs a command that setUp makes, with args, and returns what it prints.
func command(t *testing.T, setUp func(*cobra.Command), args ...string) (out, warn string, err error) {
	t.Helper()
	var o, w output
	cmd := &cobra.Command{Use: "command", SilenceUsage: true, SilenceErrors: true}
	setUp(cmd)
	cmd.SetOut(&o)
	cmd.SetErr(&w)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return o.String(), w.String(), err
}

// table splits what a command printed into its rows.
func table(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

func TestKeysCommand(t *testing.T) {
	a, clock := apptest.NewKeyed(t)
	at := []string{"--address", strings.TrimPrefix(a.Server, "http://")}
	keys := func(args ...string) (string, error) {
		t.Helper()
		out, warn, err := command(t, setUpKeys, append(args, at...)...)
		if warn != "" {
			t.Errorf("%v warns: %s", args, warn)
		}
		return out, err
	}
	oldest := a.App.Keeper().Ring.Keys()[0].ID.String()
	a.SignIn("ada", "main")
	a.SignIn("bob", "main")
	clock.Advance(2 * time.Hour)
	out, err := keys("rotate")
	newest := a.App.Keeper().Ring.Keys()[0].ID.String()
	from := clock.Now().Add(keystorage.SealDelay).Format(time.RFC3339)
	if err != nil || newest == oldest || !strings.Contains(out, "key "+newest+" seals from "+from+" on, when every server knows it") || strings.Count(out, "\n") != 1 {
		t.Fatalf("rotate: %q, %v", out, err)
	}
	out, err = keys("list")
	if rows := table(out); err != nil || rows[1][0] != newest || rows[1][2] != from || rows[1][3] != "waits" || rows[2][3] != "seals" {
		t.Errorf("list before its time: %s, %v", out, err)
	}
	clock.Advance(keystorage.SealDelay)
	a.Seals(newest)
	out, err = keys("list")
	rows := table(out)
	if err != nil || len(rows) != 3 || strings.Join(rows[0], " ") != "KEY MADE SEALS USE SESSIONS RETIRES" ||
		rows[1][0] != newest || rows[1][2] != from || rows[1][3] != "seals" || rows[1][4] != "0" || rows[1][5] != "-" ||
		rows[2][0] != oldest || rows[2][2] != rows[2][1] || rows[2][3] != "opens" || rows[2][4] != "2" || rows[2][5] == "-" {
		t.Errorf("list: %s, %v", out, err)
	}
	if out, err := keys("list", "--no-count"); err != nil || table(out)[2][4] != "-" {
		t.Errorf("list --no-count: %s, %v", out, err)
	}
	var report keysReport
	out, err = keys("list", "--json")
	if e := json.Unmarshal([]byte(out), &report); err != nil || e != nil || len(report.Keys) != 2 || *report.Keys[1].Sessions != 2 || report.Source != "storage" {
		t.Errorf("list --json: %s, %v", out, err)
	}
	clock.Advance(2 * time.Hour)
	if out, err := keys("retire", oldest); err == nil || !strings.Contains(err.Error(), "sessions live under key "+oldest) || out != "" {
		t.Errorf("retire: %q, %v", out, err)
	}
	if n := len(a.App.Keeper().Ring.Keys()); n != 2 {
		t.Fatalf("%d keys after a refusal", n)
	}
	if out, err := keys("retire", oldest, "--force"); err != nil || !strings.Contains(out, "key "+oldest+" is gone") {
		t.Errorf("retire --force: %q, %v", out, err)
	}
	if out, err := keys("list"); err != nil || !strings.HasSuffix(out, "2 sessions cannot be opened: their keys are gone\n") {
		t.Errorf("list: %s, %v", out, err)
	}
	if out, err := keys("rotate", "--now"); err != nil || !strings.Contains(out, "key "+a.App.Keeper().Ring.Keys()[0].ID.String()+" seals from now on; ") {
		t.Errorf("rotate --now: %q, %v", out, err)
	}
	out, err = keys("rotate", "--json")
	var made adminapi.KeyEntry
	if e := json.Unmarshal([]byte(out), &made); err != nil || e != nil || made.ID != a.App.Keeper().Ring.Keys()[0].ID.String() {
		t.Errorf("rotate --json: %s, %v", out, err)
	}
	out, err = keys("retire", newest, "--force", "--json")
	var gone adminapi.KeyEntry
	if e := json.Unmarshal([]byte(out), &gone); err != nil || e != nil || gone.ID != newest {
		t.Errorf("retire --json: %s, %v", out, err)
	}
}

// Counts of several pages are added up.
func TestKeysCommandPages(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := `{"source":"storage","keys":[{"id":"aaaa","seals":true}]}`
		switch {
		case r.URL.Path == adminapi.KeysPath+"/sessions" && r.URL.Query().Get("cursor") == "":
			answer = `{"sessions":{"aaaa":3,"bbbb":1},"unreadable":1,"cursor":"next"}`
		case r.URL.Path == adminapi.KeysPath+"/sessions" && r.URL.Query().Get("cursor") == "next":
			answer = `{"sessions":{"aaaa":4},"unreadable":2}`
		case r.URL.Path != adminapi.KeysPath:
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	out, _, err := command(t, setUpKeys, "list", "--json", "--address", address(server))
	var report keysReport
	if e := json.Unmarshal([]byte(out), &report); err != nil || e != nil || *report.Keys[0].Sessions != 7 || report.Others != 1 || report.Unreadable != 3 {
		t.Errorf("%s, %v", out, err)
	}
}

// Every way to get it wrong is one line, an error, and asks for nothing.
func TestKeysAndSessionsErrors(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":"the store cannot be asked: x"}`))
	}))
	defer server.Close()
	at := address(server)
	const nobody = "127.0.0.1:1"
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(`{"admin":{"listen":"`+nobody+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		setUp func(*cobra.Command)
		args  string
		want  string
		asks  bool
	}{
		{setUpKeys, "", "say one of [list rotate retire]", false},
		{setUpKeys, "rotat", `unknown command "rotat", did you mean "rotate"?`, false},
		{setUpKeys, "list aaaa", "unknown command", false},
		{setUpKeys, "rotate aaaa", "unknown command", false},
		{setUpKeys, "rotate --force", "unknown flag: --force", false},
		{setUpKeys, "retire", "accepts 1 arg(s), received 0", false},
		{setUpKeys, "retire aaaa bbbb", "accepts 1 arg(s), received 2", false},
		{setUpKeys, "list --address " + nobody, "no answer from the admin API at " + nobody, false},
		{setUpKeys, "list --config " + config, "no answer from the admin API at " + nobody, false},
		{setUpKeys, "rotate --address " + nobody + " --config " + config, "not both", false},
		{setUpKeys, "list --address " + at, "the store cannot be asked: x", true},
		{setUpKeys, "rotate --address " + at, "the store cannot be asked: x", true},
		{setUpKeys, "retire aaaa --address " + at, "the store cannot be asked: x", true},
		{setUpSessions, "", "say one of [list revoke]", false},
		{setUpSessions, "lists", `unknown command "lists", did you mean "list"?`, false},
		{setUpSessions, "list ada --address " + at, "unknown command", false},
		{setUpSessions, "list --limit -1 --address " + at, "--limit: a number of sessions", false},
		{setUpSessions, "list --all --address " + at, "unknown flag: --all", false},
		{setUpSessions, "revoke --address " + at, errWhose.Error(), false},
		{setUpSessions, "revoke abc --user ada --address " + at, errWhose.Error(), false},
		{setUpSessions, "revoke --all --provider main --address " + at, errWhose.Error(), false},
		{setUpSessions, "revoke abc --before 1h --address " + at, "--before goes with", false},
		{setUpSessions, "revoke --user ada --before 1h --address " + at, "--before goes with", false},
		{setUpSessions, "revoke --all --before soon --address " + at, `--before: "soon" is neither a time`, false},
		{setUpSessions, "list --address " + at, "the store cannot be asked: x", true},
		{setUpSessions, "revoke --user ada --address " + at, "the store cannot be asked: x", true},
		{setUpSessions, "revoke --all --address " + at, "the store cannot be asked: x", true},
	} {
		asked = 0
		out, _, err := command(t, row.setUp, strings.Fields(row.args)...)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") || out != "" || (asked > 0) != row.asks {
			t.Errorf("%q: printed %q, asked %d times: %v, want %q", row.args, out, asked, err, row.want)
		}
	}
}
