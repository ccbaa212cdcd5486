package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/commands"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// reader is who types what the documents say, beside a gateway that runs, with a provider and a Redis.
type reader struct {
	*site
	file string // what the gateway runs
}

// newReader starts a gateway with the sites and users whose names the documents use. One of the sites can be signed in at.
func newReader(t *testing.T) *reader {
	t.Helper()
	s := newSite(t, config{
		site: "app git\ntokens on",
		users: map[string]rig.Claims{
			"alice": {"preferred_username": "alice@example.com", "email": "alice@example.com", "email_verified": true, "groups": []string{"staff"}},
			"ada":   {"preferred_username": "ada@example.com", "email": "ada@example.com", "email_verified": true, "groups": []string{"staff"}},
		},
	})
	r := &reader{site: s, file: s.caddyfile()}
	for _, host := range []string{"wiki.example.com", "admin.example.com"} {
		r.file += fmt.Sprintf("%s:%d {\n\ttls internal\n\tlatchkey {\n\t\tapp %s\n\t\tallow group staff\n\t}\n\trespond ok\n}\n", host, rig.FreePort(t), host)
	}
	if err := s.gw.Reload(r.file); err != nil {
		t.Fatal(err)
	}
	return r
}

// files are those that the documents suppose, in a new directory.
func (r *reader) files(b commands.Block) string {
	r.t.Helper()
	dir := r.t.TempDir()
	samples := map[string]string{
		"Caddyfile.new":     r.file,
		"oauth2-proxy.cfg":  sample(r.t, "caddymodule/migrate/testdata/oauth2-proxy-wiki.in"),
		"oauth2-proxy.yaml": sample(r.t, "caddymodule/migrate/testdata/oauth2-proxy-structured.second"),
		"intranet.conf":     sample(r.t, "caddymodule/migrate/testdata/mod_auth_openidc-intranet.in"),
		"configuration.yml": sample(r.t, "caddymodule/migrate/testdata/authelia-home.in"),
		"config.yml":        sample(r.t, "caddymodule/migrate/testdata/vouch-keycloak.in"),
		"old.Caddyfile":     sample(r.t, "caddymodule/migrate/testdata/caddy-security-homelab.in"),
	}
	if b.File == "docs/explain.md" {
		samples["Caddyfile"] = sample(r.t, "caddymodule/command/testdata/explain/Caddyfile")
	} else if !strings.Contains(b.Text, "latchkey init") && !strings.Contains(b.Text, "--output Caddyfile") {
		samples["Caddyfile"] = r.file
	}
	for name, text := range samples {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	return dir
}

func sample(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// signedIn signs both users in and returns the variables that the documents use: an ID of a session, whose it is, an ID of a token.
func (r *reader) signedIn() []string {
	r.t.Helper()
	for _, user := range []string{"alice", "ada"} {
		r.entered(rig.NewHTTP(r.t), "/", user, "No")
	}
	var listed struct {
		Sessions []struct{ ID, Issuer, Subject string }
	}
	r.admin(http.MethodGet, "/latchkey/sessions?user=alice@example.com", "", &listed)
	if len(listed.Sessions) == 0 {
		r.t.Fatal("alice has no session")
	}
	session := listed.Sessions[0]
	var made struct{ ID string }
	r.admin(http.MethodPost, "/latchkey/tokens", toJSON(r.t, map[string]any{"service": "backup", "app": "git", "name": "n", "expires": "1d"}), &made)
	return []string{
		"ID=" + session.ID, "ISSUER=" + url.QueryEscape(session.Issuer), "SUBJECT=" + url.QueryEscape(session.Subject), "TOKEN_ID=" + made.ID,
	}
}

func (r *reader) admin(method, path, body string, into any) {
	r.t.Helper()
	status, text := r.gw.AskAdmin(method, path, body)
	if err := json.Unmarshal([]byte(text), into); err != nil || status/100 != 2 {
		r.t.Fatalf("%s %s: %d %s %v", method, path, status, text, err)
	}
}

// Each block of a shell in a document that has no reason against it does what it says, on a gateway that runs. Names of the
// documents stand for those of the test: the admin API, the provider, the folders of files.
func TestCommandsOfTheDocuments(t *testing.T) {
	t.Parallel()
	documents, err := commands.Documents(rig.Root())
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	run := 0
	for _, document := range documents {
		blocks, _, err := commands.Blocks(rig.Root(), document)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			if b.Language() != "sh" || b.NotRun() != "" {
				continue
			}
			run++
			dir, env := r.files(b), r.signedIn()
			names := []string{
				"localhost:2019", strings.TrimPrefix(r.gw.Admin, "http://"), "https://login.example.com", r.idp.Issuer,
				"/etc/latchkey/", dir + "/", "/etc/oauth2-proxy.cfg", dir + "/oauth2-proxy.cfg", "/etc/oauth2-proxy.yaml", dir + "/oauth2-proxy.yaml",
				"/etc/apache2/sites-enabled/", dir + "/", "/config/", dir + "/", "/etc/vouch/", dir + "/", "/etc/caddy/Caddyfile", dir + "/old.Caddyfile",
			}
			if out, err := r.gw.Shell(dir, strings.NewReplacer(names...).Replace(b.Text), env...); err != nil {
				t.Errorf("%s: %v\n%s", b.Where(), err, out)
			}
		}
	}
	if run < 15 {
		t.Errorf("only %d blocks were run", run)
	}
}
