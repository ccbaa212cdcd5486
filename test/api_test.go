package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// problem is the body of a refusal to something that is no navigation.
type problem struct {
	Type, Title, Reason string
	Status, Code        int
	SignInURL           string `json:"sign_in_url"`
	RequestID           string `json:"request_id"`
}

// refused checks the form of a refusal: problem+json, no cookies, no redirect, not cached.
func refused(t testing.TB, r rig.Reply, status int) problem {
	t.Helper()
	var p problem
	if r.StatusCode != status || r.Location() != nil {
		t.Fatalf("%s: %d to %v, want %d\n%s", r.At, r.StatusCode, r.Location(), status, r.Text)
	}
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/problem+json") {
		t.Errorf("Content-Type %q", ct)
	}
	if err := json.Unmarshal([]byte(r.Text), &p); err != nil {
		t.Fatalf("body %q: %v", r.Text, err)
	}
	if p.Type == "" || p.Title == "" || p.Reason == "" || p.RequestID == "" || p.Status != status {
		t.Errorf("body %+v", p)
	}
	if !strings.Contains(r.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("Cache-Control %q", r.Header.Get("Cache-Control"))
	}
	return p
}

// What is no top-level navigation is never redirected, by whatever sign it shows.
func TestNoNavigationIsNeverRedirected(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	html := "text/html,application/xhtml+xml"
	for name, call := range map[string]rig.Call{
		"fetch":            {Header: http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}},
		"image":            {Header: http.Header{"Sec-Fetch-Mode": {"no-cors"}, "Sec-Fetch-Dest": {"image"}}},
		"XMLHttpRequest":   {Header: http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Accept": {html}}},
		"API client":       {Header: http.Header{"Accept": {"application/json"}}},
		"any type":         {Header: http.Header{"Accept": {"*/*"}}},
		"no Accept at all": {},
		"POST of a script": {Method: "POST", Body: strings.NewReader("{}"), Header: http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}},
		"PUT":              {Method: "PUT", Body: strings.NewReader("x"), Navigate: true},
		"DELETE":           {Method: "DELETE", Navigate: true},
		"OPTIONS":          {Method: "OPTIONS", Header: http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"PUT"}}},
		"PROPFIND":         {Method: "PROPFIND", Navigate: true},
	} {
		t.Run(name, func(t *testing.T) {
			call.URL = s.url("/api/thing?x=1")
			r := c.Do(call)
			p := refused(t, r, http.StatusUnauthorized)
			if r.Header.Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
			if !strings.Contains(p.SignInURL, "/.latchkey/sign-in") {
				t.Errorf("sign_in_url %q", p.SignInURL)
			}
			if len(r.Header.Values("Set-Cookie")) != 0 {
				t.Errorf("cookies for no navigation: %v", r.Header.Values("Set-Cookie"))
			}
		})
	}
	// A frame gets a page with a link (field trial 5.5).
	r := c.Do(rig.Call{URL: s.url("/api/thing?x=1"), Header: http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}, "Accept": {html}}})
	if r.StatusCode != http.StatusUnauthorized || r.Location() != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || len(r.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("frame: %d to %v, %v", r.StatusCode, r.Location(), r.Header)
	}
	if r := c.Do(rig.Call{Method: "HEAD", URL: s.url("/"), Navigate: true}); r.StatusCode != 401 {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
	if s.app.Hits() != 0 || s.idp.Hits("authorize") != 0 {
		t.Errorf("reached: app %d, provider %d", s.app.Hits(), s.idp.Hits("authorize"))
	}
}

// A blocked script gets 403 in the same shape, with the code of the sign-in log.
func TestBlockedScript(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "policy shut {\nmatch {\npath /shut/*\n}\nblock\n}"})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	before := s.app.Hits()
	if p := refused(t, s.api(c, "/shut/x"), http.StatusForbidden); p.Code != 53003 {
		t.Errorf("code: %+v", p)
	}
	if s.app.Hits() != before {
		t.Error("the request reached the app")
	}
}

