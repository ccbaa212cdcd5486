//go:build packages

package packages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	caddyfile   = "/etc/latchkey/Caddyfile"
	environment = "/etc/latchkey/environment"
	state       = "/var/lib/latchkey"
	ownFile     = "# of the operator\n"
)

// checkInstalled looks at the files, their owners and the user after an installation.
func (d *debian) checkInstalled(unit string) {
	d.t.Helper()
	for path, want := range map[string]string{
		"/usr/bin/latchkey": "755 root:root",
		"/etc/latchkey":     "755 root:root",
		caddyfile:           "644 root:root",
		environment:         "640 root:latchkey",
		state:               "700 latchkey:latchkey",
		unit:                "644 root:root",
	} {
		if got := d.stat(path); got != want {
			d.t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if user := d.do("getent", "passwd", "latchkey"); !strings.HasSuffix(user, ":"+state+":/usr/sbin/nologin") {
		d.t.Errorf("the user: %s", user)
	}
}

// Without systemd running, as in a container's build: the files, their owners, and what an upgrade and a removal leave.
func TestDpkg(t *testing.T) {
	d := newDebian(t)
	d.install(*deb)
	d.checkInstalled("/lib/systemd/system/latchkey.service")
	if enabled := d.do("systemctl", "is-enabled", "latchkey"); enabled != "enabled" {
		t.Errorf("the unit is %s", enabled)
	}
	if out, err := d.try("dpkg", "--verify", "latchkey"); err != nil || out != "" {
		t.Errorf("dpkg --verify: %s, %v", out, err)
	}
	version := d.do("latchkey", "version")
	t.Log(version)
	if !strings.HasPrefix(version, "latchkey v") {
		t.Errorf("the binary says %s", version)
	}

	d.write(caddyfile, ownFile, 0o600)
	d.write(environment, "OIDC_CLIENT_SECRET=a\n", 0o640)
	d.install(next(t, nil))
	if d.read(caddyfile) != ownFile || d.stat(caddyfile) != "644 root:root" && d.stat(caddyfile) != "600 root:root" {
		t.Errorf("after an upgrade the Caddyfile is %q, %s", d.read(caddyfile), d.stat(caddyfile))
	}
	if d.read(environment) != "OIDC_CLIENT_SECRET=a\n" || d.stat(environment) != "640 root:latchkey" {
		t.Errorf("after an upgrade the environment is %q, %s", d.read(environment), d.stat(environment))
	}

	d.do("dpkg", "--remove", "latchkey")
	if d.read(caddyfile) != ownFile || d.stat(state) != "700 latchkey:latchkey" {
		t.Error("a removal took the Caddyfile or the state")
	}
	if _, err := os.Stat(filepath.Join(d.root, "/usr/bin/latchkey")); err == nil {
		t.Error("a removal left the binary")
	}

	d.do("dpkg", "--purge", "latchkey")
	if left := d.do("find", "/etc", "/var/lib", "/lib/systemd", "/usr", "-name", "*latchkey*", "-not", "-path", "/var/lib/dpkg/*"); left != "" {
		t.Errorf("a purge left:\n%s", left)
	}
	d.install(*deb)
	if got := d.stat(environment); got != "640 root:latchkey" || d.read(caddyfile) == ownFile {
		t.Errorf("installed again: %s", got)
	}
}

// A version that brings another Caddyfile does not replace one that was changed: it lies beside it.
func TestChangedCaddyfileSurvivesAnother(t *testing.T) {
	d := newDebian(t)
	d.install(*deb)
	d.write(caddyfile, ownFile, 0o644)
	d.install(next(t, func(root string) {
		if err := os.WriteFile(filepath.Join(root, caddyfile), []byte("# of a later version\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}), "--force-confdef", "--force-confold")
	if d.read(caddyfile) != ownFile || d.read(caddyfile+".dpkg-dist") != "# of a later version\n" {
		t.Errorf("%q, and beside it %q", d.read(caddyfile), d.read(caddyfile+".dpkg-dist"))
	}
}
