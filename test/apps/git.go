package apps

import (
	"bytes"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Git is git's own HTTP backend with one repository, which has one commit on main. It takes a push only from a user.
type Git struct {
	Addr string // host:port
	// Path is the repository's, at the server.
	Path string
	home *Home
	mu   sync.Mutex
	seen []Asked
	hold *hold
}

// Asked is what a server saw of a request.
type Asked struct{ Method, Path, User, Authorization string }

// hold is a push that waits.
type hold struct{ running, release chan struct{} }

// NewGit starts the backend.
func NewGit(t testing.TB) *Git {
	t.Helper()
	g := &Git{Path: "/project.git", home: NewHome(t)}
	g.home.Write(".gitconfig", "[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n")
	for _, args := range [][]string{
		{"init", "-q", "seed"},
		{"-C", "seed", "commit", "-q", "--allow-empty", "-m", "first"},
		{"clone", "-q", "--bare", "seed", "root/project.git"},
	} {
		if r := g.home.Run("git", args...); !r.OK() {
			t.Fatalf("git %s: %s", strings.Join(args, " "), r.Out)
		}
	}
	backend := filepath.Join(strings.TrimSpace(g.home.Run("git", "--exec-path").Out), "git-http-backend")
	env := []string{
		"GIT_PROJECT_ROOT=" + g.home.Path("root"), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + g.home.Dir,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := r.Header.Get("Remote-User")
		g.mu.Lock()
		g.seen = append(g.seen, Asked{r.Method, r.URL.Path, user, r.Header.Get("Authorization")})
		g.mu.Unlock()
		if len(r.TransferEncoding) > 0 {
			r.TransferEncoding = nil // net/http/cgi refuses chunks; the backend reads to the end
			g.wait(r)
		}
		own := env
		if user != "" {
			own = append(own[:len(own):len(own)], "REMOTE_USER="+user)
		}
		(&cgi.Handler{Path: backend, Env: own, Stderr: io.Discard}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.Addr = strings.TrimPrefix(server.URL, "http://")
	return g
}

// Hold makes the next large push wait once its body has begun. running is closed when it waits, release lets it go on.
func (g *Git) Hold() (running <-chan struct{}, release func()) {
	h := &hold{make(chan struct{}), make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = h
	return h.running, sync.OnceFunc(func() { close(h.release) })
}

// wait holds a push.
func (g *Git) wait(r *http.Request) {
	g.mu.Lock()
	h := g.hold
	g.hold = nil
	g.mu.Unlock()
	if h == nil {
		return
	}
	begun := make([]byte, 4096)
	n, err := io.ReadFull(r.Body, begun)
	close(h.running)
	<-h.release
	rest := io.Reader(r.Body)
	if err != nil {
		rest = http.NoBody
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(begun[:n]), rest))
}

// Requests returns what the backend was asked, oldest first.
func (g *Git) Requests() []Asked {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Asked(nil), g.seen...)
}

// Commit is the newest commit on main.
func (g *Git) Commit() string {
	return strings.TrimSpace(g.home.Run("git", "--git-dir", "root/project.git", "rev-parse", "main").Out)
}
