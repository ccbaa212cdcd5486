package signin

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// frame asks as a browser does for the content of a frame.
func (b *testBrowser) frame(method, target string, header ...string) result {
	b.t.Helper()
	var form url.Values
	if method == http.MethodPost {
		form = url.Values{"text": {"Ada wrote"}}
	}
	return b.do(method, target, form, append([]string{
		"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "same-origin", "Referer", b.URL + "/board?of=7",
	}, header...)...)
}

var frameLink = regexp.MustCompile(`<a class="button primary" href="([^"]*)" target="(_top|_blank)"`)

// leaves returns where the link of a page in a frame leads, and in what.
func (r result) leaves() (to, target string) {
	if m := frameLink.FindStringSubmatch(r.body); m != nil {
		return html.UnescapeString(m[1]), m[2]
	}
	return "", ""
}

// Field trial 5.5: a frame without a session shows a page that may be framed. Its link signs in at the top and comes back to
// the page with the frame, where that is of the same origin.
func TestFrameSignsInAtTheTop(t *testing.T) {
	g := newGateway(t)
	for _, dest := range []string{"iframe", "frame", "embed", "object"} {
		r := g.browser().frame(http.MethodGet, "/widget?n=1", "Sec-Fetch-Dest", dest)
		to, target := r.leaves()
		if r.status != http.StatusUnauthorized || target != "_top" || query(t, to).Get("return") != "/board?of=7" || !strings.HasPrefix(to, browser.Base+"/sign-in?") {
			t.Errorf("%s: %d, link to %q in %q\n%s", dest, r.status, to, target, r.body)
		}
		h := r.header
		if h.Get("WWW-Authenticate") != `Latchkey realm="/.latchkey"` || !strings.Contains(h.Get("Content-Type"), "text/html") || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Frame-Options") != "" || strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors") ||
			!strings.Contains(h.Get("Content-Security-Policy"), "; sandbox ") || !strings.Contains(strings.Join(h.Values("Vary"), ", "), "Sec-Fetch-Dest") ||
			len(r.setCookies()) != 0 || r.location != "" {
			t.Errorf("%s: headers %v", dest, h)
		}
	}
	// Back at the page with the frame, after the whole sign-in. A browser says that the click came from another site.
	b := g.browser()
	to, _ := b.frame(http.MethodGet, "/widget?n=1").leaves()
	r := b.do(http.MethodGet, to, nil, "Sec-Fetch-Site", "cross-site")
	asked := query(t, r.location)
	b.callback(asked)
	if r := b.answer(b.get(browser.Base+"/stay"), "no"); !strings.Contains(r.header.Get("Refresh"), "url=/board?of=7") {
		t.Errorf("after the sign-in: %v", r.header)
	}
	if r := b.frame(http.MethodGet, "/widget?n=1"); r.body != "app: ada browser" {
		t.Errorf("the frame with a session: %q", r.body)
	}
	// The link of a page that was open before does not replace the session.
	if r := b.do(http.MethodGet, to, nil, "Sec-Fetch-Site", "cross-site"); r.location != "/board?of=7" || !b.alive() {
		t.Errorf("an old link: %d to %q", r.status, r.location)
	}
}

// Field trial 5.5: the page to return to is the one with the frame if the browser names it and it is of this origin, and
// what the frame was to show if not. It passes the one redirect validator.
func TestFrameReturnsToThePageWithTheFrame(t *testing.T) {
	g := newGateway(t)
	for _, tt := range []struct{ site, referer, want string }{
		{"same-origin", g.URL + "/board", "/board"},
		{"same-origin", g.URL + "/", "/"},
		{"same-origin", "", "/widget?n=1"},
		{"same-origin", g.URL + "/.latchkey/sign-out", "/widget?n=1"},
		{"same-origin", g.URL + "//evil.example/", "/widget?n=1"},
		{"same-origin", g.URL + ".evil.example/board", "/widget?n=1"},
		{"same-origin", g.URL + "/" + strings.Repeat("x", browser.MaxReturn), "/widget?n=1"},
		{"same-origin", "https://evil.example/board", "/widget?n=1"},
		{"same-site", "https://sister.example/", "/widget?n=1"},
		{"same-site", g.URL + "/board", "/widget?n=1"},
		{"none", g.URL + "/board", "/widget?n=1"},
	} {
		to, target := g.browser().frame(http.MethodGet, "/widget?n=1", "Sec-Fetch-Site", tt.site, "Referer", tt.referer).leaves()
		if got := query(t, to).Get("return"); got != tt.want || target != "_top" {
			t.Errorf("%+v: returns to %q in %q", tt, got, target)
		}
	}
}

