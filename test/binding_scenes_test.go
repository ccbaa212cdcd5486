package e2e

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/test/rig"
)

// scene is a browser with a bound session at a gateway over Sentinel Redis, in front of an app that binds sessions of its own.
type scene struct {
	*site
	b     *rig.Browser
	own   *ownApp
	redis *redistest.SentinelSet
	asked int // authorization requests after the sign-in
}

// V7, V12: what users of a bound session do in one browser, one scene after the other: none of it leads to a sign-in.
func TestBoundScenes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, one := range []struct {
		name string
		play func(*scene, *testing.T)
	}{
		{"two tabs", (*scene).tabs},
		{"back and forward", (*scene).backAndForward},
		{"a service worker", (*scene).serviceWorker},
		{"an app with bindings of its own", (*scene).ownBinding},
		{"a failover of Redis", (*scene).failover},
		{"a WebSocket", (*scene).webSocket},
	} {
		t.Log(one.name)
		one.play(s, t)
		if n := s.idp.Hits("authorize"); n != s.asked {
			t.Error("the provider was asked")
		}
		if t.Failed() {
			return
		}
	}
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{own: newOwnApp(t), redis: redistest.StartSentinels(t, redistest.SentinelConfig{DownAfter: 2 * time.Second})}
	site, pin := boundSite(t, config{
		embedded: true,
		app:      fmt.Sprintf("store redis {\n\t\t\tsentinel %s %s\n\t\t}\n", s.redis.Master, s.redis.Sentinel.Addr),
		before: "reverse_proxy /own/* " + s.own.addr + `
	header /worker.js Content-Type text/javascript
	respond /worker.js "` + worker + `"`,
	}, "")
	s.site = site
	s.b = rig.NewBrowser(t, rig.BrowserOptions{Binds: true, Trust: pin, PageCache: true})
	s.signIn(s.b.Page, "/", "alice", "Yes")
	s.bound(s.b)
	s.asked = s.idp.Hits("authorize")
	return s
}

// expire takes the short cookie from the browser, as its end does.
func (s *scene) expire() { s.b.ClearCookies(s.cookie("-bound")) }

// fetches lets a page fetch so many things at once and does not wait for them. fetched is what came of it.
func fetches(p *rig.Page, n int) {
	var begun int
	p.Evaluate(&begun, fmt.Sprintf(`(window.got = Promise.all([...Array(%d).keys()].map((i) =>
		fetch('/fetched/' + i, { headers: { Accept: 'application/json' } }).then((r) => r.status, String))), 1)`, n))
}

func fetched(t *testing.T, p *rig.Page, when string) {
	t.Helper()
	var got []any
	p.Evaluate(&got, "window.got")
	for _, status := range got {
		if status != 200.0 {
			t.Errorf("%s: fetched %v", when, got)
			return
		}
	}
}

// Two tabs whose short cookie has ended ask at the same time, and each of them for several things.
func (s *scene) tabs(t *testing.T) {
	one, two := s.b.Page, s.b.NewPage()
	two.Goto(s.url("/two"))
	for range 3 {
		s.expire()
		fetches(one, 4)
		fetches(two, 4)
		fetched(t, one, "one tab")
		fetched(t, two, "the other")
	}
	s.expire()
	two.Goto(s.url("/two/next"))
	s.atApp(two)
	one.Goto(s.url("/one/next"))
	s.atApp(one)
}

// Back shows a page as it was left, scripts and all, without a request. What its scripts then ask for is served.
func (s *scene) backAndForward(t *testing.T) {
	s.b.Goto(s.url("/first"))
	var marked int
	s.b.Evaluate(&marked, "(window.marked = 1, 1)")
	s.b.Goto(s.url("/second"))
	s.expire()
	s.goes(t, "back", "/first")
	var kept bool
	if s.b.Evaluate(&kept, "window.marked === 1"); !kept {
		t.Error("the page was loaded again, so this scene shows nothing")
	}
	fetches(s.b.Page, 2)
	fetched(t, s.b.Page, "back")
	s.expire()
	s.goes(t, "forward", "/second")
	s.b.Reload()
	s.atApp(s.b.Page)
}

// goes lets the page go in its history, and waits for where that leads: a page that was kept is not loaded.
func (s *scene) goes(t *testing.T, where, path string) {
	t.Helper()
	var begun int
	s.b.Evaluate(&begun, "(setTimeout(() => history."+where+"(), 0), 1)")
	rig.Until(t, rig.Patience, where+" leads to "+path, func() bool { return strings.Contains(s.b.Text(), "GET "+path) })
}

