package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
)

var davFiles = map[string]string{"a.txt": "one", "b.txt": "two"}

// rclone never takes an answer of the gateway for an empty folder: `sync` would then delete the files of the user.
func TestRclone(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, davFiles)
	s := clientSite(t, d.Addr, config{})
	h := apps.NewHome(t)
	run := func(args ...string) apps.Result {
		return h.Run("rclone", append(args, "--retries", "1", "--low-level-retries", "1", "--stats", "0")...)
	}
	forms := map[string]func(token string){
		"Basic": func(token string) {
			secret := strings.TrimSpace(h.Feed(token, "rclone", "obscure", "-").Out)
			h.Write("rclone/rclone.conf", fmt.Sprintf("[dav]\ntype = webdav\nurl = %s\nuser = alice\npass = %s\n", s.origin(), secret))
		},
		"Bearer": func(token string) {
			h.Write("rclone/rclone.conf", fmt.Sprintf("[dav]\ntype = webdav\nurl = %s\nbearer_token = %s\n", s.origin(), token))
		},
	}
	s.eachBarred(t, func(t *testing.T, b barred) {
		for name, use := range forms {
			if b.token == "" {
				use = func(string) {
					h.Write("rclone/rclone.conf", fmt.Sprintf("[dav]\ntype = webdav\nurl = %s\n", s.origin()))
				}
			}
			use(b.token)
			h.Write("mine/precious.txt", "mine")
			r := run("sync", "dav:", "mine")
			mustFail(t, r, fmt.Sprint(b.seen(r.Out)))
			if h.Read("mine/precious.txt") != "mine" {
				t.Errorf("%s: the user's file is gone", name)
			}
			mustFail(t, run("copy", "mine", "dav:"))
			if _, exists := d.Read("precious.txt"); exists {
				t.Errorf("%s: the file reached the server", name)
			}
		}
	}, func(t *testing.T, token string) {
		for name, use := range forms {
			use(token)
			h.Write("mine/precious.txt", "mine")
			mustSucceed(t, run("copy", "mine/precious.txt", "dav:"))
			if got, _ := d.Read("precious.txt"); got != "mine" {
				t.Errorf("%s: the server has %q", name, got)
			}
			mustSucceed(t, run("sync", "dav:", "theirs"))
			if h.Read("theirs/a.txt") != "one" || h.Read("theirs/precious.txt") != "mine" {
				t.Errorf("%s: not all files came", name)
			}
			if err := os.RemoveAll(h.Path("theirs")); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// cadaver, and what else is made with neon (davfs2), sends its password only after a challenge that it knows.
func TestCadaver(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, davFiles)
	s := clientSite(t, d.Addr, config{site: bothTokens})
	h := apps.NewHome(t)
	h.Write("c.txt", "three")
	session := func(token string) apps.Result {
		if token != "" {
			h.Write(".netrc", "machine 127.0.0.1 login alice password "+token+"\n")
		}
		_ = os.Remove(h.Path("got.txt"))
		return h.Feed("ls\nget a.txt got.txt\nput c.txt\nmove c.txt d.txt\nquit\n", "cadaver", s.url("/"))
	}
	s.eachBarred(t, func(t *testing.T, b barred) {
		r := session(b.token)
		if !r.Says(fmt.Sprint(b.seen(r.Out))) && !r.Says("Could not authenticate") {
			t.Errorf("it does not say %d:\n%s", b.status, r.Out)
		}
		if got := h.Read("got.txt"); got != "" {
			t.Errorf("it got %q", got)
		}
		if found, _ := filepath.Glob(filepath.Join(d.Files, "*")); len(found) != len(davFiles) {
			t.Errorf("at the server: %v", found)
		}
	}, func(t *testing.T, token string) {
		r := session(token)
		if got := h.Read("got.txt"); got != "one" {
			t.Errorf("a.txt: %q\n%s", got, r.Out)
		}
		if got, _ := d.Read("d.txt"); got != "three" {
			t.Errorf("d.txt: %q\n%s", got, r.Out)
		}
	})
}

// A server behind TLS is told the target of a move as its own address: Apache refuses any other scheme than that of the connection.
func TestWebDAVMoveOverTLS(t *testing.T) {
	t.Parallel()
	d := apps.NewWebDAV(t, davFiles)
	s := clientSite(t, d.Addr, config{https: true})
	r := s.asks("MOVE", "/a.txt", http.Header{"Authorization": {"Bearer " + s.create("alice").Token}, "Destination": {s.url("/moved.txt")}})
	if got, _ := d.Read("moved.txt"); r.StatusCode != http.StatusCreated || got != "one" {
		t.Errorf("%d %q\n%s", r.StatusCode, got, r.Text)
	}
}
