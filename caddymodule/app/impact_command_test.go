package app_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	_ "github.com/latchkey-gateway/latchkey/caddymodule/adminapi"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	_ "github.com/latchkey-gateway/latchkey/caddymodule/command"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// What the command prints, whole.
func TestImpactCommand(t *testing.T) {
	c := newCompany(t, before, wikiSite+adminSite)
	c.people()
	apptest.Run(t, c.app)
	address := "--address=" + strings.TrimPrefix(apptest.AdminServer(t).URL, "http://")
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(c.configuration(after, wikiSite)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := run(t, "explain", "--impact", "--config="+file, address, "--since=2d", "--examples=1")
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(got, "\n")
	since := time.Now().Add(-48 * time.Hour).Format("2006-01-02")
	if !strings.HasPrefix(first, "Looked at 4 live sessions and 8 sign-ins since "+since) {
		t.Errorf("begins %q", first)
	}
	const golden = "testdata/impact.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(rest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || rest != string(want) {
		t.Errorf("%v: printed\n%s\nnot\n%s", err, rest, want)
	}
	got, err = run(t, "explain", "--impact", "--config="+file, address, "--json")
	var im explain.Impact
	if err != nil || json.Unmarshal([]byte(got), &im) != nil || len(im.Changes) != 3 {
		t.Errorf("%v: %s", err, got)
	}
	if _, err := run(t, "explain", "--impact", address); err == nil || !strings.Contains(err.Error(), "--impact wants the new configuration") {
		t.Errorf("without a configuration: %v", err)
	}
	if _, err := run(t, "explain", "--impact", "--config="+file, address, "--since=yesterday"); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("since yesterday: %v", err)
	}
}

var update = flag.Bool("update", false, "write what the command prints into testdata")

// post asks the admin API.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// run runs a command of the binary.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	cmd := new(cobra.Command)
	caddycmd.Commands()[name].CobraFunc(cmd)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.Execute()
	return out.String(), err
}
