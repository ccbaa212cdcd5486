package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/apps"
)

// gitHome is a home with git over https, whose token comes from git's own credential store. It speaks HTTP/1.1: over HTTP/2 some
// versions of libcurl, that of Debian 12 among them, now and then stop in the middle of an upload.
func (s *clients) gitHome(t *testing.T) *apps.Home {
	t.Helper()
	var ca struct {
		Root string `json:"root_certificate"`
	}
	if status, text := s.gw.AskAdmin(http.MethodGet, "/pki/ca/local", ""); status != http.StatusOK || json.Unmarshal([]byte(text), &ca) != nil {
		t.Fatalf("the authority: %d %s", status, text)
	}
	h := apps.NewHome(t)
	h.Write("ca.pem", ca.Root)
	h.Write(".gitconfig", fmt.Sprintf(`[user]
	name = Alice
	email = alice@example.com
[credential]
	helper = store --file=%[1]s
[http]
	sslCAInfo = %[2]s
	curloptResolve = %[3]s:%[4]d:127.0.0.1
	version = HTTP/1.1
`, h.Path("credentials"), h.Path("ca.pem"), secureHost, s.port))
	return h
}

// store puts a token into the credential store, and returns what the store is then.
func (s *clients) store(h *apps.Home, token string) string {
	entry := ""
	if token != "" {
		entry = fmt.Sprintf("https://alice:%s@%s%%3a%d\n", token, secureHost, s.port)
	}
	h.Write("credentials", entry)
	return entry
}

// commit commits a file of so many random bytes.
func commit(t *testing.T, h *apps.Home, clone string, size int) {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.Dir, clone, "file"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	mustSucceed(t, h.Run("git", "-C", clone, "add", "file"))
	mustSucceed(t, h.Run("git", "-C", clone, "commit", "-q", "-m", "more"))
}

func head(h *apps.Home, clone string) string {
	return strings.TrimSpace(h.Run("git", "-C", clone, "rev-parse", "HEAD").Out)
}

// git clones and pushes with a token from its credential store. A token that is good stays stored whatever the gateway answers.
func TestGit(t *testing.T) {
	t.Parallel()
	g := apps.NewGit(t)
	s := clientSite(t, g.Addr, config{https: true})
	h := s.gitHome(t)
	address := s.url(g.Path)
	says := map[int]string{
		http.StatusUnauthorized: "Authentication failed", http.StatusForbidden: "error: 403", http.StatusTooManyRequests: "error: 429",
		http.StatusServiceUnavailable: "error: 503",
	}
	s.eachBarred(t, func(t *testing.T, b barred) {
		stored, asked := s.store(h, b.token), len(g.Requests())
		r := h.Run("git", "clone", "-q", address, "out")
		status := b.seen(r.Out)
		want := says[status]
		if b.token == "" {
			want = "could not read Username"
		}
		mustFail(t, r, want)
		if got := h.Read("credentials"); status != http.StatusUnauthorized && got != stored {
			t.Errorf("the store of git was %q and is %q", stored, got)
		}
		if n := len(g.Requests()); n != asked {
			t.Errorf("%d requests reached the server", n-asked)
		}
	}, func(t *testing.T, token string) {
		stored := s.store(h, token)
		mustSucceed(t, h.Run("git", "clone", "-q", address, "in"))
		for _, size := range []int{100, 3 << 20} { // in one request, and in pieces after a probe
			commit(t, h, "in", size)
			mustSucceed(t, h.Run("git", "-C", "in", "push", "-q", "origin", "main"))
			if g.Commit() != head(h, "in") {
				t.Error("the push did not arrive")
			}
		}
		if got := h.Read("credentials"); got != stored {
			t.Errorf("the store of git was %q and is %q", stored, got)
		}
		s.store(h, "")
		mustSucceed(t, h.Run("git", "-c", "http.extraHeader=Authorization: Bearer "+token, "ls-remote", address))
		for _, asked := range g.Requests() {
			if asked.User != "alice" || asked.Authorization != "" {
				t.Errorf("the server saw %+v", asked)
			}
		}
	})
}

// A push is decided on when it begins: what the policies say later holds from the next request on. A token that is revoked
// ends the push that runs with it.
func TestGitPushUnderWay(t *testing.T) {
	t.Parallel()
	g := apps.NewGit(t)
	s := clientSite(t, g.Addr, config{https: true, global: "grace_period 1m", site: bothTokens})
	h, alice := s.gitHome(t), s.create("alice")
	stored := s.store(h, alice.Token)
	mustSucceed(t, h.Run("git", "clone", "-q", s.url(g.Path), "in"))
	push := func() apps.Result { return h.Run("git", "-C", "in", "push", "-q", "origin", "main") }

	commit(t, h, "in", 3<<20)
	running, release := g.Hold()
	end := h.Begin("git", "-C", "in", "push", "-q", "origin", "main")
	<-running
	allowed := s.c.app
	if err := s.reload(func(c *config) { c.app += "\npolicy shut {\nwhen client other\nblock\n}" }); err != nil {
		t.Fatal(err)
	}
	release()
	mustSucceed(t, end())
	if g.Commit() != head(h, "in") {
		t.Error("the push did not arrive")
	}
	commit(t, h, "in", 100)
	mustFail(t, push(), "error: 403")
	if err := s.reload(func(c *config) { c.app = allowed }); err != nil {
		t.Fatal(err)
	}
	mustSucceed(t, push())
	if got := h.Read("credentials"); got != stored {
		t.Errorf("the store of git was %q and is %q", stored, got)
	}

	before := g.Commit()
	commit(t, h, "in", 3<<20)
	running, release = g.Hold()
	defer release()
	end = h.Begin("git", "-C", "in", "push", "-q", "origin", "main")
	<-running
	s.revoke("alice", alice)
	mustFail(t, end(), "the remote end hung up unexpectedly")
	release()
	mustFail(t, push(), "Authentication failed")
	if g.Commit() != before {
		t.Error("a push with a revoked token arrived")
	}
}
