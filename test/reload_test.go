package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// reloads is how often TestReloadsUnderLoad reloads; LATCHKEY_RELOADS=100 for the whole.
func reloads(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("LATCHKEY_RELOADS"))
	if err != nil && os.Getenv("LATCHKEY_RELOADS") != "" {
		t.Fatal(err)
	}
	return max(n, 12)
}

// steady asks for a page with a session without a pause, over connections that it keeps, and notes what is not a 200.
type steady struct {
	served atomic.Int64
	bad    chan string
	stop   context.CancelFunc
	done   chan struct{}
}

func (s *site) steady(c *rig.HTTP) *steady {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	l := &steady{bad: make(chan string, 100), stop: cancel, done: make(chan struct{})}
	cookie := s.cookie("") + "=" + c.Cookie(s.host(), s.cookie(""))
	url := s.url("/steady")
	go func() {
		defer close(l.done)
		for ctx.Err() == nil {
			said := visit(ctx, url, cookie)
			switch {
			case said == "":
				l.served.Add(1)
			case ctx.Err() == nil:
				select {
				case l.bad <- said:
				default:
				}
			}
		}
	}()
	s.t.Cleanup(func() { l.stop(); <-l.done })
	return l
}

func visit(ctx context.Context, url, cookie string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Cookie", cookie)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("%d %v %.200s", resp.StatusCode, err, body)
	}
	return ""
}

var goroutineGroup = regexp.MustCompile(`(?m)^(\d+) @ `)

// goroutines counts those that run our code. Caddy keeps connections to the app for a while after a reload, each with two.
func (s *site) goroutines() (n int) {
	s.t.Helper()
	for _, group := range strings.Split(s.adminText("/debug/pprof/goroutine?debug=1"), "\n\n") {
		if m := goroutineGroup.FindStringSubmatch(group); m != nil && strings.Contains(group, "latchkey-gateway/latchkey/") {
			count, err := strconv.Atoi(m[1])
			if err != nil {
				s.t.Fatal(err)
			}
			n += count
		}
	}
	if n == 0 {
		s.t.Fatal("no goroutines of ours")
	}
	return n
}

// Reloads under load: no request fails, no session is lost, no stream that the new configuration allows is cut, nothing is
// left behind; a reload that fails changes nothing, the admin API included.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	lifetimes := func(i int) func(*config) {
		return func(c *config) { c.app = fmt.Sprintf("session {\npersistent {\nmax_lifetime %dd\n}\n}", 100+i) }
	}
	for i := range 2 {
		if err := s.reload(lifetimes(i)); err != nil {
			t.Fatal(err)
		}
	}
	load, events := s.steady(c), s.openEvents(c)
	rig.Until(t, 10*time.Second, "the load runs", func() bool { return load.served.Load() > 20 })
	before := s.goroutines()
	n := reloads(t)
	for i := range n {
		at := load.served.Load()
		if err := s.reload(lifetimes(2 + i%7)); err != nil {
			t.Fatal(err)
		}
		rig.Until(t, 10*time.Second, "the load goes on", func() bool { return load.served.Load() > at+2 })
	}
	good := s.c.app
	status := s.adminText("/latchkey/status")
	if err := s.reload(func(c *config) { c.app = "sesion {\n}" }); err == nil {
		t.Error("a misspelt word was loaded")
	}
	s.c.app = good
	if got := s.adminText("/latchkey/status"); len(got) < 2 || (status[0] == '{') != (got[0] == '{') {
		t.Errorf("after a reload that failed the status is %s, before %s", got, status)
	}
	if !s.alive(c) {
		t.Error("the session is gone")
	}
	at := load.served.Load()
	rig.Until(t, 10*time.Second, "the load goes on", func() bool { return load.served.Load() > at+20 })
	select {
	case <-events:
		t.Error("the stream was cut")
	default:
	}
	load.stop()
	<-load.done
	close(load.bad)
	for said := range load.bad {
		t.Errorf("a request failed: %s", said)
	}
	rig.Until(t, 15*time.Second, "no more goroutines of ours than before, give or take some", func() bool { return s.goroutines() <= before+4 })
	t.Logf("%d reloads, %d requests, %d goroutines before, %d after", n, load.served.Load(), before, s.goroutines())
}

// A changed store opens before the old one closes: no request fails; sessions are the other store's from then on.
func TestReloadToAnotherStore(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	load := s.steady(c)
	rig.Until(t, 10*time.Second, "the load runs", func() bool { return load.served.Load() > 20 })
	first, second := s.c.redis, rig.Redis(t)
	if err := s.reload(func(c *config) { c.redis = second }); err != nil {
		t.Fatal(err)
	}
	load.stop()
	<-load.done
	close(load.bad)
	for said := range load.bad {
		if said[:3] != "401" { // the session is not in the new store
			t.Errorf("a request failed: %s", said)
		}
	}
	cookie := s.cookie("") + "=" + c.Cookie(s.host(), s.cookie(""))
	if said := visit(t.Context(), s.url("/there"), cookie); said[:3] != "401" {
		t.Errorf("with a session of the other store: %s", said)
	}
	if err := s.reload(func(c *config) { c.redis = first }); err != nil {
		t.Fatal(err)
	}
	if said := visit(t.Context(), s.url("/back"), cookie); said != "" {
		t.Errorf("back at the first store: %s", said)
	}
}