// Field trial 5.5: in a page of another site the browser sends no session cookie, before a sign-in and after it, so the frame
// offers its content in a tab of its own.
func TestFrameOfAnotherSite(t *testing.T) {
	g := newGateway(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := g.browser().frame(method, "/widget?n=1", "Sec-Fetch-Site", "cross-site", "Referer", "https://portal.example/")
		if to, target := r.leaves(); r.status != http.StatusUnauthorized || to != "/widget?n=1" || target != "_blank" || strings.Contains(r.body, "Ada wrote") {
			t.Errorf("%s: %d, link to %q in %q", method, r.status, to, target)
		}
	}
}

// Field trial 5.5: a step-up, a refusal and an outage in a frame, and a form that is sent from one.
func TestFrameSaysWhatIsWrong(t *testing.T) {
	g := mfaGateway(t, func(s *settings) { s.prompt.SharedUsers = 9 })
	g.site.PreservePost = 1000
	b := g.browser()
	b.signIn("no")
	g.demand = &oidc.Demand{MFA: true}
	r := b.frame(http.MethodGet, "/widget")
	to, target := r.leaves()
	if r.status != http.StatusUnauthorized || !strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_user_authentication") ||
		target != "_top" || !strings.Contains(r.body, "Confirm that it is you") {
		t.Errorf("step-up: %d %v\n%s", r.status, r.header, r.body)
	}
	if asked := query(t, b.do(http.MethodGet, to, nil, "Sec-Fetch-Site", "cross-site").location); asked.Get("prompt") != "login" {
		t.Errorf("the link asks for %v", asked)
	}
	if r := b.frame(http.MethodPost, "/widget"); r.status != http.StatusUnauthorized || r.setCookies()[browser.FormCookie] == nil || !strings.Contains(r.body, "then send it") {
		t.Errorf("form before a step-up: %d\n%s", r.status, r.body)
	}
	g.demand = nil
	b.endSession()
	r = b.frame(http.MethodPost, "/widget")
	if to, _ := r.leaves(); r.setCookies()[browser.FormCookie] == nil || query(t, to).Get("return") != "/widget" || !strings.Contains(r.body, "Sign in, then send it") {
		t.Errorf("form that is kept: %d, link to %q\n%s", r.status, to, r.body)
	}
	r = g.browser().frame(http.MethodPost, "/widget")
	if to, _ := r.leaves(); r.status != http.StatusUnauthorized || query(t, to).Get("return") != "/board?of=7" || !strings.Contains(r.body, "has not been passed on") {
		t.Errorf("form: %d, link to %q\n%s", r.status, to, r.body)
	}

	visit := &access.Visit{Site: g.site, Origin: g.URL, Host: "127.0.0.1", Return: "/widget?n=1", RequestID: "request-1"}
	ask := func(answer func(http.ResponseWriter, *http.Request)) result {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/widget?n=1", nil)
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "iframe")
		w := httptest.NewRecorder()
		answer(w, r)
		return result{status: w.Code, body: w.Body.String(), header: w.Header()}
	}
	for name, tt := range map[string]struct {
		got    result
		status int
		says   string
		to     string
	}{
		"refusal": {ask(func(w http.ResponseWriter, r *http.Request) {
			g.service.Refuse(w, r, visit, nil, &access.Refusal{Reason: "network", Title: pages.BlockNetwork, Policies: []string{"office-only"}})
		}), http.StatusForbidden, "Not from this network", "/widget?n=1"},
		"outage": {ask(func(w http.ResponseWriter, r *http.Request) {
			g.service.Unavailable(w, r, visit, oidc.ErrProviderDown)
		}), http.StatusServiceUnavailable, "does not answer", "/widget?n=1"},
		"request that is malformed": {ask(func(w http.ResponseWriter, r *http.Request) {
			g.service.BadRequest(w, r, visit)
		}), http.StatusBadRequest, "can’t be understood", ""},
	} {
		to, target := tt.got.leaves()
		if tt.got.status != tt.status || !strings.Contains(tt.got.body, tt.says) || to != tt.to || to != "" && target != "_blank" ||
			tt.got.header.Get("X-Frame-Options") != "" || strings.Contains(tt.got.body, "office-only") {
			t.Errorf("%s: %d, link to %q in %q\n%s", name, tt.got.status, to, target, tt.got.body)
		}
		if name == "outage" && tt.got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", name, tt.got.header)
		}
	}
}

// Our own pages stay out of frames (A15).
func TestEndpointsStayOutOfFrames(t *testing.T) {
	g := newGateway(t)
	b := g.browser()
	b.signIn("no")
	for _, path := range []string{"/sign-in?iss=x", "/sign-out", "/me", "/stay", "/done", "/nothing", "/finish"} {
		r := b.frame(http.MethodGet, browser.Base+path)
		if r.status != http.StatusSeeOther && !strings.Contains(r.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
}
