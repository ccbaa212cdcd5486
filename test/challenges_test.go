package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// Whatever a program asks, with whatever method, it gets a 401 that names Basic, and never a redirect or a page: programs take both
// for content. A script of a page gets none that would open the password window of the browser.
func TestTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{site: "tokens on"})
	for _, method := range []string{
		"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT",
		"SEARCH", "MKCALENDAR", "ACL", "QUERY",
	} {
		for _, path := range []string{"/", "/dav/a%20b", "/.well-known/caldav", "/.well-known/carddav", "/token", "/project.git/info/refs?service=git-upload-pack"} {
			r := s.asks(method, path, nil)
			got := r.Header.Values("WWW-Authenticate")
			if r.StatusCode != http.StatusUnauthorized || len(got) == 0 || !strings.HasPrefix(got[0], "Basic realm=") ||
				!strings.HasPrefix(r.Header.Get("Content-Type"), "application/problem+json") || len(r.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s %s: %d %v", method, path, r.StatusCode, r.Header)
			}
		}
	}
	java := s.asks("GET", "/", http.Header{"User-Agent": {"Java/17.0.13"}, "Accept": {"text/html, image/gif, image/jpeg, */*; q=0.2"}})
	if s.mustRefuse(java, http.StatusUnauthorized, "sign_in_required") != `Basic realm="`+s.origin()+`", charset="UTF-8"` {
		t.Errorf("Java: %v", java.Header)
	}
	for mode, header := range map[string]http.Header{
		"a script": {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Site": {"same-origin"}},
		"an image": {"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}, "Sec-Fetch-Site": {"same-origin"}},
	} {
		if r := s.asks("GET", "/", header); r.StatusCode != http.StatusUnauthorized || strings.Contains(strings.Join(r.Header.Values("WWW-Authenticate"), ","), "Basic") {
			t.Errorf("%s: %d %v", mode, r.StatusCode, r.Header.Values("WWW-Authenticate"))
		}
	}
	if r := rig.NewHTTP(t).Get(s.url("/")); r.Location() == nil || r.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("a user who opens a page: %d %v", r.StatusCode, r.Header)
	}
}

// asks makes a request as a program without a credential does.
func (s *site) asks(method, path string, header http.Header) rig.Reply {
	s.t.Helper()
	h := http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}}
	for k, v := range header {
		h[k] = v
	}
	return rig.NewHTTP(s.t).Do(rig.Call{Method: method, URL: s.url(path), Header: h})
}

// Where a site accepts tokens of the provider as well, clients of git, WebDAV and container registries are asked for Basic first,
// for they read no further. Others are asked for Bearer first: MCP clients read what begins with it and nothing else.
func TestWhichTokenIsAskedForFirst(t *testing.T) {
	t.Parallel()
	s := programSite(t, config{site: "tokens on"}, "metadata\nscope api:read")
	const basic, bearer = "Basic", "Bearer"
	for name, row := range map[string]struct {
		method, path string
		header       http.Header
		first        string
	}{
		"curl":          {"GET", "/", nil, bearer},
		"MCP":           {"POST", "/mcp", http.Header{"Accept": {"application/json, text/event-stream"}, "User-Agent": {"node"}}, bearer},
		"MCP, a stream": {"GET", "/mcp", http.Header{"Accept": {"text/event-stream"}, "User-Agent": {"node"}}, bearer},
		"git":           {"GET", "/project.git/info/refs?service=git-upload-pack", http.Header{"User-Agent": {"git/2.39.5"}}, basic},
		"git, old":      {"GET", "/project.git/HEAD", http.Header{"User-Agent": {"git/2.39.5"}}, basic},
		"git, another":  {"GET", "/project.git/info/refs?service=git-receive-pack", http.Header{"User-Agent": {"JGit/6.1"}}, basic},
		"git, a push":   {"POST", "/project.git/git-receive-pack", http.Header{"User-Agent": {"go-git/5.x"}}, basic},
		"git LFS":       {"POST", "/project.git/info/lfs/objects/batch", http.Header{"User-Agent": {"git-lfs/3.3.0"}, "Accept": {"application/vnd.git-lfs+json"}}, basic},
		"WebDAV":        {"PROPFIND", "/dav/", http.Header{"Depth": {"1"}, "User-Agent": {"rclone/v1.60.1"}}, basic},
		"WebDAV, first": {"OPTIONS", "/dav/", http.Header{"User-Agent": {"cadaver/0.24 neon/0.32.5"}}, basic},
		"CalDAV":        {"REPORT", "/alice/work/", nil, basic},
		"a calendar":    {"MKCALENDAR", "/alice/work/", nil, basic},
		"an API":        {"GET", "/v2/things", nil, bearer},
		"a registry":    {"GET", "/v2/", http.Header{"User-Agent": {"containers/5.23 (github.com/containers/image)"}}, basic},
	} {
		r := s.asks(row.method, row.path, row.header)
		s.mustRefuse(r, http.StatusUnauthorized, "sign_in_required")
		got, second := r.Header.Values("WWW-Authenticate"), bearer
		if row.first == bearer {
			second = basic
		}
		if len(got) < 2 || !strings.HasPrefix(got[0], row.first+" ") || !strings.HasPrefix(got[1], second+" ") {
			t.Errorf("%s: %q, want %s first", name, got, row.first)
		}
	}
}
