package command

import (
	"bytes"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
)

var update = flag.Bool("update", false, "write what the commands print into testdata")

const (
	at         = "--at=2026-11-23T10:00:00Z"
	answerLine = "----------\n" // between the arguments and what the command prints
)

// runExplain runs the command as it is given on a command line.
func runExplain(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := &cobra.Command{Use: "explain", SilenceUsage: true, SilenceErrors: true}
	explainCommand().CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

// What the command prints, whole: testdata/explain/*.golden begin with the arguments.
func TestExplainGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".golden"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			args, want, _ := strings.Cut(string(data), answerLine)
			got, err := runExplain(t, append([]string{"--config=testdata/explain/Caddyfile", at}, strings.Split(strings.TrimSpace(args), "\n")...)...)
			if err != nil {
				got += "Error: " + err.Error() + "\n"
			}
			if *update {
				if err := os.WriteFile(file, []byte(args+answerLine+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("printed:\n%s\nnot:\n%s", got, want)
			}
		})
	}
}

// A question that makes no sense is one line, and never an answer.
func TestExplainRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ args, message string }{
		"nobody":                {"--app=wiki", "say who it is about"},
		"anonymous with a name": {"--app=wiki --anonymous --unverified=alice", "no user is signed in"},
		"a service with mfa":    {"--app=payroll --user=service:backup --mfa", "a service has a name and groups"},
		"a service, no tokens":  {"--app=wiki --user=service:backup", "does not say `tokens on`"},
		"no app":                {"--user=alice", "more than one app: say which, expected one of admin, payroll, vault, wiki"},
		"unknown app":           {"--user=alice --app=wkii", `unknown app "wkii", did you mean "wiki"?`},
		"unknown provider":      {"--user=alice --app=wiki --provider=entre", `unknown provider "entre", did you mean "entra"?`},
		"anonymous":             {"--user=alice --app=wiki --anonymous", "no user is signed in"},
		"anonymous with mfa":    {"--app=wiki --anonymous --mfa", "no user is signed in"},
		"path":                  {"--user=alice --app=wiki --path=users", `path: "users" is no path`},
		"ip":                    {"--user=alice --app=wiki --ip=203.0.113", `ip: "203.0.113" is no IP address`},
		"header":                {"--user=alice --app=wiki --header=danger", "not of the form 'Name: value'"},
		"risk":                  {"--user=alice --app=wiki --risk=high", "--risk: "},
		"risk level":            {"--user=alice --app=wiki --risk=user=huge", "--risk user: unknown risk"},
		"device":                {"--user=alice --app=wiki --device=compliant=maybe", "--device: "},
		"platform":              {"--user=alice --app=wiki --platform=symbian", "--platform: unknown platform"},
		"client":                {"--user=alice --app=wiki --client=telnet", "--client: unknown client"},
		"kind":                  {"--user=alice --app=wiki --kind=long", "browser or persistent"},
		"remembered":            {"--user=alice --app=wiki --remembered=maybe", "yes or no"},
		"age":                   {"--user=alice --app=wiki --auth-age=old", "--auth-age: "},
		"negative age":          {"--user=alice --app=wiki --auth-age=-2h", "not negative"},
		"idle":                  {"--user=alice --app=wiki --idle=long", "--idle: "},
		"time":                  {"--user=alice --app=wiki --at=noon", "--at: "},
		"expectation":           {"--user=alice --app=wiki --expect=alow", `unknown verdict "alow", did you mean "allow"?`},
		"not expected":          {"--user=alice --app=wiki --ip=203.0.113.1 --expect=block", "the verdict is allow, not block"},
		"two sources":           {"--user=alice --app=wiki --address=localhost:1", "give --config or --address"},
		"flag":                  {"--usr=alice", "unknown flag: --usr"},
		"argument":              {"alice", `unknown command "alice"`},
		"impact":                {"--impact --user=alice", "--user says nothing with --impact"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := runExplain(t, append([]string{"--config=testdata/explain/Caddyfile"}, strings.Fields(tt.args)...)...)
			if err == nil || !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, not one line with %q", err, tt.message)
			}
			if out != "" && name != "not expected" {
				t.Errorf("printed %s", out)
			}
		})
	}
}

