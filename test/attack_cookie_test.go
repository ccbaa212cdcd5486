package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// badCookies are Cookie headers around a good session value, none of which may be taken for a session.
func badCookies(name, good string) map[string]string {
	return map[string]string{
		"none":                 "",
		"empty":                name + "=",
		"garbage":              name + "=garbage",
		"truncated":            name + "=" + good[:len(good)-1],
		"half":                 name + "=" + good[:len(good)/2],
		"longer":               name + "=" + good + "A",
		"first changed":        name + "=" + flip(good[0]) + good[1:],
		"middle changed":       name + "=" + good[:len(good)/2] + flip(good[len(good)/2]) + good[len(good)/2+1:],
		"last changed":         name + "=" + good[:len(good)-1] + flip(good[len(good)-1]),
		"padded":               name + "=" + good + "==",
		"quoted twice":         name + `=""` + good + `""`,
		"upper case":           name + "=" + strings.ToUpper(good),
		"huge":                 name + "=" + strings.Repeat("A", 60_000),
		"A37 chunks":           name + "_0=" + good + "; " + name + "_99999999=x; " + name + "_chunks=99999999",
		"other name":           name + "x=" + good,
		"other case":           strings.ToUpper(name) + "=" + good,
		"A60 doubled":          name + "=" + good + "; " + name + "=other",
		"A60 doubled reversed": name + "=other; " + name + "=" + good,
		"A36 separators":       strings.Repeat(";", 500) + "=" + strings.Repeat("; ", 500),
		"A36 no name":          "=" + good,
		"A32 format":           name + "=%s%s%n%d",
		"A32 other keys":       name + "=latchkey:s:x",
		"traversal":            name + "=../../../etc/passwd",
		"line break":           name + "=" + good[:5] + "%0d%0a" + good[5:],
		"many cookies":         strings.Repeat("a=b; ", 2000) + name + "=bad",
		"many flows":           manyFlows(name, 200),
		"pending garbage":      name + "-pending=garbage; " + name + "-answer=garbage; " + name + "-browser=garbage",
	}
}

func manyFlows(name string, n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "%s-flow-%08d=x; ", name, i)
	}
	return out.String()
}

// A32, A36, A37, A60: a cookie that is not exactly ours is no session: the app is not reached, nothing fails, and the
// good cookie still works afterwards.
func TestA60Cookies(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			s := newSite(t, config{https: tr.https})
			c := rig.NewHTTP(t)
			s.entered(c, "/", "alice", "Yes")
			before := s.app.Hits()
			for name, cookie := range badCookies(s.cookie(""), c.Cookie(s.host(), s.cookie(""))) {
				for _, navigate := range []bool{true, false} {
					r := c.Do(rig.Call{URL: s.url("/"), Navigate: navigate, Bare: true, Header: http.Header{"Cookie": {cookie}}})
					if r.StatusCode < 300 || r.StatusCode >= 500 {
						t.Errorf("%s: %d", name, r.StatusCode)
					}
				}
			}
			if s.app.Hits() != before {
				t.Errorf("the app was reached with %v", s.app.Last(t).Header)
			}
			if !s.alive(c) {
				t.Error("the good cookie was harmed")
			}
		})
	}
}

// A60, A80: bad cookies at the endpoints and on open paths end in no error either, and sign no user in.
func TestA80BadCookiesElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "@private not path /public/*", matcher: "@private"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	for name, cookie := range badCookies(s.cookie(""), c.Cookie(s.host(), s.cookie(""))) {
		for _, path := range []string{"/public/x", "/.latchkey/stay", "/.latchkey/sign-out", "/.latchkey/callback?state=x", "/.latchkey/sign-in", "/.latchkey/me"} {
			r := c.Do(rig.Call{URL: s.url(path), Navigate: true, Bare: true, Header: http.Header{"Cookie": {cookie}}})
			if r.StatusCode >= 500 {
				t.Errorf("%s at %s: %d", name, path, r.StatusCode)
			}
			if r.StatusCode != 200 || path != "/public/x" {
				continue
			}
			h := s.app.Last(t).Header
			if h.Get("Remote-User") != "" {
				t.Errorf("%s: anonymous became %q", name, h.Get("Remote-User"))
			}
			if strings.Contains(strings.Join(h.Values("Cookie"), ";"), s.cookie("")+"=") {
				t.Errorf("%s: our cookie reached the app: %.100s", name, h.Get("Cookie"))
			}
		}
	}
}

// Our cookies never reach the app; its own pass through untouched, in order, and are never mistaken for ours.
func TestOwnCookiesStayHere(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	ours := s.cookie("") + "=" + c.Cookie(s.host(), s.cookie(""))
	for sent, want := range map[string]string{
		ours:                                   "",
		"a=1; " + ours + "; b=2":               "a=1; b=2",
		ours + "; a=\"x y\"; b":                `a="x y"; b`,
		"latchkeyx=1; " + ours + "; xlatchkey": "latchkeyx=1; xlatchkey",
		"a=1;" + ours + ";" + s.cookie("-browser") + "=x;b=2": "a=1; b=2",
	} {
		r := c.Do(rig.Call{URL: s.url("/x"), Bare: true, Header: http.Header{"Cookie": {sent}}})
		if got := strings.Join(s.app.Last(t).Header.Values("Cookie"), "; "); r.StatusCode != 200 || strings.ReplaceAll(got, "; ", ";") != strings.ReplaceAll(want, "; ", ";") {
			t.Errorf("sent %q: %d, the app saw %q, want %q", sent, r.StatusCode, got, want)
		}
	}
}

// A cookie of one site is no session on another, nor under another name or transport.
func TestCookieIsBoundToItsSite(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, config{https: true})
	c := rig.NewHTTP(t)
	a.entered(c, "/", "alice", "Yes")
	value := c.Cookie(a.host(), a.cookie(""))
	for name, call := range map[string]rig.Call{
		"another host":  {URL: b.url("/"), Header: http.Header{"Host": {fmt.Sprintf("other.internal.test:%d", b.port)}, "Cookie": {a.cookie("") + "=" + value}}},
		"the http name": {URL: a.url("/"), Header: http.Header{"Cookie": {"latchkey=" + value}}},
		"secure prefix": {URL: a.url("/"), Header: http.Header{"Cookie": {"__Secure-latchkey=" + value}}},
	} {
		before := a.app.Hits()
		call.Bare = true
		if r, err := c.Try(call); err == nil && r.StatusCode == 200 && a.app.Hits() > before {
			t.Errorf("%s: the app was reached", name)
		}
	}
	if !a.alive(c) {
		t.Error("the cookie does not work where it belongs")
	}
}
