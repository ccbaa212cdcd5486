package main

import (
	"net/http"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
	"github.com/latchkey-gateway/latchkey/test/tryout"
)

// php is an app of two dozen lines, on Debian's PHP, that keeps its user in PHP's session, as many do.
type php struct{ root, found string }

func (a *php) name() string             { return "PHP" }
func (a *php) version() string          { return a.found }
func (a *php) page() string             { return "php-fastcgi" }
func (a *php) path() string             { return "/" }
func (a *php) header() string           { return "Remote-User" }
func (a *php) hiding() string           { return "it speaks FastCGI" }
func (a *php) shows(user string) string { return "user: " + user }

func (a *php) install(cache string) (err error) {
	a.root, a.found, err = tryout.DebianProgram(cache, "php", "php8.2-fpm")
	return err
}

func (a *php) start(t testing.TB, p place) map[string]string {
	startFPM(t, a.root, p)
	writeFile(t, filepath.Join(p.dir, "app", "index.php"), block(t, p.page, "php"))
	return map[string]string{"/srv/app": filepath.Join(p.dir, "app"), "unix//run/php/php-fpm.sock": p.addr}
}

var phpUser = regexp.MustCompile(`user: ([a-z]*), session: ([a-z]*)`)

// user has the name that the server states and the one of the app's session, which has to be the same.
func (a *php) user(t testing.TB, c *rig.HTTP, origin string, header map[string][]string) string {
	return readUser(t, c, origin+"/", header, func(text string) string {
		found := phpUser.FindStringSubmatch(text)
		if found == nil {
			return ""
		}
		if found[1] != found[2] {
			return "request: " + found[1] + ", session: " + found[2]
		}
		return found[1]
	})
}

// readUser finds the user in a page of an app. The gateway's 401 is no user.
func readUser(t testing.TB, c *rig.HTTP, url string, header map[string][]string, find func(text string) string) string {
	t.Helper()
	h := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.9.1"}}
	for name, values := range header {
		h[name] = values
	}
	r := c.Do(rig.Call{URL: url, Header: h})
	if loc := r.Location(); loc != nil {
		r = c.Do(rig.Call{URL: loc.String(), Header: h})
	}
	user := find(r.Text)
	if user == "" && r.StatusCode != http.StatusUnauthorized && r.StatusCode != http.StatusForbidden {
		t.Logf("no user in %d %s", r.StatusCode, r.Text)
	}
	return user
}
