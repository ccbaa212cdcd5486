package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/session"
)

// initiated runs `latchkey init` in a terminal in which the lines are typed, or outside of one.
func initiated(t *testing.T, lines []string, args ...string) (out, said string, err error) {
	t.Helper()
	return command(t, func(cmd *cobra.Command) {
		setUpInitWhere(cmd, func() bool { return lines != nil })
		cmd.SetIn(strings.NewReader(strings.Join(lines, "\n") + "\n"))
	}, args...)
}

// The file that init writes is one that validate and doctor like.
func TestInitWritesAFileThatDoctorLikes(t *testing.T) {
	t.Setenv(firstfile.SecretVariable, "")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "Caddyfile")
	issuer := metadataOnly{}.start(t)
	_, said, err := initiated(t, nil, "--issuer", issuer, "--client-id", "gw", "--site", "wiki.example.com=127.0.0.1:8000", "--group", "Team Blue", "--output", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		file + " is written", "redirect URI: https://wiki.example.com/.latchkey/callback",
		"post-logout redirect URI: https://wiki.example.com/.latchkey/signed-out", "environment of the server: OIDC_CLIENT_SECRET", "latchkey run --config " + file,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	if got := os.Getenv(firstfile.SecretVariable); got != "" {
		t.Errorf("the stand-in for the secret stays: %q", got)
	}
	t.Setenv(firstfile.SecretVariable, "s")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found, err := examined(t, string(text))
	if err != nil {
		t.Error(err)
	}
	for _, f := range found {
		if f.Level != findOK {
			t.Errorf("%+v", f)
		}
	}
	if _, _, err := initiated(t, nil, "--issuer", issuer, "--client-id", "gw", "--site", "wiki.example.com=127.0.0.1:8000", "--output", file); !errors.Is(err, firstfile.ErrExists) {
		t.Errorf("a second run: %v", err)
	}
}

// Where the file is that of a package, the next steps are those of its service.
func TestInitOnAPackage(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(firstfile.Packaged), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said, err := initiated(t, nil, "--issuer", metadataOnly{}.start(t), "--client-id", "gw", "--site", "wiki.example.com=127.0.0.1:8000", "--output", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Set in /etc/latchkey/environment: OIDC_CLIENT_SECRET\n", "Start it: systemctl restart latchkey\n", "journalctl --unit latchkey"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	if strings.Contains(said, "latchkey run") {
		t.Errorf("a second server is recommended: %s", said)
	}
}

func TestInitAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Caddyfile")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	right, wrong := metadataOnly{}.start(t), metadataOnly{issuer: "http://localhost:1"}.start(t)
	_, said, err := initiated(t, []string{wrong, right, "gw", "", "http://localhost:8080", "127.0.0.1:8000", "", ""}, "--output", file)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	// What a wrong issuer answered is told.
	if !strings.Contains(said, `issuer is "`+wrong+`" in the configuration and "http://localhost:1" in the metadata`) {
		t.Error(said)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "issuer "+right+"\n") || !strings.Contains(string(text), "http://localhost:8080 {\n") {
		t.Errorf("%v: %s", err, text)
	}
}

// Where a check fails nothing is written, but with --offline.
func TestInitRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Caddyfile")
	flags := []string{"--issuer", "http://127.0.0.1:1", "--client-id", "gw", "--site", "wiki.example.com=127.0.0.1:8000", "--output", file}
	if _, _, err := initiated(t, nil, flags...); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("no provider: %v", err)
	}
	if _, _, err := initiated(t, nil, "--output", file, "--issuer", "https://login.example.com"); err == nil || !strings.Contains(err.Error(), "give --client-id, --site") {
		t.Errorf("flags are missing: %v", err)
	}
	if _, _, err := initiated(t, nil, append(flags, "--offline", "--client-secret-file", filepath.Join(t.TempDir(), "absent"))...); err == nil {
		t.Error("a secret file that is not there is taken")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is written")
	}
	if _, said, err := initiated(t, nil, append(flags, "--offline")...); err != nil || !strings.Contains(said, "redirect URI: https://wiki.example.com/") {
		t.Errorf("offline: %v, %s", err, said)
	}
	out, _, err := initiated(t, nil, append(flags[:6:6], "--offline", "--output", "-")...)
	if err != nil || !strings.HasPrefix(out, "# Made by") {
		t.Errorf("to the output: %v, %s", err, out)
	}
}

// Whatever answers are accepted, the file can be loaded and says just that.
func TestAnswersCannotChangeTheFile(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab/:.,;=@#*<{}\"`'\\ \t\n\u00e9\u2028-_0?%&[]")), 0, 24, -1)
	t.Setenv(firstfile.SecretVariable, "s")
	scene, err := app.EmptyContext()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		a := firstfile.Answers{
			Issuer: "https://login.example.com/" + text.Draw(t, "issuer"), ClientID: text.Draw(t, "client"),
			Sites:  []firstfile.Site{{Address: text.Draw(t, "address"), Upstream: text.Draw(t, "upstream")}},
			Groups: []string{text.Draw(t, "group")},
		}
		if rapid.Bool().Draw(t, "usual") {
			a.Sites[0] = firstfile.Site{Address: "wiki.example.com", Upstream: "wiki:80"}
		}
		if a.Check() != nil {
			return
		}
		config, err := adapted(a.Text())
		if err != nil {
			t.Fatalf("%+v: %v\n%s", a, err, a.Text())
		}
		c, err := app.NewCandidate(scene, config)
		if err != nil {
			t.Fatalf("%+v: %v\n%s", a, err, a.Text())
		}
		defer c.Close()
		p := c.Estate().Tenant.Providers[0]
		sites := c.Estate().Sites
		if p.Issuer != a.Issuer || p.ClientID != a.ClientID || len(sites) != 1 || sites[0].Allow == nil || len(sites[0].Allow.Groups) != 1 {
			t.Fatalf("%+v became %q, %q, %d sites\n%s", a, p.Issuer, p.ClientID, len(sites), a.Text())
		}
	})
}

// The file states the limits, so that an operator sees them. They are those that hold without a word.
func TestLimitsOfTheFirstFileAreTheDefaults(t *testing.T) {
	a := firstfile.Answers{Issuer: "https://login.example.com", ClientID: "gw", Sites: []firstfile.Site{{Address: "wiki.example.com", Upstream: "wiki:80"}}}
	t.Setenv(firstfile.SecretVariable, "s")
	text, err := adapted(a.Text())
	if err != nil {
		t.Fatal(err)
	}
	scene, err := app.EmptyContext()
	if err != nil {
		t.Fatal(err)
	}
	c, err := app.NewCandidate(scene, text)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for kind, said := range map[session.Kind]config.Limits{session.Browser: c.Session.Browser, session.Persistent: c.Session.Persistent.Limits} {
		usual := session.DefaultLimits.Of(kind, false)
		if time.Duration(said.IdleLimit) != usual.Idle || time.Duration(said.MaxLifetime) != usual.Max {
			t.Errorf("%v: %+v, want %+v", kind, said, usual)
		}
	}
}
