package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// A05, A09, A29, A58, A59: two parsers may not read a path differently. What is guarded is not reached by any spelling;
// what reaches the app is what the rule looked at, or the answer is 400.
func TestA29PathsThatTwoParsersReadDifferently(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "@private not path /public/*", matcher: "@private"})
	for _, path := range []string{
		"/public/../admin", "/public/%2e%2e/admin", "/public/%2E%2E/admin", "/public/.%2e/admin", "/public/%252e%252e/admin", "/public/..%2fadmin",
		"/public/..%5cadmin", `/public/..\admin`, `/public\..\admin`, "/public/..;/admin", "/public/..;x=y/admin", "/public/;/../admin", "/public%2f..%2fadmin",
		"/public/%c0%ae%c0%ae/admin", "/public/%00/../admin", "/public/\x00/admin", "/public/x%00", "/public/./../admin", "//public/../admin", "/public//../admin",
		"/public/..%00/admin", "/public/%2e%2e%2fadmin", "/public/%2e./admin", "/public/..%c0%afadmin", "/public/%%32%65%%32%65/admin", "/public/..%u2215admin",
	} {
		before := s.app.Hits()
		r := rawGet(t, s, path)
		if s.app.Hits() == before {
			if r != nil && r.StatusCode < 300 {
				t.Errorf("%q: %d without the app", path, r.StatusCode)
			}
			continue
		}
		if got := s.app.Last(t).URI; got != path || strings.Contains(strings.ToLower(got), "..") || strings.Contains(strings.ToLower(got), "%2e%2e") {
			t.Errorf("%q reached the app as %q", path, got)
		}
	}
}

func rawGet(t *testing.T, s *site, target string) *rig.Reply {
	t.Helper()
	return rig.Raw(t, s.addr(), fmt.Sprintf("GET %s HTTP/1.1\nHost: 127.0.0.1:%d\nAccept: text/html\nConnection: close\n\n", target, s.port))
}

// A05, A09, A53: a rule on a path is not widened or dodged by a query, a fragment, case or a suffix.
func TestA05RulesLookAtThePathAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{before: "@private not path /public/*", matcher: "@private"})
	for _, target := range []string{
		"/admin?x=/public/", "/admin?/public/x", "/admin;/public/", "/admin#/public/", "/admin%23/public/x", "/admin%3f/public/x", "/publicity", "/public", "/PUBLICX/x",
		"/admin/public/x", "/%70ublicx", "/x/../publicly/x", "http://127.0.0.1/admin", "*",
	} {
		rawGet(t, s, target)
		if n := s.app.Hits(); n != 0 {
			t.Fatalf("%q reached the app as %q", target, s.app.Last(t).URI)
		}
	}
}

// A53, A57: spellings of the host choose the same site and the same rules.
func TestA57SpellingsOfTheHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{https: true})
	for _, host := range []string{"APP.internal.test", "app.internal.test.", "App.Internal.Test.", "app.internal.test"} {
		r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/"), Navigate: true, Header: map[string][]string{"Host": {fmt.Sprintf("%s:%d", host, s.port)}}})
		if r.StatusCode == 200 && s.app.Hits() > 0 {
			t.Errorf("Host %s reached the app", host)
		}
		if u := r.Location(); u != nil && !strings.HasPrefix(u.Query().Get("redirect_uri"), s.origin()+"/") {
			t.Errorf("Host %s: redirect_uri %s", host, u.Query().Get("redirect_uri"))
		}
	}
	if s.app.Hits() != 0 {
		t.Error("the app was reached")
	}
}

// A59: requests that are malformed or smuggled are refused, or seen for what they are.
func TestA59MalformedRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	head := fmt.Sprintf("Host: 127.0.0.1:%d\n", s.port)
	for name, request := range map[string]string{
		"two hosts":             "GET / HTTP/1.1\n" + head + "Host: evil\n\n",
		"no host":               "GET / HTTP/1.1\n\n",
		"two lengths":           "POST / HTTP/1.1\n" + head + "Content-Length: 3\nContent-Length: 5\n\nabcde",
		"length and chunks":     "POST / HTTP/1.1\n" + head + "Content-Length: 4\nTransfer-Encoding: chunked\n\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
		"odd transfer encoding": "POST / HTTP/1.1\n" + head + "Transfer-Encoding: xchunked\n\n0\r\n\r\n",
		"space in a name":       "GET / HTTP/1.1\n" + head + "Remote-User : eve\n\n",
		"folded header":         "GET / HTTP/1.1\n" + head + "X: a\n  Remote-User: eve\n\n",
		"old protocol":          "GET / HTTP/1.0\n" + head + "\n",
		"absolute form":         "GET " + s.url("/") + " HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
		"authority form":        "CONNECT 127.0.0.1:1 HTTP/1.1\n" + head + "\n",
		"a NUL in a header":     "GET / HTTP/1.1\n" + head + "X: a\x00b\n\n",
		"h2c upgrade":           "GET / HTTP/1.1\n" + head + "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n",
		"h2c preface":           "PRI * HTTP/2.0\n\nSM\r\n\r\n",
	} {
		r := rig.Raw(t, s.addr(), request)
		if r != nil && (r.StatusCode < 300 || r.StatusCode >= 500 && r.StatusCode != 501 && r.StatusCode != 505) {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	if s.app.Hits() != 0 {
		t.Errorf("the app was reached: %v", s.app.Requests())
	}
}

// Every endpoint answers only the methods it has, with nothing that a stranger could use, and unknown ones are 404.
func TestA64Endpoints(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	for _, path := range []string{
		"", "sign-in", "callback", "stay", "sign-out", "signed-out", "me", "logout/backchannel", "logout/frontchannel", "finish", "keys", "assets/x", "assets/",
		"bound/x", "events", "debug", "metrics", "config", "status", "sessions", "%2e%2e/x", "stay/", "STAY", "stay%2f", "assets/../stay", "assets/%2e%2e/%2e%2e/etc/passwd",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"} {
			c := rig.NewHTTP(t)
			r := c.Do(rig.Call{Method: method, URL: s.url("/.latchkey/" + path), Navigate: true})
			if r.StatusCode >= 500 {
				t.Errorf("%s %s: %d", method, path, r.StatusCode)
			}
			if c.Cookie(s.host(), s.cookie("")) != "" {
				t.Errorf("%s %s gave a session", method, path)
			}
			if method != "GET" && method != "HEAD" && method != "POST" && method != "OPTIONS" && r.StatusCode < 400 {
				t.Errorf("%s %s: %d", method, path, r.StatusCode)
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s allows other origins", method, path)
			}
		}
	}
	if s.app.Hits() != 0 {
		t.Error("something under /.latchkey reached the app")
	}
}
