package main

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// webDAV is Apache's mod_dav on a folder.
type webDAV struct {
	found  string
	server *apps.WebDAV
}

func (a *webDAV) name() string        { return "Apache mod_dav" }
func (a *webDAV) version() string     { return a.found }
func (a *webDAV) page() string        { return "webdav" }
func (a *webDAV) path() string        { return "/one.txt" }
func (a *webDAV) shows(string) string { return "a file" }

func (a *webDAV) install(cache string) (err error) {
	_, a.found, err = tryout.DebianProgram(cache, "apache2", "apache2-bin")
	return err
}

func (a *webDAV) start(t testing.TB, p place) map[string]string {
	a.server = apps.NewWebDAV(t, map[string]string{"one.txt": "a file"})
	return map[string]string{"dav:80": a.server.Addr, moved: a.server.Addr}
}

// program copies a file and moves it, with rclone.
func (a *webDAV) program(t testing.TB, origin, token string) (string, error) {
	const what = "rclone: copy and move"
	if _, err := url.Parse(origin); err != nil {
		t.Fatal(err)
	}
	h := apps.NewHome(t)
	h.Write("up/two.txt", "another file")
	for _, args := range [][]string{
		{"config", "create", "files", "webdav", "url=" + origin, "user=ada", "pass=" + token, "--obscure"},
		{"copy", "--retries=1", "up", "files:"},
		{"moveto", "--retries=1", "files:two.txt", "files:three.txt"},
	} {
		if r := h.Run("rclone", args...); !r.OK() {
			return what, fmt.Errorf("rclone %s: %d", args[0], r.Code)
		}
	}
	if text, _ := a.server.Read("three.txt"); text != "another file" {
		return what, fmt.Errorf("the server has %q", text)
	}
	return what, nil
}
