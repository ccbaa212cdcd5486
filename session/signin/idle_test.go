package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

const minute = time.Minute

// idleGateway holds everybody or some to a warning after 45 minutes and a sign-out after 60.
func idleGateway(t *testing.T, all bool, change ...func(*settings)) *gateway {
	t.Helper()
	g := newGateway(t, append([]func(*settings){func(s *settings) { s.limits.Finest = 45 * minute }}, change...)...)
	g.site.Idle = []access.IdleSignOut{{Warn: 45 * minute, After: 60 * minute, All: all}}
	return g
}

func (b *testBrowser) state(method string, header ...string) (s stateJSON, r result) {
	b.t.Helper()
	r = b.do(method, browser.Base+"/session", nil, append([]string{"Accept", "application/json"}, header...)...)
	if r.status == http.StatusOK {
		if err := json.Unmarshal([]byte(r.body), &s); err != nil {
			b.t.Fatalf("%v\n%s", err, r.body)
		}
	}
	return s, r
}

func (b *testBrowser) beat() stateJSON {
	b.t.Helper()
	s, r := b.state(http.MethodPost, heartbeatHeader, "1", "Sec-Fetch-Site", "same-origin")
	if r.status != http.StatusOK {
		b.t.Fatalf("heartbeat: %d %s", r.status, r.body)
	}
	return s
}

// TestIdleSignOut holds T2, T5, T10, T16 and T18: without any script, the first request after the limit finds the session
// ended: in the store, in the cookie, in the log and for whoever is told; exactly once.
func TestIdleSignOut(t *testing.T) {
	g := idleGateway(t, false)
	var told []map[string]any
	g.service.Notify = func(event string, data map[string]any) {
		if event == access.EventSignOut {
			told = append(told, data)
		}
	}
	b := g.browser()
	b.signIn("no")
	copied := b.cookie(browser.SessionCookie)
	g.clock.Advance(60*minute - time.Second)
	if r := b.get("/"); r.status != http.StatusOK {
		t.Fatalf("a second before the limit: %d", r.status)
	}
	waitTouched(t, g)
	g.clock.Advance(60*minute - time.Second)
	if r := b.get("/"); r.status != http.StatusOK {
		t.Fatalf("used in time: %d", r.status)
	}
	waitTouched(t, g)
	g.clock.Advance(60 * minute)
	r := b.do(http.MethodGet, "/api", nil, "Accept", "application/json")
	if c := r.setCookies()[browser.SessionCookie]; r.status != http.StatusUnauthorized || !strings.Contains(r.body, `"reason":"session_ended"`) || c == nil || c.MaxAge >= 0 {
		t.Fatalf("at the limit: %d %s, cookie %v", r.status, r.body, c)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+copied.Value); r.status != http.StatusSeeOther {
		t.Errorf("a copy of the cookie: %d", r.status)
	}
	if n := g.log.count(signinlog.SessionExpired); n != 1 {
		t.Errorf("%d entries of an idle sign-out", n)
	}
	if len(told) != 1 || told[0]["by"] != access.ByIdle || told[0]["app"] != "wiki" {
		t.Errorf("told %v", told)
	}
	if r := b.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("the next page: %d, want a sign-in", r.status)
	}
}

// waitTouched waits until the last use is written, which happens beside the request.
func waitTouched(t *testing.T, g *gateway) {
	t.Helper()
	storetest.Until(t, "the use is written", func() bool {
		n, fresh := 0, true
		if _, err := g.service.Sessions.All(t.Context(), 10, func(s *session.Record) bool {
			n++
			fresh = fresh && g.clock.Now().Sub(s.LastUsed) < time.Minute
			return true
		}); err != nil {
			t.Fatal(err)
		}
		return n > 0 && fresh
	})
}

// TestIdleState holds T3, T11, T17 and T18: asking is no use, however often; a heartbeat is; the server says what is left.
func TestIdleState(t *testing.T) {
	b := idleGateway(t, false).browser()
	if s, _ := b.state(http.MethodGet); s.SignedIn || s.Idle != nil || s.SignInURL == "" {
		t.Fatalf("nobody is signed in: %+v", s)
	}
	// Field trial 5.11: the texts of the dialog of session.js, where they are asked for.
	if s, _ := b.state(http.MethodGet); s.Text != nil {
		t.Fatalf("texts that the request has not asked for: %+v", s.Text)
	}
	var asked stateJSON
	r := b.do(http.MethodGet, browser.Base+"/session?text=sign_in", nil, "Accept-Language", "de")
	if err := json.Unmarshal([]byte(r.body), &asked); err != nil || asked.Text == nil || asked.Text.Lang != "de" || asked.Text.Action != "Anmelden" || asked.Text.Later != "Jetzt nicht" {
		t.Fatalf("texts: %v %s", err, r.body)
	}
	b.signIn("no")
	for range 11 {
		b.clock.Advance(4 * minute)
		if _, r := b.state(http.MethodGet); r.status != http.StatusOK || r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("state: %d %v", r.status, r.header)
		}
	}
	s, _ := b.state(http.MethodGet, "Accept-Language", "de")
	if !s.SignedIn || s.Idle == nil || s.Idle.WarnIn != 60 || s.EndsIn != 16*60 || s.Idle.Text.Lang != "de" || !strings.Contains(s.Idle.Text.Left, "{time}") {
		t.Fatalf("after 44 minutes: %+v", s)
	}
	b.clock.Advance(2 * minute)
	if s, _ = b.state(http.MethodGet); s.Idle.WarnIn != 0 || s.EndsIn != 14*60 {
		t.Fatalf("after 46 minutes: %+v", s)
	}
	id := s.ID
	if s = b.beat(); s.Idle.WarnIn != 45*60 || s.EndsIn != 60*60 || s.ID != id {
		t.Fatalf("after a heartbeat: %+v", s)
	}
	b.clock.Advance(59 * minute)
	if s, _ = b.state(http.MethodGet); !s.SignedIn || s.EndsIn != 60 {
		t.Fatalf("59 minutes later: %+v", s)
	}
	b.clock.Advance(minute)
	s, r = b.state(http.MethodPost, heartbeatHeader, "1", "Sec-Fetch-Site", "same-origin")
	if c := r.setCookies()[browser.SessionCookie]; s.SignedIn || c == nil || c.MaxAge >= 0 {
		t.Fatalf("a heartbeat that comes too late: %+v, cookie %v", s, c)
	}
}