// worker passes on what the page asks for, and fetches itself when it is told to.
const worker = `
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (e) => e.respondWith(fetch(e.request)));
self.addEventListener('message', (e) => e.waitUntil(fetch('/by-the-worker').then((r) => e.source.postMessage(r.status), (x) => e.source.postMessage(String(x)))));`

// A service worker passes on fetches and navigations, and fetches on its own.
func (s *scene) serviceWorker(t *testing.T) {
	var ready bool
	s.b.Evaluate(&ready, `navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)
		.then(() => navigator.serviceWorker.controller || new Promise((r) => navigator.serviceWorker.addEventListener('controllerchange', r))).then(() => true)`)
	s.expire()
	fetches(s.b.Page, 3)
	fetched(t, s.b.Page, "through the worker")
	s.expire()
	var status any
	s.b.Evaluate(&status, `new Promise((r) => {
		navigator.serviceWorker.addEventListener('message', (e) => r(e.data));
		navigator.serviceWorker.controller.postMessage('go');
	})`)
	if status != 200.0 {
		t.Errorf("the worker itself got %v", status)
	}
	s.expire()
	if at := s.b.Goto(s.url("/through")); at.URL != s.url("/through") {
		t.Errorf("a page through the worker: %+v", at)
	}
	s.atApp(s.b.Page)
	var gone bool
	s.b.Evaluate(&gone, "navigator.serviceWorker.getRegistration().then((r) => r.unregister())")
	if !gone {
		t.Error("the worker is still there")
	}
	s.b.Goto(s.url("/after"))
}

// ownApp binds sessions of its own, under /own/, with a cookie of its own.
type ownApp struct {
	addr string
	mu   sync.Mutex
	// registered and refreshed are the challenges of the proofs that arrived.
	registered, refreshed []string
	user                  string // of the last proof
	ours                  []string
}

const ownInstructions = `{"session_identifier":"own","refresh_url":"/own/refresh","scope":{"include_site":false,"scope_specification":[
	{"type":"exclude","domain":"*","path":"/"},{"type":"include","domain":"*","path":"/own"}]},
	"credentials":[{"type":"cookie","name":"own","attributes":"Path=/own; HttpOnly; Secure; SameSite=Lax"}]}`

func newOwnApp(t *testing.T) *ownApp {
	t.Helper()
	a := &ownApp{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.addr = strings.TrimPrefix(server.URL, "http://")
	return a
}

func (a *ownApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name := range r.Header {
		if value := r.Header.Get(name); strings.Contains(value, "latchkey") {
			a.ours = append(a.ours, name+": "+value)
		}
	}
	challenge := challengeIn(r.Header.Get("Secure-Session-Response"))
	switch r.URL.Path {
	case "/own/page":
		w.Header().Set("Secure-Session-Registration", `(ES256);path="/own/register";challenge="own-1"`)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>own</title><h1>The app</h1>")
	case "/own/register":
		a.registered, a.user = append(a.registered, challenge), r.Header.Get("Remote-User")
		a.give(w)
	case "/own/refresh":
		if challenge != "own-2" || r.Header.Get("Sec-Secure-Session-Id") != "own" {
			w.Header().Set("Secure-Session-Challenge", `"own-2";id="own"`)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		a.refreshed, a.user = append(a.refreshed, challenge), r.Header.Get("Remote-User")
		a.give(w)
	case "/own/data":
		if _, err := r.Cookie("own"); err != nil {
			w.WriteHeader(http.StatusPaymentRequired)
		}
	}
}

func (a *ownApp) give(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: "own", Value: fmt.Sprint(time.Now().UnixNano()), Path: "/own", MaxAge: 3600, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, ownInstructions)
}

// challengeIn is the challenge that a proof answers.
func challengeIn(proof string) string {
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return ""
	}
	var claims struct {
		Challenge string `json:"jti"`
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(text, &claims)
	}
	return claims.Challenge
}

// An app that binds sessions of its own goes on to do so, whether the short cookie of the gateway is there or not.
func (s *scene) ownBinding(t *testing.T) {
	s.b.Goto(s.url("/own/page"))
	rig.Until(t, rig.Patience, "the app's own binding is registered", func() bool {
		_, ok := s.b.Cookie("own")
		return ok
	})
	for _, lost := range [][]string{{"own"}, {"own", s.cookie("-bound")}} {
		// The browser has the cookies of a binding a moment before it refreshes them.
		rig.Until(t, rig.Patience, fmt.Sprintf("the app gets its cookie without %v", lost), func() bool {
			for _, name := range lost {
				s.b.ClearCookies(name)
			}
			return s.b.Fetch("/own/data", nil).Status == 200
		})
	}
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	if len(s.own.registered) != 1 || s.own.registered[0] != "own-1" || len(s.own.refreshed) != 2 || s.own.user != "alice" {
		t.Errorf("the app got %q and %q, of %q", s.own.registered, s.own.refreshed, s.own.user)
	}
	if len(s.own.ours) != 0 {
		t.Errorf("the app got what is the gateway's: %q", s.own.ours)
	}
}

