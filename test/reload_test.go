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
	again  atomic.Int64 // requests that were made twice, because the connection was closed before an answer
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
			said, tries := visit(ctx, url, cookie)
			switch {
			case said == "":
				l.served.Add(1)
				l.again.Add(int64(tries - 1))
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

// visit asks for a page and returns what is wrong with the answer, and how often it asked. A request that gets no answer is
// made again, as browsers and load balancers do: Caddy listens on a socket of its own for each configuration, and who
// connects just as one is closed is cut off. A plain Caddy that is reloaded 400 times under such a load loses ten of them.
func visit(ctx context.Context, url, cookie string) (said string, tries int) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error(), 0
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Cookie", cookie)
	resp, err := http.DefaultClient.Do(r)
	for tries = 1; err != nil && tries < 3; tries++ {
		resp, err = http.DefaultClient.Do(r)
	}
	if err != nil {
		return err.Error(), tries
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("%d %v %.200s", resp.StatusCode, err, body), tries
	}
	return "", tries
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

var heapAlloc = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)`)

// heap is what the gateway holds in memory, in bytes, after a collection.
func (s *site) heap() int64 {
	s.t.Helper()
	m := heapAlloc.FindStringSubmatch(s.adminText("/debug/pprof/heap?gc=1&debug=1"))
	if m == nil {
		s.t.Fatal("the profile does not say how large the heap is")
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// heapSlack is by how much the heap may differ between two moments of a gateway under load. A configuration that stayed
// behind is nearly two megabytes, so that a few of them would show.
const heapSlack = 8 << 20

// Reloads under load: no request fails, no session is lost, no stream that the new configuration allows is cut, nothing is
// left behind; a reload that fails changes nothing, the admin API included.
func TestReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	// An idle connection to the app keeps the configuration in memory that opened it, for two minutes by default.
	s := newSite(t, config{proxy: "transport http {\nkeepalive 1s\n}"})
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
	rig.Until(t, rig.Patience, "the load runs", func() bool { return load.served.Load() > 20 })
	before, held := s.goroutines(), s.heap()
	n := reloads(t)
	for i := range n {
		at := load.served.Load()
		if err := s.reload(lifetimes(2 + i%7)); err != nil {
			t.Fatal(err)
		}
		rig.Until(t, rig.Patience, "the load goes on", func() bool { return load.served.Load() > at+2 })
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
	rig.Until(t, rig.Patience, "the load goes on", func() bool { return load.served.Load() > at+20 })
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
	rig.Until(t, rig.Patience, "no more goroutines of ours than before, give or take some", func() bool { return s.goroutines() <= before+4 })
	rig.Until(t, rig.Patience, "no more memory than before, give or take some", func() bool { return s.heap() <= held+heapSlack })
	if again := load.again.Load(); again > int64(2+n/10) {
		t.Errorf("%d requests had no answer at first, in %d reloads", again, n)
	}
	t.Logf("%d reloads, %d requests, %d made twice, %d goroutines before, %d after, heap %.1f MB before, %.1f MB after",
		n, load.served.Load(), load.again.Load(), before, s.goroutines(), float64(held)/1e6, float64(s.heap())/1e6)
}

// A changed store opens before the old one closes: no request fails; sessions are the other store's from then on.
func TestReloadToAnotherStore(t *testing.T) {
	t.Parallel()
	second := rig.Redis(t)
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	load := s.steady(c)
	rig.Until(t, rig.Patience, "the load runs", func() bool { return load.served.Load() > 20 })
	first := s.c.redis
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
	if said, _ := visit(t.Context(), s.url("/there"), cookie); said[:3] != "401" {
		t.Errorf("with a session of the other store: %s", said)
	}
	if err := s.reload(func(c *config) { c.redis = first }); err != nil {
		t.Fatal(err)
	}
	if said, _ := visit(t.Context(), s.url("/back"), cookie); said != "" {
		t.Errorf("back at the first store: %s", said)
	}
}
