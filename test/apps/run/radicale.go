package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// radicale is Debian's Radicale with the configuration of the page.
type radicale struct{ root, found string }

func (a *radicale) name() string    { return "Radicale" }
func (a *radicale) version() string { return a.found }
func (a *radicale) page() string    { return "radicale" }
func (a *radicale) path() string    { return "/.web/" }
func (a *radicale) header() string  { return "X-Remote-User" }

func (a *radicale) install(cache string) (err error) {
	a.root, a.found, err = tryout.DebianProgram(cache, "radicale", "radicale")
	return err
}

func (a *radicale) start(t testing.TB, p place) map[string]string {
	file := filepath.Join(p.dir, "config")
	conf := fmt.Sprintf("[server]\nhosts = %s\n[storage]\nfilesystem_folder = %s/collections\n%s", p.addr, p.dir, block(t, p.page, "ini"))
	writeFile(t, file, conf)
	run := tryout.Start(t, p.dir, p.port, []string{"PYTHONPATH=" + filepath.Join(a.root, "usr/lib/python3/dist-packages")},
		filepath.Join(a.root, "usr/bin/radicale"), "--config", file)
	t.Cleanup(func() { run.Stop(t) })
	return map[string]string{"radicale:5232": p.addr}
}

var principal = regexp.MustCompile(`<current-user-principal><href>/([^/<]*)/?</href>`)

const askPrincipal = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`

func (a *radicale) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	h := http.Header(header).Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Depth", "0")
	r := c.Do(rig.Call{Method: "PROPFIND", URL: origin + "/", Header: h, Body: strings.NewReader(askPrincipal)})
	found := principal.FindStringSubmatch(strings.NewReplacer("D:", "", "ns0:", "").Replace(r.Text))
	switch {
	case r.StatusCode == http.StatusUnauthorized:
		return ""
	case r.StatusCode != http.StatusMultiStatus || found == nil:
		t.Fatalf("%d %s", r.StatusCode, r.Text)
	}
	return found[1]
}

func (a *radicale) program(t testing.TB, origin, token string) (string, error) {
	c := rig.NewHTTP(t)
	basic := http.Header{"User-Agent": {"DAVx5/4.4"}}
	basic.Set("Authorization", basicAuth("ada", token))
	if r := c.Do(rig.Call{Method: "MKCALENDAR", URL: origin + "/ada/work/", Header: basic}); r.StatusCode != http.StatusCreated && r.StatusCode != http.StatusConflict {
		return "CalDAV", fmt.Errorf("making a calendar: %d", r.StatusCode)
	}
	if r := c.Do(rig.Call{Method: "PROPFIND", URL: origin + "/bob/", Header: basic}); r.StatusCode != http.StatusForbidden {
		return "CalDAV", fmt.Errorf("the collections of bob: %d", r.StatusCode)
	}
	return "CalDAV", nil
}
