package apps_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// ask makes a request to a server without a gateway.
func ask(t *testing.T, method, url, body string, header http.Header) rig.Reply {
	t.Helper()
	return rig.NewHTTP(t).Do(rig.Call{Method: method, URL: url, Body: strings.NewReader(body), Header: header, Bare: true})
}

// The servers do with a user's name what the tests of the clients rely on.
func TestServersKnowTheUserByTheHeader(t *testing.T) {
	t.Parallel()
	t.Run("git", func(t *testing.T) {
		t.Parallel()
		g := apps.NewGit(t)
		if len(g.Commit()) != 40 {
			t.Fatalf("commit %q", g.Commit())
		}
		at := "http://" + g.Addr + g.Path + "/info/refs?service="
		for _, row := range []struct {
			service, user string
			status        int
		}{{"git-upload-pack", "", 200}, {"git-receive-pack", "", 403}, {"git-receive-pack", "alice", 200}} {
			r := ask(t, http.MethodGet, at+row.service, "", http.Header{"Remote-User": {row.user}})
			if r.StatusCode != row.status {
				t.Errorf("%s by %q: %d, want %d\n%s", row.service, row.user, r.StatusCode, row.status, r.Text)
			}
		}
		if seen := g.Requests(); len(seen) != 3 || seen[2].User != "alice" {
			t.Errorf("seen: %v", seen)
		}
	})
	t.Run("WebDAV", func(t *testing.T) {
		t.Parallel()
		d := apps.NewWebDAV(t, map[string]string{"a.txt": "one"})
		if r := ask(t, "PROPFIND", "http://"+d.Addr+"/", "", http.Header{"Depth": {"1"}}); r.StatusCode != http.StatusMultiStatus || !strings.Contains(r.Text, "/a.txt") {
			t.Errorf("PROPFIND: %d\n%s", r.StatusCode, r.Text)
		}
		if r := ask(t, http.MethodPut, "http://"+d.Addr+"/b.txt", "two", nil); r.StatusCode != http.StatusCreated {
			t.Errorf("PUT: %d\n%s", r.StatusCode, r.Text)
		}
		if got, _ := d.Read("b.txt"); got != "two" {
			t.Errorf("b.txt: %q", got)
		}
	})
	t.Run("CalDAV", func(t *testing.T) {
		t.Parallel()
		d := apps.NewCalDAV(t)
		for user, status := range map[string]int{"": http.StatusForbidden, "adam": http.StatusForbidden, "alice": http.StatusCreated} {
			if r := ask(t, "MKCALENDAR", "http://"+d.Addr+"/alice/work/", "", http.Header{"X-Remote-User": {user}}); r.StatusCode != status {
				t.Errorf("%q: %d, want %d", user, r.StatusCode, status)
			}
		}
	})
	t.Run("registry", func(t *testing.T) {
		t.Parallel()
		if r := ask(t, http.MethodGet, "http://"+apps.NewRegistry(t)+"/v2/", "", nil); r.StatusCode != http.StatusOK || r.Text != "{}" {
			t.Errorf("%d %s", r.StatusCode, r.Text)
		}
	})
}
