package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// gitHTTP is git's own HTTP backend behind fcgiwrap, with one empty repository.
type gitHTTP struct {
	root, found string
	home        *apps.Home
}

func (a *gitHTTP) name() string    { return "git http-backend" }
func (a *gitHTTP) version() string { return a.found }
func (a *gitHTTP) page() string    { return "git-http" }
func (a *gitHTTP) path() string    { return "/project.git/info/refs" }
func (a *gitHTTP) hiding() string  { return "it speaks FastCGI" }

func (a *gitHTTP) install(cache string) (err error) {
	if _, a.found, err = tryout.DebianProgram(cache, "git", "git"); err != nil {
		return err
	}
	a.root, _, err = tryout.DebianProgram(cache, "fcgiwrap", "fcgiwrap")
	return err
}

func (a *gitHTTP) start(t testing.TB, p place) map[string]string {
	a.home = apps.NewHome(t)
	for _, args := range [][]string{
		{"init", "-q", "--bare", "root/project.git"},
		{"-C", "root/project.git", "config", "core.logAllRefUpdates", "true"},
		{"-C", "root/project.git", "update-server-info"},
	} {
		if r := a.home.Run("git", args...); !r.OK() {
			t.Fatal(r.Out)
		}
	}
	run := tryout.Start(t, p.dir, p.port, append(tryout.DebianEnvironment(a.root), "HOME="+a.home.Dir), filepath.Join(a.root, "usr/sbin/fcgiwrap"),
		"-f", "-c", "1", "-s", fmt.Sprintf("tcp:127.0.0.1:%d", p.port))
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"unix//run/fcgiwrap.socket": p.addr, "/srv/git": a.home.Path("root")}
}

// program pushes and clones. The server notes who pushed.
func (a *gitHTTP) program(t testing.TB, origin, token string) (string, error) {
	what, err := pushAndClone(t, a.home, origin, token, "/project.git")
	if err != nil {
		return what, err
	}
	if log := a.home.Read("root/project.git/logs/refs/heads/main"); !strings.Contains(log, " ada <") {
		return what, fmt.Errorf("the server notes %q", log)
	}
	return what, nil
}