// The configuration need not run, nor be able to: no file is made, nothing is dialled, no port is opened.
func TestExplainOpensNothing(t *testing.T) {
	calls := make(chan string, 10)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			calls <- c.RemoteAddr().String()
			_ = c.Close()
		}
	}()
	dir, server := t.TempDir(), listener.Addr().String()
	for name, store := range map[string]string{"file": "store file " + dir + "/store/sessions.db", "redis": "store redis redis://" + server} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "Caddyfile")
			err := os.WriteFile(config, []byte(`{
	admin `+server+`
	http_port `+server[strings.LastIndexByte(server, ':')+1:]+`
	storage file_system `+dir+`/storage
	log {
		output file `+dir+`/log
	}
	latchkey {
		provider {
			issuer http://`+server+`
			client_id gateway
		}
		`+store+`
	}
}
http://localhost {
	log {
		output file `+dir+`/access
	}
	latchkey
}
`), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			out, err := runExplain(t, "--config="+config, "--user=alice", "--expect=allow")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("made %v, %v", left, err)
			}
			select {
			case c := <-calls:
				t.Errorf("dialled by %s", c)
			default:
			}
		})
	}
}

// What the guide shows is what the command prints.
func TestExplainGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"testdata/explain/step_up.golden", "testdata/explain/idle_live.golden", "../app/testdata/impact.txt"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown := string(data)
		if strings.Contains(file, "idle") { // one line of it
			_, shown, _ = strings.Cut(shown, "\nIdle ")
			line, _, _ := strings.Cut(shown, "\n")
			shown = "Idle " + line
		}
		if _, output, ok := strings.Cut(shown, answerLine); ok {
			shown = output
		}
		if !strings.Contains(string(guide), strings.TrimSpace(shown)) {
			t.Errorf("docs/explain.md does not show %s as it is now", file)
		}
	}
	cmd := &cobra.Command{}
	explainCommand().CobraFunc(cmd)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "adapter" && !strings.Contains(string(guide), "--"+f.Name) {
			t.Errorf("docs/explain.md does not name --%s", f.Name)
		}
	})
}

// The command asks the server that runs, and says in one line why it got no answer.
func TestExplainAsksServer(t *testing.T) {
	server := apptest.AdminServer(t)
	address := "--address=" + strings.TrimPrefix(server.URL, "http://")
	if _, err := runExplain(t, address, "--app=wiki", "--user=alice"); err == nil || !strings.Contains(err.Error(), "latchkey is not configured here") {
		t.Errorf("with nothing that runs: %v", err)
	}
	apptest.Run(t, apptest.ProvisionFile(t, "testdata/explain/Caddyfile"))
	args := []string{"--app=admin", "--user=alice", "--group=admins", "--mfa", "--ip=203.0.113.1", "--header=X-Danger: yes", at}
	want, err := runExplain(t, append(args, "--config=testdata/explain/Caddyfile")...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := runExplain(t, append(args, address)...)
	if err != nil || got != want {
		t.Errorf("%v: the server says\n%s\nthe file\n%s", err, got, want)
	}
	if _, err := runExplain(t, address, "--app=wkii", "--user=alice"); err == nil || !strings.Contains(err.Error(), `unknown app "wkii", did you mean "wiki"?`) {
		t.Errorf("unknown app: %v", err)
	}
	server.Close()
	if _, err := runExplain(t, append(args, address)...); err == nil || !strings.Contains(err.Error(), "no answer from the admin API at 127.0.0.1") {
		t.Errorf("no server: %v", err)
	}
}
