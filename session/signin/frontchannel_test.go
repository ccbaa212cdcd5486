package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

func (b *testBrowser) frontchannel(iss, sid string) result {
	b.t.Helper()
	return b.do(http.MethodGet, browser.Base+"/logout/frontchannel?"+url.Values{"iss": {iss}, "sid": {sid}}.Encode(), nil, "Sec-Fetch-Dest", "iframe")
}

// A43: the front channel ends the session of this browser if issuer and sid are its own, and never another one: without
// the cookie, with somebody else's or with another sid nothing happens, and the answer does not tell.
func TestFrontChannel(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	g := newGateway(t)
	g.service.Logger = zap.New(core)
	one, twin := g.signedInAs("s-1", "sid-1", "yes"), g.signedInAs("s-1", "sid-1", "yes")
	other, without := g.signedInAs("s-2", "sid-2", "yes"), g.signedInAs("s-3", "", "no")
	stranger := g.browser()
	for what, r := range map[string]result{
		"without a cookie":         stranger.frontchannel(g.idp.URL, "sid-1"),
		"with another's":           other.frontchannel(g.idp.URL, "sid-1"),
		"with a session of no sid": without.frontchannel(g.idp.URL, "sid-1"),
	} {
		if r.status != http.StatusOK || len(r.setCookies()) != 0 || r.body != "" {
			t.Errorf("%s: %d, cookies %v, %q", what, r.status, r.setCookies(), r.body)
		}
	}
	// Field trial 4.8: the answer does not tell that nothing was ended, so the log does; once a minute for each reason.
	for range 3 {
		stranger.frontchannel(g.idp.URL, "sid-1")
		without.frontchannel(g.idp.URL, "sid-9")
	}
	if n := logs.FilterMessage("front-channel logout ended nothing").Len(); n != 3 {
		t.Errorf("%d lines for three reasons: %v", n, logs.All())
	}
	g.clock.Advance(time.Minute)
	stranger.frontchannel(g.idp.URL, "sid-1")
	if n := logs.FilterMessage("front-channel logout ended nothing").Len(); n != 4 {
		t.Errorf("%d lines a minute later", n)
	}
	for what, r := range map[string]result{
		"another issuer":   one.frontchannel("https://evil.example", "sid-1"),
		"no issuer":        one.frontchannel("", "sid-1"),
		"no sid":           one.frontchannel(g.idp.URL, ""),
		"no sid, none had": without.frontchannel(g.idp.URL, ""),
		"neither":          one.get(browser.Base + "/logout/frontchannel"),
		"twice (A44)":      one.get(browser.Base + "/logout/frontchannel?sid=sid-1&sid=sid-1&iss=" + url.QueryEscape(g.idp.URL)),
		"malformed":        one.get(browser.Base + "/logout/frontchannel?sid=%zz&iss=" + url.QueryEscape(g.idp.URL)),
	} {
		if r.status != http.StatusBadRequest || len(r.setCookies()) != 0 {
			t.Errorf("%s: %d, cookies %v", what, r.status, r.setCookies())
		}
	}
	if r := one.do(http.MethodPost, browser.Base+"/logout/frontchannel", url.Values{"iss": {g.idp.URL}, "sid": {"sid-1"}}); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", r.status)
	}
	for _, b := range []*testBrowser{one, twin, other, without} {
		if !b.alive() {
			t.Fatal("somebody was signed out")
		}
	}
	copied := one.cookie(browser.SessionCookie)
	r := one.frontchannel(g.idp.URL, "sid-1")
	if c := r.setCookies()[browser.SessionCookie]; r.status != http.StatusOK || c == nil || c.MaxAge >= 0 {
		t.Errorf("its own: %d, cookie %v", r.status, c)
	}
	if r := g.browser().do(http.MethodGet, "/", nil, "Cookie", browser.SessionCookie+"="+copied.Value); r.status != http.StatusSeeOther {
		t.Errorf("A11: the copied cookie lives: %d", r.status)
	}
	if !twin.alive() || !other.alive() {
		t.Error("it ended more than this browser's session")
	}
	again := g.signedInAs("s-1", "sid-1", "yes")
	g.store.Fail(errors.New("out"))
	if r := again.frontchannel(g.idp.URL, "sid-1"); r.status != http.StatusServiceUnavailable || len(r.setCookies()) != 0 {
		t.Errorf("A82: with the store away: %d, cookies %v", r.status, r.setCookies())
	}
}

// A15: the answer may stand in a frame of the provider's, where it has to, and of nobody else's; no other page of ours
// may stand in any.
func TestFrontChannelFrames(t *testing.T) {
	g := newGateway(t, func(s *settings) {
		s.idp = oidctest.New(t, s.clock.Now)
		s.idp.Metadata = map[string]any{"end_session_endpoint": "https://logout.login.example.com/end"}
	})
	b := g.signedInAs("s-1", "sid-1", "no")
	ours := "frame-ancestors " + g.idp.URL + " https://logout.login.example.com"
	for what, row := range map[string]struct{ iss, want string }{
		"the provider's": {g.idp.URL, ours},
		"anybody's":      {"https://evil.example", "frame-ancestors 'none'"},
		"injected":       {"https://evil.example; script-src *", "frame-ancestors 'none'"},
	} {
		h := b.frontchannel(row.iss, "sid-9").header
		if csp := h.Get("Content-Security-Policy"); !strings.HasSuffix(csp, row.want) || !strings.HasPrefix(csp, "default-src 'none';") {
			t.Errorf("%s: %s", what, csp)
		}
		if h.Get("X-Frame-Options") != "" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", what, h)
		}
	}
	for _, path := range []string{"/sign-out", "/signed-out", "/sign-in", "/stay"} {
		if r := b.get(browser.Base + path); r.status != http.StatusSeeOther && !strings.Contains(r.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %v", path, r.header)
		}
	}
	if got := frames(&oidc.Provider{Config: oidc.Config{Issuer: "https://a.example;x"}}); got != "'none'" {
		t.Errorf("an issuer that would add a directive: %s", got)
	}
}

// browser.TargetPath and browser.ReturnPath agree: what the one lets through the other does (A02, A33).
func TestTargetPath(t *testing.T) {
	const origin = "https://wiki.example.com"
	for target, want := range map[string]string{
		origin:                         "/",
		origin + "/":                   "/",
		origin + "/a?b=c#d":            "/a?b=c",
		origin + "?b=c":                "/?b=c",
		"":                             "/",
		"/a":                           "/",
		"https://evil.example/a":       "/",
		origin + ".evil.example/a":     "/",
		origin + "@evil.example/a":     "/",
		origin + ":8443/a":             "/",
		origin + "//evil.example":      "/",
		origin + "/\\evil.example":     "/",
		origin + "/a/..//evil.example": "/",
		origin + "/.latchkey/sign-out": "/",
		"http://wiki.example.com/a":    "/",
		"//wiki.example.com/a":         "/",
		"HTTPS://wiki.example.com/a":   "/",
		"javascript:alert(1)":          "/",
		origin + "/a\nb":               "/",
	} {
		if got := browser.TargetPath(origin, target); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

func FuzzTargetPath(f *testing.F) {
	f.Add("https://wiki.example.com/a")
	f.Add("https://wiki.example.com@evil.example/")
	f.Fuzz(func(t *testing.T, target string) {
		got := browser.TargetPath("https://wiki.example.com", target)
		base, _ := url.Parse("https://wiki.example.com/.latchkey/sign-in")
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme || browser.ReturnPath(got) != got {
			t.Errorf("%q leads to %q", target, got)
		}
	})
}