// A real browser's script gets the 401 as an answer it can read, and the way back in.
func TestFetchInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	b := s.browser()
	s.signIn(b.Page, "/", "alice", "No")
	if f := b.Fetch("/data", nil); f.Status != 200 || f.Redirected {
		t.Errorf("signed in: %+v", f)
	}
	other := rig.NewHTTP(t)
	c, _ := b.Cookie(s.cookie(""))
	other.SetCookie(s.host(), s.cookie(""), c.Value)
	other.Send(other.Get(s.url("/.latchkey/sign-out")).Form(t, "Sign out"))
	s.mustBeDead(other, "the session")
	f := b.Fetch("/data", nil)
	if f.Status != 401 || f.Redirected || !strings.HasPrefix(f.Headers["content-type"], "application/problem+json") {
		t.Errorf("signed out elsewhere: %+v", f)
	}
}

// WebSockets and event streams pass through for who is signed in, and are refused without a redirect for who is not.
func TestWebSocketAndEvents(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			s := newSite(t, config{https: tr.https})
			b := s.browser()
			s.signIn(b.Page, "/", "alice", "No")
			ws := strings.Replace(s.url("/ws"), "http", "ws", 1)
			if got := b.WebSocket(ws, "hello"); got != "message: hello" {
				t.Errorf("WebSocket: %s", got)
			}
			if got := s.app.Last(t); got.Header.Get("Remote-User") != "alice" || strings.Contains(got.Header.Get("Cookie"), "latchkey") {
				t.Errorf("the app saw %v", got.Header)
			}
			var events string
			b.Evaluate(&events, `new Promise((done) => { const seen = []; const e = new EventSource('/events');
				e.onmessage = (m) => { seen.push(m.data); if (seen.length === 3) { e.close(); done(seen.join(',')); } };
				setTimeout(() => done('timeout after ' + seen), 5000); })`)
			if events != "0,1,2" {
				t.Errorf("events: %s", events)
			}
			b.ClearCookies("")
			before := s.app.Hits()
			if got := b.WebSocket(ws, "hello"); strings.HasPrefix(got, "message") {
				t.Errorf("WebSocket without a session: %s", got)
			}
			if s.app.Hits() != before {
				t.Error("the handshake reached the app")
			}
		})
	}
}

// A handshake without a session gets a plain 401.
func TestWebSocketHandshakeRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	cfg, err := websocket.NewConfig(strings.Replace(s.url("/ws"), "http", "ws", 1), s.origin())
	if err != nil {
		t.Fatal(err)
	}
	if ws, err := websocket.DialConfig(cfg); err == nil {
		_ = ws.Close()
		t.Error("a WebSocket without a session opened")
	}
	r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/ws"), Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Accept": {"text/html"},
	}})
	refused(t, r, http.StatusUnauthorized)
}

// A form sent without a session is not sent on, not repeated, and the person can read what happened (A38).
func TestFormWithoutASession(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	r := c.Do(rig.Call{URL: s.url("/save"), Navigate: true, Form: map[string][]string{"note": {"canary-form-body"}}})
	if isApp(r) || s.app.Hits() != 0 || strings.Contains(r.Text, "canary-form-body") {
		t.Errorf("%d: %s", r.StatusCode, r.Text)
	}
	if u := r.Location(); u != nil && (r.StatusCode == 307 || r.StatusCode == 308 || strings.Contains(u.String(), "canary-form-body")) {
		t.Errorf("the body travels: %d to %s", r.StatusCode, u)
	}
}

// What the app says passes through untouched: status, body, its own cookies, and its uploads.
func TestPassThrough(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	if r := s.api(c, "/status/418"); r.StatusCode != 418 {
		t.Errorf("status %d", r.StatusCode)
	}
	body := strings.Repeat("0123456789", 200_000)
	r := c.Do(rig.Call{Method: "PUT", URL: s.url("/upload"), Body: strings.NewReader(body)})
	if got := s.app.Last(t); r.StatusCode != 200 || got.Body != body {
		t.Errorf("upload: %d, %d bytes arrived", r.StatusCode, len(got.Body))
	}
}
