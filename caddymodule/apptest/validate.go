package apptest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage" // the storage of a validated configuration
	_ "github.com/caddyserver/caddy/v2/modules/logging"     // the log that ValidateWarns reads
)

// ValidateWarns validates a Caddyfile as `caddy validate` does, and returns what the log then says of policies and providers.
// It fails the test if a warning about a policy does not name the line that the policy starts at.
func ValidateWarns(t *testing.T, text string) (warnings []string) {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "log")
	text = strings.Replace(text, "{\n", "{\n\tlog {\n\t\toutput file "+file+"\n\t\tformat json\n\t\tlevel WARN\n\t}\n", 1)
	config, err := Adapt(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var parsed caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &parsed); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&parsed); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	log, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		var entry struct{ Msg, Policy, App, Provider, Problem, Position string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry.Problem == "" {
			continue
		}
		if entry.Provider != "" {
			warnings = append(warnings, "provider "+entry.Provider+": "+entry.Problem)
			continue
		}
		if entry.App == "" && entry.Policy == "" { // about a setting for all sites
			warnings = append(warnings, "session: "+entry.Problem)
			continue
		}
		place := "policy " + entry.Policy + " "
		if entry.Policy == "" {
			place = "latchkey"
		}
		number, _ := strconv.Atoi(strings.TrimPrefix(entry.Position, "Caddyfile:"))
		if lines := strings.Split(text, "\n"); number < 1 || number > len(lines) || !strings.HasPrefix(strings.TrimSpace(lines[number-1]), place) {
			t.Errorf("%s %s is said to be at %q", entry.App, entry.Policy, entry.Position)
		}
		warnings = append(warnings, strings.TrimSpace(entry.App+" "+entry.Policy)+": "+entry.Problem)
	}
	return warnings
}
