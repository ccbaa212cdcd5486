//go:build packages

package packages

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

var (
	deb     = flag.String("deb", "", "the package to try")
	base    = flag.String("base", "", "an archive of a clean Debian with systemd")
	rpm     = flag.String("rpm", "", "the rpm to try")
	rpmBase = flag.String("rpm-base", "", "an archive of a Debian with systemd and rpm")
	nfpm    = flag.String("nfpm", "", "the program that made the packages")
)

func TestMain(m *testing.M) { rig.Main(m) }

// debian is a Debian in a folder. Its network is that of the test.
type debian struct {
	t    *testing.T
	root string
	// leader is systemd, as the host sees it; 0: it has not booted.
	leader int
}

func newDebian(t *testing.T) *debian {
	t.Helper()
	return unpacked(t, *deb, *base)
}

func unpacked(t *testing.T, pack, archive string) *debian {
	t.Helper()
	if pack == "" || archive == "" || os.Getuid() != 0 {
		t.Fatal("run this as root, by `make packages-test`")
	}
	d := &debian{t: t, root: filepath.Join(t.TempDir(), "debian")}
	if err := os.Mkdir(d.root, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "tar", "--extract", "--file", archive, "--directory", d.root, "--exclude", "./dev/*")
	d.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", 0o644)
	return d
}

// boot starts systemd in it, and waits until it has started everything.
func (d *debian) boot() {
	d.t.Helper()
	console, err := os.Create(filepath.Join(filepath.Dir(d.root), "console"))
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe",
		"--kill-signal=SIGKILL", "--machine", fmt.Sprintf("latchkey-%d", os.Getpid()), "--directory", d.root, "--boot")
	cmd.Stdout, cmd.Stderr = console, console
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if d.t.Failed() {
			out, _ := d.try("journalctl", "--no-pager", "--unit", "latchkey", "--lines", "60")
			d.t.Logf("the journal of the service:\n%s", out)
		}
		if d.leader != 0 {
			_ = exec.Command("kill", "-KILL", strconv.Itoa(d.leader)).Run()
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = console.Close()
	})
	rig.Until(d.t, time.Minute, "systemd in the container", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		fields := strings.Fields(string(children))
		if err != nil || len(fields) == 0 {
			return false
		}
		d.leader, _ = strconv.Atoi(fields[0])
		out, _ := d.try("systemctl", "is-system-running")
		return strings.Contains(out, "running") || strings.Contains(out, "degraded")
	})
}

// try runs a command inside, where systemd has booted or not.
func (d *debian) try(args ...string) (string, error) {
	var cmd *exec.Cmd
	if d.leader == 0 {
		cmd = exec.Command("chroot", append([]string{d.root}, args...)...)
	} else {
		enter := []string{"--target", strconv.Itoa(d.leader), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd", "--"}
		cmd = exec.Command("nsenter", append(enter, args...)...)
	}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "HOME=/root"}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

// do runs a command inside, which must not fail, and returns what it says.
func (d *debian) do(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (d *debian) write(path, text string, mode os.FileMode) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.root, path), []byte(text), mode); err != nil {
		d.t.Fatal(err)
	}
}

func (d *debian) read(path string) string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.root, path))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// install has dpkg install a package, and returns what it says.
func (d *debian) install(file string, options ...string) string {
	d.t.Helper()
	run(d.t, "cp", file, filepath.Join(d.root, "latchkey.deb"))
	return d.do(append(append([]string{"dpkg"}, options...), "--install", "/latchkey.deb")...)
}

// stat returns rights, owner and group of a file.
func (d *debian) stat(path string) string {
	d.t.Helper()
	return d.do("stat", "--format", "%a %U:%G", path)
}

// service returns the number of the process of the service, inside.
func (d *debian) service() string {
	d.t.Helper()
	return d.do("systemctl", "show", "--property", "MainPID", "--value", "latchkey")
}

// next makes the package of a later version, in which change edits the files.
func next(t *testing.T, change func(root string)) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	run(t, "dpkg-deb", "--raw-extract", *deb, root)
	control := filepath.Join(root, "DEBIAN", "control")
	text, err := os.ReadFile(control)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Version: ") {
			lines[i] = line + "+next"
		}
	}
	if err := os.WriteFile(control, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(root)
	}
	file := filepath.Join(dir, "next.deb")
	run(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", root, file)
	return file
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
