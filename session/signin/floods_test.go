package signin

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
)

// A21: every endpoint that costs something is limited by client address, each by itself, before it does anything; what is
// free, and what is not an endpoint, is not.
func TestRateLimit(t *testing.T) {
	var mu sync.Mutex
	held := map[string]int{}
	g := newGateway(t, func(s *settings) {
		s.rate = ratelimit.Rate{N: 3, Per: time.Minute}
		s.limited = func(endpoint string) {
			mu.Lock()
			defer mu.Unlock()
			held[endpoint]++
		}
	})
	b := g.browser()
	for _, path := range slices.Sorted(maps.Keys(endpoints)) {
		tries := 3
		if starts[path] {
			tries = 60
		}
		for i := range tries + 1 {
			method := http.MethodGet
			if !allowed(endpoints[path].methods, method) {
				method = http.MethodPost
			}
			r := b.do(method, browser.Base+path, nil)
			if limited := r.status == http.StatusTooManyRequests; limited != (i == tries && !unlimited[path]) {
				t.Errorf("%s, request %d: %d", path, i+1, r.status)
			}
			if r.status == http.StatusTooManyRequests && (r.header.Get("Retry-After") != strconv.Itoa(60/tries) || !strings.Contains(r.body, "Too many")) {
				t.Errorf("%s: Retry-After %q\n%s", path, r.header.Get("Retry-After"), r.body)
			}
		}
	}
	r := b.do(http.MethodPost, browser.Base+"/callback", url.Values{"state": {"x"}}, "Accept", "application/json")
	if r.status != http.StatusTooManyRequests || !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+json") ||
		!strings.Contains(r.body, `"reason":"too_many"`) || r.header.Get("Retry-After") == "" {
		t.Errorf("a script: %d %v %s", r.status, r.header, r.body)
	}
	if r := b.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("a page: %d", r.status)
	}
	mu.Lock()
	for path := range endpoints {
		if want := map[bool]int{true: 0, false: 1}[unlimited[path]]; held[path] != want && !(path == "/callback" && held[path] == 2) {
			t.Errorf("%s was counted %d times as held off", path, held[path])
		}
	}
	mu.Unlock()
	g.clock.Advance(time.Minute)
	b.signIn("no")
}

// Of a sign-in that is held off nothing is lost: the callback works once the client may come again.
func TestRateLimitSpendsNothing(t *testing.T) {
	g := newGateway(t, func(s *settings) { s.rate = ratelimit.Rate{N: 1, Per: time.Minute} })
	b := g.browser()
	asked := b.toProvider("/page")
	b.get(browser.Base + "/callback")
	calls := g.idp.Count("/token")
	if r := b.callback(asked); r.status != http.StatusTooManyRequests || len(r.setCookies()) != 0 || strings.Contains(r.body, asked.Get("nonce")) {
		t.Fatalf("callback: %d, cookies %v", r.status, r.setCookies())
	}
	if n := g.idp.Count("/token"); n != calls {
		t.Errorf("%d token requests by a callback that was held off", n-calls)
	}
	g.clock.Advance(time.Minute)
	if r := b.callback(asked); !stays(r.location) {
		t.Errorf("callback afterwards: %d to %q", r.status, r.location)
	}
}

// A25: whatever comes before a person has proven who they are writes nothing to the store and leaves nothing in memory.
func TestFloodsWriteNothing(t *testing.T) {
	store := &refusing{}
	g := newGateway(t, func(s *settings) { s.wrap = store })
	flow := g.browser()
	asked := flow.toProvider("/")
	state := asked.Get("state")
	floods := map[string]func(i int) result{
		"anonymous pages":  func(i int) result { return g.browser().get("/page/" + strconv.Itoa(i)) },
		"unfinished flows": func(i int) result { return g.browser().get(browser.Base + "/sign-in?return=/" + strconv.Itoa(i)) },
		"a callback without its cookie": func(int) result {
			return g.browser().get(browser.Base + "/callback?" + url.Values{"state": {state}, "code": {"c"}}.Encode())
		},
		"a made-up state": func(i int) result {
			return flow.get(browser.Base + "/callback?" + url.Values{"state": {fmt.Sprintf("%s%05d", state[:len(state)-5], i)}, "code": {"c"}}.Encode())
		},
		"a form_post": func(i int) result {
			return g.browser().do(http.MethodPost, browser.Base+"/callback", url.Values{"state": {state}, "code": {strconv.Itoa(i)}})
		},
		"garbage cookies": func(i int) result {
			junk := fmt.Sprintf("AAAA%06d", i)
			names := []string{browser.SessionCookie, browser.PendingCookie, browser.AnswerCookie, browser.IDCookie, browser.FlowCookie + "AAAAAAAA"}
			for n := range names {
				names[n] += "=" + junk
			}
			return g.browser().do(http.MethodGet, []string{"/", browser.Base + "/stay", browser.Base + "/sign-in", browser.Base + "/sign-out"}[i%4], nil, "Cookie", strings.Join(names, "; "))
		},
		"garbage answers": func(i int) result {
			return g.browser().do(http.MethodPost, browser.Base+"/stay", url.Values{"csrf": {strconv.Itoa(i)}, "answer": {"yes"}},
				"Cookie", browser.PendingCookie+"="+strings.Repeat("A", 60+i%60))
		},
		"sessions that never were": func(int) result {
			token := session.SealToken(g.service.Keys, session.NewToken(), "127.0.0.1", browser.SessionCookie)
			return g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+token)
		},
	}
	var before, after runtime.MemStats
	for what, flood := range floods {
		flood(0)
		g.idp.CloseClientConnections()
		runtime.GC()
		runtime.ReadMemStats(&before)
		writes, entries := store.writes.Load(), g.store.Len()
		for i := range 150 {
			if r := flood(i); r.status == http.StatusOK || r.status >= http.StatusInternalServerError {
				t.Fatalf("%s: %d\n%s", what, r.status, r.body)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n := store.writes.Load() - writes; n != 0 || g.store.Len() != entries {
			t.Errorf("%s: %d writes, %d entries more", what, n, g.store.Len()-entries)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("%s: %d KiB more in memory", what, grown>>10)
		}
		if n := g.service.Sessions.Known().Sessions; n != 0 {
			t.Errorf("%s: %d sessions are known", what, n)
		}
	}
}

// A browser that prefetches a link to sign in neither begins a sign-in nor abandons one that waits for its answer.
func TestPrefetchedEndpoints(t *testing.T) {
	for _, header := range [][2]string{{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"Purpose", "prefetch"}} {
		g := newGateway(t)
		b := g.browser()
		asked := b.toProvider("/other")
		page := b.prompted("/")
		for _, path := range []string{"/sign-in", "/stay", "/sign-out", "/callback?" + url.Values{"state": {asked.Get("state")}, "code": {asked.Get("nonce")}}.Encode()} {
			r := b.do(http.MethodGet, browser.Base+path, nil, header[0], header[1])
			if r.status != http.StatusServiceUnavailable || r.location != "" || len(r.setCookies()) != 0 {
				t.Errorf("%v %s: %d to %q, cookies %v", header, path, r.status, r.location, r.setCookies())
			}
		}
		if r := b.do(http.MethodGet, "/", nil, header[0], header[1]); r.status != http.StatusUnauthorized {
			t.Errorf("%v, a page: %d", header, r.status)
		}
		if r := b.answer(page, "no"); r.status != http.StatusOK {
			t.Errorf("%v: the answer afterwards: %d", header, r.status)
		}
	}
}
