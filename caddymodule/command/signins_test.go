package command

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

// output is what a command prints, while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// signIns runs `latchkey sign-ins` until it ends, or ctx does.
func signIns(ctx context.Context, out, warn *output, args ...string) error {
	c := &signInsCommand{}
	cmd := &cobra.Command{Use: "sign-ins", SilenceUsage: true, SilenceErrors: true}
	c.setUp(cmd)
	c.poll = 5 * time.Millisecond
	cmd.SetOut(out)
	cmd.SetErr(warn)
	cmd.SetArgs(args)
	return cmd.ExecuteContext(ctx)
}

func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, warn output
	if err := signIns(t.Context(), &out, &warn, args...); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if warn.String() != "" {
		t.Errorf("%v: %s", args, warn.String())
	}
	return out.String()
}

// address is how an admin address is written.
func address(server *httptest.Server) string { return strings.TrimPrefix(server.URL, "http://") }

// The table and the JSON lines, as they are printed; `go test -update` writes them.
func TestSignInsGolden(t *testing.T) {
	clock := storetest.NewClock()
	l := apptest.NewStoredLog(t, clock.Now)
	apptest.Run(t, l.App)
	server := apptest.AdminServer(t)
	for _, change := range []func(r *signinlog.Record){
		func(r *signinlog.Record) {
			r.PromptReason, r.SessionID, r.PolicyStatus = "answered_yes", "s-1", "success"
		},
		func(r *signinlog.Record) {
			r.UserName, r.Code, r.Detail, r.PolicyStatus = "Sam@example.com", signinlog.BlockedByPolicy, "blocked", "failure"
			r.Policies = []signinlog.AppliedPolicy{{Name: "office-only", Result: "failure", GrantControls: []string{"block"}}}
		},
		func(r *signinlog.Record) { r.Code, r.PromptReason = signinlog.KeepMeSignedIn, "asked" },
		func(r *signinlog.Record) {
			r.UserIssuer, r.UserSubject, r.UserName, r.IP, r.App, r.Code = "", "", "", "2001:db8::1", "", signinlog.FlowExpired
			r.Interactive = false
		},
	} {
		l.Write(change)
		clock.Advance(time.Minute)
	}
	for name, args := range map[string][]string{
		"table": {"--limit", "0"}, "lines": {"--json"}, "one": {"-n", "1"}, "some": {"--status", "failure", "--json"}, "none": {"--user", "nobody"},
	} {
		got := printed(t, append(args, "--address", address(server))...)
		file := filepath.Join("testdata", "sign-ins."+name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

// Untrusted names do not control the terminal.
func TestSignInsTableIsPrintable(t *testing.T) {
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	l.Write(func(r *signinlog.Record) {
		r.UserName, r.App, r.Detail, r.Code = "x\x1b[2J\x1b]0;owned\x07", "b\u202elost\r\n", "\u009b31m\u2028", signinlog.ProviderFailed
	})
	got := printed(t, "--address", address(apptest.AdminServer(t)))
	if strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\x07\r\u202e\u009b\u2028") {
		t.Errorf("%q", got)
	}
}

// More than a page is printed whole, and --limit holds over pages.
func TestSignInsPages(t *testing.T) {
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	server := apptest.AdminServer(t)
	const n = signinlog.MaxLimit + 5
	for range n {
		l.Written++
		l.App.SignIns().Write(signinlog.Record{ID: fmt.Sprintf("v%d", l.Written), IP: fmt.Sprintf("v%d", l.Written), Created: time.Now()})
	}
	storetest.Until(t, "the sign-ins are stored", func() bool { return l.App.SignIns().Stats().Stored == n })
	for limit, want := range map[string]int{"0": n, "3": 3, "1002": 1002, "100000": n} {
		if got := idsOf(t, printed(t, "--json", "--limit", limit, "--address", address(server))); len(got) != want || got[0] != fmt.Sprintf("v%d", n) {
			t.Errorf("limit %s: %d entries from %s, want %d", limit, len(got), got[0], want)
		}
	}
	if got := idsOf(t, printed(t, "--json", "--address", address(server))); len(got) != signinlog.DefaultLimit {
		t.Errorf("%d entries by default", len(got))
	}
}

func idsOf(t *testing.T, lines string) []string {
	t.Helper()
	return fieldOf(t, lines, func(e struct{ ID string }) string { return e.ID })
}

// Following misses nothing and prints nothing twice: not what comes between the first two questions, not over a store
// that is away or a server that restarts, and what was there before comes first.
func TestSignInsFollow(t *testing.T) {
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	var asked atomic.Int32
	inner := apptest.AdminServer(t).Config.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 { // the end was asked for, the old entries were not
			l.Write(nil)
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	for range 15 {
		l.Write(nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, warn output
	done := make(chan error)
	go func() { done <- signIns(ctx, &out, &warn, "--follow", "--json", "--address", address(server)) }()
	seen := func() int { return len(idsOf(t, out.String())) }
	storetest.Until(t, "the entries are printed", func() bool { return seen() == 10 })
	for range 20 {
		l.Write(nil)
	}
	storetest.Until(t, "the entries are printed", func() bool { return seen() == 30 })
	for i, err := range []error{fmt.Errorf("%w: out", session.ErrUnavailable), session.ErrClosed} {
		before := asked.Load()
		l.Journal.Fail(err)
		storetest.Until(t, "the command asks on", func() bool { return asked.Load() > before+2 })
		l.Journal.Fail(nil)
		l.Write(nil)
		storetest.Until(t, "the entries are printed", func() bool { return seen() == 31+i })
	}
	app.Leave(l.App)
	storetest.Until(t, "the failure is told once", func() bool { return strings.Count(warn.String(), "not configured") == 1 })
	app.Enter(l.App)
	l.Write(nil)
	storetest.Until(t, "the entries are printed", func() bool { return seen() == 33 })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	for i, id := range idsOf(t, out.String()) {
		if want := fmt.Sprintf("v%d", 16-10+1+i); id != want {
			t.Errorf("line %d is %s, want %s", i+1, id, want)
		}
	}
	if lines := strings.Count(warn.String(), "\n"); lines != 3 {
		t.Errorf("warned %d times:\n%s", lines, warn.String())
	}
}

// Every way to get it wrong is one line and an error.
func TestSignInsErrors(t *testing.T) {
	l := apptest.NewStoredLog(t, time.Now)
	apptest.Run(t, l.App)
	good := address(apptest.AdminServer(t))
	const nobody = "127.0.0.1:1"
	answering := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return address(s)
	}
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(`{"admin":{"listen":"`+nobody+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		args []string
		want string
	}{
		"a flag that is unknown":     {[]string{"--usr", "x"}, "unknown flag: --usr"},
		"an argument":                {[]string{"ada"}, "unknown command"},
		"a bad code":                 {[]string{"--code", "x", "--address", nobody}, `--code: "x" is no number`},
		"a bad status":               {[]string{"--status", "ok", "--address", nobody}, `--status: "ok" is none of success, failure, interrupted`},
		"a bad since":                {[]string{"--since", "soon", "--address", nobody}, `--since: "soon" is neither a time`},
		"a bad until":                {[]string{"--until", "2026", "--address", nobody}, `--until: "2026" is neither a time`},
		"until before since":         {[]string{"--since", "1h", "--until", "2h"}, "--until is before since"},
		"a bad limit":                {[]string{"--limit", "-1"}, "--limit: a number"},
		"no number":                  {[]string{"--limit", "x"}, `invalid argument "x" for "-n, --limit" flag`},
		"two servers":                {[]string{"--address", nobody, "--config", config}, "not both"},
		"no server":                  {[]string{"--address", nobody}, "no answer from the admin API at " + nobody},
		"no server, by config":       {[]string{"--config", config}, "no answer from the admin API at " + nobody},
		"no server, following":       {[]string{"--follow", "--address", nobody}, "no answer from the admin API at " + nobody},
		"no such config":             {[]string{"--config", config + "x"}, "finding the admin address"},
		"a bad address":              {[]string{"--address", "127.0.0.1:1-5"}, "invalid admin address"},
		"a server without Latchkey":  {[]string{"--address", answering(404, "404 page not found\n")}, "is it a server with Latchkey?"},
		"a server of something else": {[]string{"--address", answering(200, "<html>")}, "cannot be read"},
		"an error of another's":      {[]string{"--address", answering(418, "<html>\nteapot")}, "answers 418"},
		"a store that is away":       {[]string{"--address", answering(503, `{"error":"the store cannot be asked: x"}`)}, "the store cannot be asked: x"},
	} {
		var out, warn output
		err := signIns(t.Context(), &out, &warn, row.args...)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", what, err, row.want)
		}
		if out.String() != "" {
			t.Errorf("%s: printed %q", what, out.String())
		}
	}
	if got := printed(t, "--address", good); got != "" {
		t.Errorf("an empty log: %q", got)
	}
}

// A server that hangs holds Ctrl-C up no more than one that answers.
func TestSignInsHangingServer(t *testing.T) {
	release := make(chan struct{})
	reached := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{}; <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	var out, warn output
	done := make(chan error)
	go func() { done <- signIns(ctx, &out, &warn, "--address", address(server)) }()
	<-reached
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Entries whose keys are gone are passed over, and counted aloud.
func TestSignInsUnreadable(t *testing.T) {
	l := apptest.NewStoredLog(t, time.Now)
	l.Write(nil)
	ring, err := keyring.New([]byte("another-ring-with-0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	other := signinlog.Open(signinlog.Config{Journal: l.Journal, Keys: ring})
	t.Cleanup(other.Close)
	apptest.Run(t, app.Of(app.Parts{SignIns: other}))
	var out, warn output
	if err := signIns(t.Context(), &out, &warn, "--address", address(apptest.AdminServer(t))); err != nil || out.String() != "" || !strings.Contains(warn.String(), "1 entries could not be opened") {
		t.Errorf("%v, %q, %q", err, out.String(), warn.String())
	}
}

// The command is there in whatever Caddy the module is built into.
func TestSignInsIsRegistered(t *testing.T) {
	if _, ok := caddycmd.Commands()["sign-ins"]; !ok {
		t.Error("there is no command sign-ins")
	}
}
