//go:build packages

package packages

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

var (
	image = flag.String("image", "", "the archive of the image to try")
	dex   = flag.String("dex", "", "the program of Dex")
)

// engine is podman with a store and networks of its own, and its service, which docker-compose talks to.
type engine struct {
	t    *testing.T
	dir  string
	args []string
	env  []string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	if *image == "" || *dex == "" || os.Getuid() != 0 {
		t.Fatal("run this as root, by `make compose-test`")
	}
	e := &engine{t: t, dir: t.TempDir()}
	in := func(name string) string { return filepath.Join(e.dir, name) }
	e.args = []string{
		"--root", in("store"), "--runroot", in("run"), "--tmpdir", in("tmp"), "--cni-config-dir", in("networks"), "--storage-driver", "vfs",
		"--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "file",
	}
	// Limits that this machine may set for sure.
	if err := os.WriteFile(in("containers.conf"), []byte("[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(in("networks"), 0o755); err != nil {
		t.Fatal(err)
	}
	e.env = append(os.Environ(), "CONTAINERS_CONF="+in("containers.conf"), "DOCKER_HOST=unix://"+in("socket"))
	service := exec.Command("podman", append(e.args, "system", "service", "--time", "0", "unix://"+in("socket"))...)
	service.Env = e.env
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = e.try(nil, "rm", "--force", "--time", "2", "--all")
		_ = service.Process.Kill()
		_ = service.Wait()
	})
	rig.Until(t, 20*time.Second, "the service of podman", func() bool { _, err := os.Stat(in("socket")); return err == nil })
	return e
}

// try runs a command of podman.
func (e *engine) try(input []byte, args ...string) (string, error) {
	return e.command("", input, "podman", append(e.args, args...)...)
}

func (e *engine) command(dir string, input []byte, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, e.env, bytes.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

func (e *engine) do(input []byte, args ...string) string {
	e.t.Helper()
	out, err := e.try(input, args...)
	if err != nil {
		e.t.Fatalf("podman %s: %v\n%s", args[0], err, out)
	}
	return out
}

// library finds the files that a program is linked with.
var library = regexp.MustCompile(`/\S+`)

// standIn makes an image of a program of this machine, with the libraries that it needs, under the name of another project's image.
func (e *engine) standIn(name, program string, changes ...string) {
	e.t.Helper()
	root := e.t.TempDir()
	libraries, _ := exec.Command("ldd", program).Output() // fails for a static one
	for _, file := range append(library.FindAllString(string(libraries), -1), program) {
		into := filepath.Join(root, file)
		if file == program {
			into = filepath.Join(root, "usr/bin", filepath.Base(program))
		}
		if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
			e.t.Fatal(err)
		}
		run(e.t, "cp", "--dereference", file, into)
	}
	for _, folder := range []string{"data", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o777); err != nil {
			e.t.Fatal(err)
		}
	}
	files, err := exec.Command("tar", "--create", "--directory", root, ".").Output()
	if err != nil {
		e.t.Fatal(err)
	}
	args := []string{"import", "--change", "ENV PATH=/usr/bin"}
	for _, change := range changes {
		args = append(args, "--change", change)
	}
	e.do(files, append(args, "-", name)...)
}

// The compose file as it is shipped, with the image of the release: a user signs in, and stays signed in when the gateway crashes,
// when Redis starts again and when the gateway's container is another one. Debian's Redis, Dex as its Go module has it and the
// command `respond` of the gateway's own binary stand in for the images of others.
func TestCompose(t *testing.T) {
	e := newEngine(t)
	packed, err := exec.Command("gzip", "--decompress", "--stdout", *image).Output()
	if err != nil {
		t.Fatal(err)
	}
	loaded := e.do(packed, "load", "--quiet")
	name := loaded[strings.LastIndex(loaded, " ")+1:]
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(err)
	}
	e.standIn("docker.io/library/redis:7.4.1", redis, "WORKDIR /data")
	e.standIn("ghcr.io/dexidp/dex:v2.45.1", *dex)
	e.do(nil, "create", "--name", "app", name)
	e.do(nil, "commit", "--quiet", "--format", "docker", "--change", "USER 0", "--change",
		`ENTRYPOINT ["latchkey", "respond", "--listen", ":80", "--body", "The app, for {http.request.header.Remote-Email}"]`,
		"--change", "CMD []", "app", "docker.io/traefik/whoami:v1.11.0")

	project := filepath.Join(e.dir, "latchkey")
	run(t, "cp", "--recursive", filepath.Join(rig.Root(), "packaging/compose"), project)
	e.env = append(e.env, "OIDC_CLIENT_SECRET=for-a-trial-on-loopback-only-0123456789", "LATCHKEY_VERSION="+name[strings.LastIndex(name, ":")+1:])
	compose := func(args ...string) string {
		t.Helper()
		out, err := e.command(project, nil, "docker-compose", args...)
		if err != nil {
			t.Fatalf("docker-compose %s: %v\n%s", args[0], err, out)
		}
		return out
	}
	began := time.Now()
	step := func(what string) { t.Logf("%6.1f s  %s", time.Since(began).Seconds(), what) }
	compose("up", "--detach", "--no-build")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(compose("logs", "--no-color", "--tail", "20"))
		}
		compose("down", "--volumes")
	})
	healthy := func() bool {
		gateway := compose("ps", "--quiet", "latchkey")
		_, err := e.try(nil, "healthcheck", "run", gateway)
		return err == nil
	}
	rig.Until(t, 30*time.Second, "the gateway's health", healthy)
	step("up")

	const site = "http://wiki.localhost:8080/"
	b := rig.NewBrowser(t, rig.BrowserOptions{Lasting: true})
	rig.Until(t, 30*time.Second, "the form of Dex", func() bool { b.Goto(site); return b.Has("Login") })
	var filled string
	b.Evaluate(&filled, `document.getElementById("login").value = "ada@example.com"; document.getElementById("password").value = "password"`)
	b.Click("Login")
	b.Click("Yes")
	in := func(when string) {
		t.Helper()
		if at := b.Goto(site); at.Status != 200 || !strings.Contains(b.Text(), "The app, for ada@example.com") {
			t.Fatalf("%s: at %s, %d: %s", when, at.URL, at.Status, b.Text())
		}
		step(when)
	}
	in("signed in")
	process := func() string {
		return e.do(nil, "inspect", "--format", "{{.State.Pid}}", compose("ps", "--quiet", "latchkey"))
	}
	before := process()
	run(t, "kill", "-KILL", before)
	rig.Until(t, 30*time.Second, "the gateway after a crash", func() bool { now := process(); return now != "0" && now != before && healthy() })
	in("still signed in after kill -9")
	compose("restart", "redis")
	rig.Until(t, 30*time.Second, "the store after a restart", func() bool { return b.Goto(site).Status == 200 })
	in("still signed in after a restart of Redis")
	compose("up", "--detach", "--no-build", "--force-recreate", "--no-deps", "latchkey")
	rig.Until(t, 30*time.Second, "the gateway's health", healthy)
	in("still signed in with another container of the gateway")
	b.Restart()
	in("still signed in after a restart of the browser")
}
