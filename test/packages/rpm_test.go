//go:build packages

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// newRPMSystem is a Debian as a distribution with rpm: without Debian's helpers for units, and with the rule that no unit is
// enabled by its installation. The names of packages that the rpm needs are of such distributions, and not known to its rpm.
func newRPMSystem(t *testing.T) *debian {
	t.Helper()
	d := unpacked(t, *rpm, *rpmBase)
	for _, helper := range []string{"deb-systemd-helper", "deb-systemd-invoke"} {
		if err := os.Remove(filepath.Join(d.root, "/usr/bin", helper)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(d.root, "/etc/systemd/system-preset"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("/etc/systemd/system-preset/99-default-disable.preset", "disable *\n", 0o644)
	return d
}

// upgrade has rpm install a package, over the one that is there if there is one, and returns what it says.
func (d *debian) upgrade(file string) string {
	d.t.Helper()
	run(d.t, "cp", file, filepath.Join(d.root, "latchkey.rpm"))
	return d.do("rpm", "--upgrade", "--nodeps", "/latchkey.rpm")
}

// nextRPM makes the rpm of a later version from what is installed, with scripts and settings of this tree. packed is its Caddyfile.
func (d *debian) nextRPM(packed string) string {
	d.t.Helper()
	dir := d.t.TempDir()
	for _, from := range []string{"packaging", "Caddyfile.example", "caddymodule/firstfile/packaged.caddyfile"} {
		into := filepath.Join(dir, from)
		if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
			d.t.Fatal(err)
		}
		run(d.t, "cp", "--recursive", filepath.Join(rig.Root(), from), into)
	}
	if packed != "" {
		if err := os.WriteFile(filepath.Join(dir, "caddymodule/firstfile/packaged.caddyfile"), []byte(packed), 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	stage := filepath.Join(dir, "stage")
	if err := os.MkdirAll(filepath.Join(stage, "man"), 0o755); err != nil {
		d.t.Fatal(err)
	}
	for from, into := range map[string]string{
		"/usr/share/doc/latchkey/changelog.gz": "changelog.gz", "/usr/share/man/man8/latchkey.8.gz": "man",
		"/usr/share/bash-completion/completions/latchkey": "completion.bash",
	} {
		run(d.t, "cp", filepath.Join(d.root, from), filepath.Join(stage, into))
	}
	file := filepath.Join(dir, "next.rpm")
	cmd := exec.Command(*nfpm, "package", "--config", "packaging/nfpm.yaml", "--packager", "rpm", "--target", file)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ARCH="+runtime.GOARCH, "REVISION=2", "STAGE="+stage, "SOURCE_DATE_EPOCH=1796057392",
		"VERSION="+d.do("rpm", "--query", "--queryformat", "%{VERSION}", "latchkey"), "BINARY="+filepath.Join(d.root, "/usr/bin/latchkey"))
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("nfpm: %v\n%s", err, out)
	}
	return file
}

// Without systemd running: the files, their owners, what an upgrade does to files of the operator, and what a removal leaves.
func TestRPM(t *testing.T) {
	d := newRPMSystem(t)
	d.upgrade(*rpm)
	d.checkInstalled("/usr/lib/systemd/system/latchkey.service")
	if enabled, _ := d.try("systemctl", "is-enabled", "latchkey"); enabled != "disabled" {
		t.Errorf("the unit is %s, against the preset", enabled)
	}
	if out, err := d.try("rpm", "--verify", "--nodeps", "latchkey"); err != nil || out != "" {
		t.Errorf("rpm --verify: %s, %v", out, err)
	}

	original := d.read(caddyfile)
	d.upgrade(d.nextRPM("# of a later version\n"))
	if got := d.read(caddyfile); got != "# of a later version\n" {
		t.Errorf("a Caddyfile that was not changed is %q after an upgrade", got)
	}
	d.write(caddyfile, ownFile, 0o644)
	d.write(environment, "OIDC_CLIENT_SECRET=a\n", 0o640)
	run(t, "cp", *rpm, filepath.Join(d.root, "latchkey.rpm"))
	d.do("rpm", "--upgrade", "--oldpackage", "--nodeps", "/latchkey.rpm")
	if d.read(caddyfile) != ownFile || d.read(caddyfile+".rpmnew") != original {
		t.Errorf("after a way back the Caddyfile is %q, and beside it lies %q", d.read(caddyfile), d.read(caddyfile+".rpmnew"))
	}
	if d.read(environment) != "OIDC_CLIENT_SECRET=a\n" || d.stat(environment) != "640 root:latchkey" {
		t.Errorf("and the environment is %q, %s", d.read(environment), d.stat(environment))
	}

	d.do("rpm", "--erase", "latchkey")
	if d.read(caddyfile+".rpmsave") != ownFile || d.stat(environment+".rpmsave") != "640 root:latchkey" || d.stat(state) != "700 latchkey:latchkey" {
		t.Error("a removal took a file of the operator or the state")
	}
	left := d.do("find", "/etc", "/usr", "/var/lib", "-path", "*latchkey*", "-not", "-path", "/var/lib/rpm/*", "-not", "-path", "/etc/latchkey*")
	if left != state {
		t.Errorf("a removal left:\n%s", left)
	}
	if err := os.RemoveAll(filepath.Join(d.root, "/etc/latchkey")); err != nil {
		t.Fatal(err)
	}
	d.upgrade(*rpm)
	d.do("rpm", "--erase", "latchkey")
	if out, err := d.try("stat", "/etc/latchkey"); err == nil {
		t.Errorf("without a file of the operator a removal left the folder: %s", out)
	}
}

// A broken Caddyfile takes no running server down. The scripts of both versions run at an upgrade: those of the old one come last,
// and do not stop what those of the new one have started.
func TestServiceOfRPM(t *testing.T) {
	d := newRPMSystem(t)
	d.boot()
	d.upgrade(*rpm)
	if is, _ := d.try("systemctl", "is-active", "latchkey"); is != "inactive" {
		t.Errorf("after the installation it is %s", is)
	}
	port := rig.FreePort(t)
	d.write(caddyfile, answering(port, "one"), 0o644)
	d.do("systemctl", "enable", "--now", "latchkey")
	first := d.service()
	if got := said(port); got != "one" {
		t.Fatalf("after the start: %s", got)
	}
	next := d.nextRPM("")
	d.write(caddyfile, "http://localhost {\n\tno_such_word\n}\n", 0o644)
	out := d.upgrade(next)
	if said(port) != "one" || d.service() != first || !strings.Contains(out, "no_such_word") || !strings.Contains(out, "was not restarted") {
		t.Errorf("after an upgrade with a broken Caddyfile: %s, process %s, before %s:\n%s", said(port), d.service(), first, out)
	}
	d.write(caddyfile, answering(port, "two"), 0o644)
	out = d.do("rpm", "--upgrade", "--force", "--nodeps", "/latchkey.rpm")
	if said(port) != "two" || d.service() == first {
		t.Errorf("after an upgrade with a good one: %s, process %s, before %s:\n%s", said(port), d.service(), first, out)
	}
	if enabled, _ := d.try("systemctl", "is-enabled", "latchkey"); enabled != "enabled" {
		t.Errorf("after the upgrades the unit is %s", enabled)
	}
	d.do("rpm", "--erase", "latchkey")
	if out, err := d.try("pidof", "latchkey"); err == nil {
		t.Errorf("after the removal it still runs: %s", out)
	}
	if left := d.do("find", "/etc/systemd", "-name", "latchkey*"); left != "" {
		t.Errorf("after the removal it is still enabled: %s", left)
	}
}
