package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate"
)

// What a Caddyfile imports is read relative to the file in which the import stands.
func TestMigrateFollowsImports(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Caddyfile":           "{\nsecurity {\nimport policies/*.conf\n}\n}\nimport sites/wiki\n",
		"policies/staff.conf": "authorization policy staff {\nallow roles staff\nimport open\n}\n",
		"policies/open":       "bypass uri exact /health\n",
		"policies/.old.conf":  "authorization policy old {\nsurprise\n}\n",
		"sites/wiki":          "wiki.example.com {\nauthorize with staff\nimport app\n}\n",
		"sites/app":           "respond ok\nrespond {$WIKI_TEXT} 200\n",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, said, err := migrated(t, "caddy-security", filepath.Join(dir, "Caddyfile"))
	text := strings.Join(strings.Fields(out), " ")
	if err != nil || !strings.Contains(text, `not { path_regexp "^/health$" }`) || !strings.Contains(text, "allow group staff headers none } respond ok respond {$WIKI_TEXT} 200 }") ||
		!strings.Contains(said, "OIDC_CLIENT_SECRET, WIKI_TEXT") || !strings.Contains(said, filepath.Join(dir, "policies", "staff.conf")+", line 1)") || strings.Contains(said, "surprise") {
		t.Errorf("%v\n%s\n%s", err, out, said)
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("#", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one", 10)
	write("large", migrate.MaxSize)
	for pattern, want := range map[string]string{
		"absent": "not there", "*/*": "one wildcard", "[a-z]": "one wildcard", ".": "is no file", "l*": "", "none*": "", "one": "",
	} {
		_, err := importer(filepath.Join(dir, "Caddyfile"))("", pattern)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	read := importer(filepath.Join(dir, "Caddyfile"))
	if _, err := read("", "large"); err != nil {
		t.Error(err)
	}
	if _, err := read(filepath.Join(dir, "large"), "one"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("files are read without a bound: %v", err)
	}
}
