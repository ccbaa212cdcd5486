package chaos

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

const (
	// badge says in a request which client sends it, so that the app knows who may be there.
	badge = "X-Chaos-Client"
	// nakedBadge says that a request of a bound session comes without the short cookie.
	nakedBadge = "X-Chaos-Naked"
	// boundHeader is what the gateway says of the session: whether it counts as bound.
	boundHeader = "X-Chaos-Bound"
	// tick is how often a stream says something.
	tick = 200 * time.Millisecond
	// downloadTicks is how long a download is.
	downloadTicks = 30
)

// app is what the gateways protect. It holds every request against what is known of the client that sent it.
type app struct {
	addr   string
	report *Report
	mu     sync.Mutex
	guests map[string]*guest
}

// guest is a client that signs in, or tries to: one session.
type guest struct {
	id, person string
	mu         sync.Mutex
	entered    bool      // has begun to sign in, and may be let in
	revoked    time.Time // when its end was acknowledged
	doubtful   bool      // a caller tried to revoke it and does not know whether it is done
	bound      time.Time // when it was first served as a bound session
}

func (g *guest) enter() { g.mu.Lock(); defer g.mu.Unlock(); g.entered = true }

func (g *guest) revoke(at time.Time) { g.mu.Lock(); defer g.mu.Unlock(); g.revoked = at }

func (g *guest) doubt() { g.mu.Lock(); defer g.mu.Unlock(); g.doubtful = true }

func (g *guest) boundAt() time.Time { g.mu.Lock(); defer g.mu.Unlock(); return g.bound }

// downgraded takes up what the session is served as, and reports whether that is less than before. A request may have been
// on its way.
func (g *guest) downgraded(bound bool, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if bound && g.bound.IsZero() {
		g.bound = now
	}
	return !bound && !g.bound.IsZero() && now.Sub(g.bound) > Bound
}

// over reports whether the session has ended, or may have.
func (g *guest) over() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.doubtful || !g.revoked.IsZero()
}

// undead reports whether a session is alive at a time when it must not be.
func (g *guest) undead(at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.revoked.IsZero() && at.Sub(g.revoked) > Bound
}

func newApp(t testing.TB, r *Report) *app {
	a := &app{report: r, guests: map[string]*guest{}}
	echo := websocket.Server{Handler: func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.judge(r)
		switch r.URL.Path {
		case "/ws":
			echo.ServeHTTP(w, r)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			trickle(w, r, 1<<30)
		case "/download":
			w.Header().Set("Content-Type", "application/octet-stream")
			trickle(w, r, downloadTicks)
			_, _ = io.WriteString(w, "end\n")
		default:
			fmt.Fprintf(w, "app %s\n", r.Header.Get("Remote-User"))
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	a.addr = strings.TrimPrefix(server.URL, "http://")
	return a
}

func trickle(w http.ResponseWriter, r *http.Request, times int) {
	every := time.NewTicker(tick)
	defer every.Stop()
	for n := range times {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-every.C:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *app) admit(g *guest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.guests[g.id] = g
}

// judge notes a request that should not be here.
func (a *app) judge(r *http.Request) {
	id, user, now := r.Header.Get(badge), r.Header.Get("Remote-User"), time.Now()
	a.mu.Lock()
	g := a.guests[id]
	a.mu.Unlock()
	what := fmt.Sprintf("%s %s of %q as %q", r.Method, r.URL.Path, id, user)
	switch {
	case g == nil:
		a.report.note(&a.report.Unallowed, "%s: a stranger", what)
		return
	case user != g.person:
		a.report.note(&a.report.Unallowed, "%s: that is %s", what, g.person)
	case strings.HasPrefix(r.URL.Path, "/blocked"):
		a.report.note(&a.report.Unallowed, "%s: a policy blocks it", what)
	case r.Header.Get(nakedBadge) != "":
		a.report.note(&a.report.Downgraded, "%s: without the short cookie", what)
	case g.downgraded(r.Header.Get(boundHeader) == "true", now):
		a.report.note(&a.report.Downgraded, "%s: as a session that is not bound", what)
	case len(r.Cookies()) > 0:
		a.report.note(&a.report.Wrong, "%s: with our cookies", what)
	}
	g.mu.Lock()
	entered := g.entered
	g.mu.Unlock()
	if !entered {
		a.report.note(&a.report.Unallowed, "%s: not signed in", what)
	}
	// Between the gateway's decision and here a request may wait, on a machine as busy as this.
	if g.undead(now.Add(-2 * time.Second)) {
		a.report.note(&a.report.Undead, "%s: reached the app %v after its end", what, now.Sub(g.revoked).Round(time.Millisecond))
	}
}

// check fails a run in which nothing was tried.
func (a *app) check() {
	a.report.mu.Lock()
	defer a.report.mu.Unlock()
	if a.report.Served == 0 || a.report.SignIns == 0 {
		a.report.Wrong = append(a.report.Wrong, "no user was served")
	}
	if a.report.Events == 0 {
		a.report.Wrong = append(a.report.Wrong, "no event of the transmitter was acknowledged")
	}
	if a.report.Bound == 0 || a.report.Refreshes == 0 || a.report.Naked == 0 {
		a.report.Wrong = append(a.report.Wrong, "no bound session was used")
	}
}