// TestIdleStateExempt holds T7: who stays signed in is not warned.
func TestIdleStateExempt(t *testing.T) {
	b := idleGateway(t, false).browser()
	b.signIn("yes")
	if s, _ := b.state(http.MethodGet); !s.SignedIn || s.Idle != nil {
		t.Fatalf("stays signed in: %+v", s)
	}
	b.clock.Advance(61 * minute)
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("after an hour: %d", r.status)
	}
}

// TestIdleStateSmallest: the session's own idle limit may come first; the warning comes as long before it.
func TestIdleStateSmallest(t *testing.T) {
	b := idleGateway(t, false, func(s *settings) {
		s.limits.Browser = session.Limit{Idle: 40 * minute, Max: 24 * time.Hour}
	}).browser()
	b.signIn("no")
	if s, _ := b.state(http.MethodGet); s.EndsIn != 40*60 || s.Idle == nil || s.Idle.WarnIn != 25*60 {
		t.Errorf("state: %+v, want an end in 40 minutes and a warning in 25", s)
	}
}

// TestHeartbeatForged holds A23: what no page of the site has sent counts as no use.
func TestHeartbeatForged(t *testing.T) {
	b := idleGateway(t, false).browser()
	b.signIn("no")
	b.clock.Advance(50 * minute)
	for what, header := range map[string][]string{
		"no header":    {"Sec-Fetch-Site", "same-origin"},
		"cross-site":   {heartbeatHeader, "1", "Sec-Fetch-Site", "cross-site"},
		"same-site":    {heartbeatHeader, "1", "Sec-Fetch-Site", "same-site"},
		"other origin": {heartbeatHeader, "1", "Origin", "https://evil.example"},
		"null origin":  {heartbeatHeader, "1", "Origin", "null"},
		"no proof":     {heartbeatHeader, "1"},
	} {
		if _, r := b.state(http.MethodPost, header...); r.status != http.StatusForbidden || !strings.Contains(r.body, `"reason":"cross_origin"`) {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if s, _ := b.state(http.MethodGet); s.EndsIn != 10*60 {
		t.Errorf("a forged heartbeat counted: %+v", s)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if _, r := b.state(method); r.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, r.status)
		}
	}
}

// TestIdleStoreDown: while the store cannot be asked nobody is signed out by what a copy says of the last use, and no
// cookie goes (promise 2).
func TestIdleStoreDown(t *testing.T) {
	g := idleGateway(t, false)
	b := g.browser()
	b.signIn("no")
	g.clock.Advance(61 * minute)
	g.store.Fail(errors.New("out"))
	if r := b.get("/"); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
		t.Errorf("store away: %d, cookies %v", r.status, r.setCookies())
	}
	g.store.Fail(nil)
	if r := b.get("/"); r.status != http.StatusSeeOther {
		t.Errorf("store back: %d", r.status)
	}
}

// TestIdleUsedElsewhere holds T6: a use that another replica has written counts, whatever this one remembers.
func TestIdleUsedElsewhere(t *testing.T) {
	g := idleGateway(t, false)
	other := idleGateway(t, false, func(s *settings) { s.store, s.clock, s.idp = g.store, g.clock, g.idp })
	b := g.browser()
	b.signIn("no")
	there := other.browser()
	g.clock.Advance(50 * minute)
	if r := there.do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+b.cookie(browser.SessionCookie).Value); r.status != http.StatusOK {
		t.Fatalf("at the other replica: %d", r.status)
	}
	waitTouched(t, g)
	g.clock.Advance(50 * minute)
	if r := b.get("/"); r.status != http.StatusOK {
		t.Errorf("here, 50 minutes later: %d", r.status)
	}
}

// TestDone: the page at the end of a sign-in window is the one place of ours that a sign-in returns to.
func TestDone(t *testing.T) {
	b := newGateway(t).browser()
	r := b.get(browser.Base + "/done")
	if r.status != http.StatusOK || !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
		t.Errorf("done: %d %v", r.status, r.header)
	}
	for raw, want := range map[string]string{
		browser.Base + "/done": browser.Base + "/done", browser.Base + "/done?x=1": browser.Home, browser.Base + "/done/": browser.Home, browser.Base + "/Done": browser.Home,
		browser.Base + "/done/../sign-out": browser.Home, browser.Base + "/sign-out": browser.Home, "/" + browser.Base + "/done": browser.Home,
	} {
		if got := browser.ReturnPath(raw); got != want {
			t.Errorf("return to %s: %s, want %s", raw, got, want)
		}
	}
}