// While the master of Redis dies and another takes its place, pages are served and the browser refreshes. What the new master
// has is the whole binding.
func (s *scene) failover(t *testing.T) {
	old := s.redis.Current()
	old.Stop()
	rig.Until(t, rig.Patience, "there is another master", func() bool {
		s.expire()
		s.b.Goto(s.url("/failover"))
		s.atApp(s.b.Page)
		now := s.redis.Current()
		return now != nil && now != old
	})
	rig.Until(t, rig.Patience, "the store is back", func() bool { return s.storeState() == "ok" })
	s.gw.Restart()
	for range 2 {
		s.expire()
		s.b.Goto(s.url("/afterwards"))
		s.atApp(s.b.Page)
	}
}

// An open WebSocket lives on when the short cookie ends, until the session ends. A client with copied cookies opens none after
// their time.
func (s *scene) webSocket(t *testing.T) {
	address := "wss" + strings.TrimPrefix(s.url("/ws"), "https")
	s.b.Goto(s.url("/socket"))
	var opened bool
	s.b.Evaluate(&opened, fmt.Sprintf(`new Promise((r) => {
		const ws = window.ws = new WebSocket(%q);
		ws.onopen = () => r(true); ws.onclose = () => r(false);
	})`, address))
	echoes := func() (ok bool) {
		s.b.Evaluate(&ok, `new Promise((r) => {
			window.ws.onmessage = () => r(true); window.ws.onclose = () => r(false);
			if (window.ws.readyState === WebSocket.OPEN) window.ws.send('x'); else r(false);
		})`)
		return ok
	}
	thief := s.borrow(s.b)
	if !opened || !echoes() || !s.canOpen(t, thief, address) {
		t.Fatalf("opened: %v, by a copy too: %v", opened, s.canOpen(t, thief, address))
	}
	rig.Until(t, boundLife+5*time.Second, "a copy opens none", func() bool { return !s.canOpen(t, thief, address) })
	if !echoes() {
		t.Error("the open one has ended")
	}
	other := s.b.NewPage()
	other.Goto(s.url("/.latchkey/sign-out"))
	other.Click("Sign out")
	rig.Until(t, rig.Patience, "it ends with the session", func() bool { return !echoes() })
}

// canOpen reports whether a program with these cookies can open a WebSocket.
func (s *scene) canOpen(t *testing.T, c *rig.HTTP, address string) bool {
	t.Helper()
	conf, err := websocket.NewConfig(address, s.origin())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Names(s.host(), "") {
		conf.Header.Add("Cookie", name+"="+c.Cookie(s.host(), name))
	}
	conn, err := tls.Dial("tcp", s.addr(), &tls.Config{ServerName: secureHost, InsecureSkipVerify: true}) //nolint:gosec // a test against our own loopback server
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = websocket.NewClient(conf, conn)
	return err == nil
}

// V13: require bound_session right after a sign-in: the page comes before the browser has registered its key, so it is refused, and
// opens by itself a moment later.
func TestPageThatWaitsForItsBinding(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	var once sync.Once
	// In front of the gateway: the registration is let through when the page was asked for, with the cookies of before.
	gate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Forwarded-Uri") {
		case "/.latchkey/bound/register":
			select {
			case <-asked:
			case <-r.Context().Done():
			}
		case "/vault":
			if strings.Contains(r.Header.Get("Cookie"), "__Host-latchkey=") {
				once.Do(func() { close(asked) })
			}
		}
	}))
	t.Cleanup(gate.Close)
	s, pin := boundSite(t, config{
		global: "metrics\n\torder forward_auth before latchkey",
		before: "forward_auth " + strings.TrimPrefix(gate.URL, "http://") + " {\n\t\turi /\n\t}\n\t@vault path /vault",
		site:   "policy vault @vault {\n\t\t\trequire bound_session\n\t\t}",
	}, "")
	b := s.binder(pin)
	s.begin(b.Page, "/vault", "alice")
	s.atPrompt(b.Page)
	if at := b.Click("Yes"); at.URL != s.url("/vault") || at.Status != 200 {
		t.Errorf("at %+v", at)
	}
	s.atApp(b.Page)
	if !strings.Contains(s.adminText("/metrics"), `"binding_required"`) {
		t.Error("the page was never refused, so this test shows nothing")
	}
}
