package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/test/rig"
)

// evilReturns are return targets that some parser or browser reads as another origin.
var evilReturns = []string{
	"//evil.example", "///evil.example", "////evil.example/x", `/\evil.example`, `\/evil.example`, `\\evil.example`, `/\/evil.example`,
	"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/ /evil.example", " //evil.example", "\t//evil.example",
	"/.//evil.example", "/..//evil.example", "/./\\evil.example", "/x/..//evil.example", "/%2e%2e//evil.example", "/%2e//evil.example",
	"/%09/evil.example", "/%2f/evil.example", "/%5cevil.example", "/%5c%5cevil.example", "/%0d%0aLocation:%20//evil.example",
	"http:evil.example", "http:/evil.example", "http://evil.example", "https://evil.example", "https:///evil.example", "https:evil.example",
	"HTTP://EVIL.EXAMPLE", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
	"https://good@evil.example", "//good@evil.example", "//127.0.0.1@evil.example", "//evil.example\\@127.0.0.1", "//[::1]", "//[::ffff:192.0.2.1]/",
	"//evil.example.", "//xn--e1awd7f.example", "//еvil.example", "//evil。example", "evil.example", "@evil.example", ".evil.example",
	"/\x00/evil.example", "/\x7f/evil.example", "//evil.example/%2e%2e", "/;@evil.example//x", "/x\r\nSet-Cookie: a=b", "?//evil.example", "#//evil.example",
	"", "/.latchkey/sign-out", "/.latchkey/sign-in?return=//evil.example", "/.latchkey/../..//evil.example", "/" + "%252f%252fevil.example",
}

// A02, A19, A33, A68: whatever is asked for as the place to return to, a browser ends on our origin. The real browser
// is the judge: it resolves what the gateway sends.
func TestA02ReturnTargets(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "stay_signed_in off"})
	s.idp.Auto("alice")
	c := rig.NewHTTP(t)
	var locations []string
	for _, target := range evilReturns {
		r := c.Get(s.url("/.latchkey/sign-in?return=" + url.QueryEscape(target)))
		if r.StatusCode >= 500 {
			t.Errorf("return=%q: %d", target, r.StatusCode)
		}
		r = c.Follow(r, func(u *url.URL) bool { return u.Path == "/.latchkey/callback" })
		if r.Location() == nil {
			if r.StatusCode < 400 {
				t.Errorf("return=%q: %d at %s", target, r.StatusCode, r.At)
			}
			continue
		}
		for range 5 { // everything that our own origin sends on, up to the app
			r = c.Get(r.Location().String())
			loc := r.Header.Get("Location")
			if loc == "" {
				_, loc, _ = strings.Cut(r.Header.Get("Refresh"), "url=")
			}
			if loc == "" {
				break
			}
			locations = append(locations, loc)
		}
		if strings.ContainsAny(strings.Join(r.Header.Values("Location"), ""), "\r\n") || len(r.Header.Values("Location")) > 1 {
			t.Errorf("return=%q: Location %q", target, r.Header.Values("Location"))
		}
		for _, name := range c.Names(s.host(), s.cookie("")) {
			c.SetCookie(s.host(), name, "")
		}
	}
	if len(locations) < len(evilReturns)/2 {
		t.Fatalf("only %d of %d sign-ins came through", len(locations), len(evilReturns))
	}
	b := s.browser()
	b.Goto("http://" + s.app.Addr + "/")
	for _, loc := range locations {
		var origin string
		b.Evaluate(&origin, "new URL("+toJSON(t, loc)+", "+toJSON(t, s.url("/.latchkey/callback"))+").origin")
		if origin != s.origin() {
			t.Errorf("A02: Location %q leads a browser to %s", loc, origin)
		}
	}
}

