package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a site may say
	"github.com/spf13/cobra"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate"
)

const samples = "../migrate/testdata"

// Each sample becomes a Caddyfile that a server would load.
func TestMigratedSamplesCanBeLoaded(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	files, err := filepath.Glob(samples + "/*.in")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			second, err := os.ReadFile(strings.TrimSuffix(file, ".in") + ".second")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			p, err := migrate.Read(programOf(t, file), source, migrate.Options{Second: second})
			if err != nil {
				t.Fatal(err)
			}
			text, err := p.Text()
			if err != nil {
				t.Fatal(err)
			}
			refused, err := tried(withFiles(t, text), p.Variables, p.Inserted)
			if err != nil || refused != nil {
				t.Errorf("%v, %v:\n%s", err, refused, text)
			}
		})
	}
}

func programOf(t *testing.T, file string) string {
	t.Helper()
	for _, program := range migrate.Programs() {
		if strings.HasPrefix(filepath.Base(file), program+"-") {
			return program
		}
	}
	t.Fatalf("%s is of no program", file)
	return ""
}

var fileOf = regexp.MustCompile(`\{file\.[^}]+\}`)

// withFiles puts a file with a secret in place of those of another machine.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	return fileOf.ReplaceAllString(text, "{file."+file+"}")
}

func migrated(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	return command(t, func(cmd *cobra.Command) { setUpMigrate(cmd) }, args...)
}

func TestMigrate(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	source := samples + "/oauth2-proxy-wiki.in"
	out, said, err := migrated(t, "oauth2-proxy", source)
	if err != nil || !strings.Contains(out, "\nwiki.example.com {\n") || !strings.Contains(said, "unknown  custom_logo_for_the_wiki (line 45)") ||
		!strings.Contains(said, "environment of the server: OIDC_CLIENT_SECRET, REDIS_PASSWORD") || strings.Contains(said, "cannot be loaded") {
		t.Errorf("%v: %s\n%s", err, out, said)
	}
	file := filepath.Join(t.TempDir(), "Caddyfile")
	out, said, err = migrated(t, "oauth2-proxy", source, "--site", "docs.example.com", "--output", file)
	text, _ := os.ReadFile(file)
	if err != nil || out != "" || !strings.Contains(said, file+" is written") || !strings.Contains(string(text), "\ndocs.example.com {\n") {
		t.Errorf("%v: %s\n%s", err, said, text)
	}
	if _, _, err := migrated(t, "oauth2-proxy", source, "--output", file); !errors.Is(err, firstfile.ErrExists) {
		t.Errorf("a file is replaced: %v", err)
	}
	if err := os.WriteFile(file, []byte(firstfile.Packaged), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said, err = migrated(t, "oauth2-proxy", source, "--output", file); err != nil || !strings.Contains(said, "Set in /etc/latchkey/environment: OIDC_CLIENT_SECRET") || !strings.Contains(said, "systemctl restart latchkey") {
		t.Errorf("over the file of a package: %v: %s", err, said)
	}
	_, said, err = migrated(t, "oauth2-proxy", samples+"/oauth2-proxy-nginx.in")
	if err != nil || !strings.Contains(said, "cannot be loaded here yet") {
		t.Errorf("a file of another machine is missing, and it is not said: %v, %s", err, said)
	}
}

// What is wrong is said with the line, without a value, and nothing is written.
func TestMigrateRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	for name, row := range map[string]struct{ source, site, want string }{
		"broken":     {"client_id = \"a\"\nclient_secret = s3cret\n", "", "line 2: client_secret: this is no TOML"},
		"empty":      {"", "", "is empty"},
		"too large":  {strings.Repeat("# comment\n", 30000), "", "larger than 256 KB"},
		"breaks out": {"client_id = \"a\\\" {\\n}\\nlocalhost {\"\n", "", "line 1: client_id: a value is empty"},
		"a site":     {"client_id = \"a\"\n", "*.example.com", "name each host"},
	} {
		source := filepath.Join(dir, "source")
		if err := os.WriteFile(source, []byte(row.source), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := migrated(t, "oauth2-proxy", source, "--output", file, "--site", row.site)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := migrated(t, "nginx", samples+"/oauth2-proxy-wiki.in"); err == nil || !strings.Contains(err.Error(), `"oauth2-proxy"`) {
		t.Errorf("a program that is not known: %v", err)
	}
	if _, _, err := migrated(t, "oauth2-proxy", filepath.Join(dir, "absent")); err == nil {
		t.Error("a file that is not there is read")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is written")
	}
}
