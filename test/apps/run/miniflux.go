package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

const minifluxVersion = "v2.3.5"

// miniflux is the Go program, with Debian's PostgreSQL.
type miniflux struct{ bin, postgres string }

func (a *miniflux) name() string             { return "Miniflux" }
func (a *miniflux) version() string          { return strings.TrimPrefix(minifluxVersion, "v") }
func (a *miniflux) page() string             { return "miniflux" }
func (a *miniflux) path() string             { return "/keys" }
func (a *miniflux) header() string           { return "Remote-User" }
func (a *miniflux) shows(user string) string { return "Username = " + user }

func (a *miniflux) install(cache string) (err error) {
	if a.postgres, _, err = tryout.DebianProgram(cache, "postgresql-15", "postgresql-15"); err != nil {
		return err
	}
	a.bin, err = tryout.GoProgram{Name: "miniflux", Pkg: "miniflux.app/v2", Module: "miniflux.app/v2", Version: minifluxVersion}.Build(cache)
	return err
}

// database starts PostgreSQL, which root may not run, and returns its address.
func (a *miniflux) database(t testing.TB, p place) string {
	t.Helper()
	port, bin := rig.FreePort(t), filepath.Join(a.postgres, "usr/lib/postgresql/15/bin")
	dir, err := os.MkdirTemp("", "latchkey-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := []string{}
	if os.Getuid() == 0 {
		as = []string{"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"}
		if err := exec.Command("chown", "nobody:nogroup", dir).Run(); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) []string {
		return append(append(append([]string{}, as...), filepath.Join(bin, name)), args...)
	}
	env, data := tryout.DebianEnvironment(a.postgres), filepath.Join(dir, "data")
	initdb := run("initdb", "-D", data, "-U", "miniflux", "-A", "trust", "-E", "UTF8", "--no-sync")
	if err := tryout.Command(dir, env, initdb[0], initdb[1:]...); err != nil {
		t.Fatal(err)
	}
	server := run("postgres", "-D", data, "-h", "127.0.0.1", "-p", fmt.Sprint(port), "-k", dir, "-F")
	db := tryout.Start(t, dir, port, env, server[0], server[1:]...)
	t.Cleanup(func() { db.Stop(t) })
	return fmt.Sprintf("postgres://miniflux@127.0.0.1:%d/postgres?sslmode=disable", port)
}

func (a *miniflux) start(t testing.TB, p place) map[string]string {
	env := []string{"DATABASE_URL=" + a.database(t, p), "LISTEN_ADDR=" + p.addr, "RUN_MIGRATIONS=1", "BASE_URL=" + p.origin + "/"}
	for line := range strings.Lines(block(t, p.page, "ini")) {
		env = append(env, strings.TrimSpace(strings.ReplaceAll(line, "192.0.2.10/32", "127.0.0.1/32")))
	}
	run := tryout.Start(t, p.dir, p.port, env, a.bin)
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"miniflux:8080": p.addr}
}

var minifluxUser = regexp.MustCompile(`Username = <strong>([a-z]+)</strong>`)

func (a *miniflux) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	h := rig.Navigation()
	for name, values := range header {
		h[name] = values
	}
	r := c.Do(rig.Call{URL: origin + "/keys", Header: h})
	if loc := r.Location(); loc != nil && loc.Path == "/" && loc.Host == r.At.Host { // a new session begins there
		c.Do(rig.Call{URL: loc.String(), Header: h})
		r = c.Do(rig.Call{URL: origin + "/keys", Header: h})
	}
	if found := minifluxUser.FindStringSubmatch(r.Text); found != nil {
		return found[1]
	}
	t.Logf("no user in %d %s", r.StatusCode, r.Text)
	return ""
}