// A33: every other parameter that a stranger might hope to see in Location.
func TestA33OtherParameters(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	c := rig.NewHTTP(t)
	s.entered(c, "/", "alice", "Yes")
	for _, path := range []string{"sign-in", "callback", "stay", "sign-out", "signed-out", "me", "finish", "logout/frontchannel"} {
		for _, name := range []string{"return", "rd", "redirect", "redirect_uri", "next", "url", "target_link_uri", "post_logout_redirect_uri", "continue", "ticket", "state", "logout_hint"} {
			for _, who := range []*rig.HTTP{c, rig.NewHTTP(t)} {
				r := who.Do(rig.Call{URL: s.url("/.latchkey/" + path + "?" + name + "=" + url.QueryEscape("https://evil.example/")), Navigate: true})
				if u := r.Location(); u != nil && strings.Contains(u.Host, "evil") {
					t.Errorf("%s?%s leads to %s", path, name, u)
				}
				if strings.Contains(r.Text, `href="https://evil.example`) || strings.Contains(r.Text, `action="https://evil.example`) {
					t.Errorf("%s?%s: a link to evil.example", path, name)
				}
			}
		}
	}
	if !s.alive(c) {
		t.Error("a GET ended the session (A23)")
	}
}

// A20, A57: a hostile Host or X-Forwarded-* changes nothing that the gateway says about itself.
func TestA20ForwardedHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{})
	evil := http.Header{
		"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Port": {"444"}, "X-Forwarded-Prefix": {"/evil"},
		"X-Forwarded-Server": {"evil.example"}, "Forwarded": {"host=evil.example;proto=https"}, "X-Original-Url": {"/evil"}, "X-Rewrite-Url": {"/evil"},
		"X-Forwarded-Uri": {"/.latchkey/assets/x"}, "X-Original-Host": {"evil.example"}, "X-Host": {"evil.example"}, "X-Http-Method-Override": {"OPTIONS"},
	}
	r := rig.NewHTTP(t).Do(rig.Call{URL: s.url("/a"), Navigate: true, Header: evil})
	loc := r.Location()
	if loc == nil || !strings.HasPrefix(loc.String(), s.idp.Issuer) || strings.Contains(loc.String(), "evil") {
		t.Fatalf("%d to %v", r.StatusCode, loc)
	}
	if got := loc.Query().Get("redirect_uri"); got != s.url("/.latchkey/callback") {
		t.Errorf("redirect_uri %s", got)
	}
	for _, ck := range r.Cookies() {
		if ck.Domain != "" || ck.Secure != s.c.https {
			t.Errorf("cookie %s", ck.Raw)
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", "127.0.0.1@evil.example"} {
		r := rig.Raw(t, s.addr(), "GET /a HTTP/1.1\nHost: "+host+"\nAccept: text/html\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\nConnection: close\n\n")
		if r == nil {
			continue
		}
		if got := r.Header.Get("Location"); strings.Contains(got, "evil") || strings.Contains(got, "127.0.0.1:1/") {
			t.Errorf("Host %s: Location %s", host, got)
		}
	}
	if s.app.Hits() != 0 {
		t.Error("the app was reached")
	}
}

// The way back is what was asked for, with its query, byte for byte; a path that is ours, or a form that was sent, is
// not returned to.
func TestReturnsToWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, config{app: "stay_signed_in off"})
	s.idp.Auto("alice")
	for _, path := range []string{
		"/", "/a/b?c=d&e=f", "/a%20b?q=%C3%BC&x=1%2B1", "/%E2%82%AC", "/a;v=1/b", "/a+b", "/?return=//evil.example", "/a?x=https://evil.example/", "/%C3%A4?%C3%A4",
		"/a//b", "/a?b?c", "/a?&&", "/~me/(x)'!*,",
	} {
		c := rig.NewHTTP(t)
		r := c.Follow(c.Get(s.url(path)), nil)
		if !isApp(r) || s.app.Last(t).URI != path {
			t.Errorf("%s: the app saw %s (%d at %s)", path, s.app.Last(t).URI, r.StatusCode, r.At)
		}
	}
}
