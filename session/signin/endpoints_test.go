package signin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// TestEndpoints holds A64: the endpoints under Base are a fixed list; everything else is a 404.
func TestEndpoints(t *testing.T) {
	b := newGateway(t).browser()
	for path, want := range map[string]int{
		"/": 404, "/you": 404, "/debug": 404, "/sessions": 404, "/sign-in/": 404, "/SIGN-IN": 404, "/assets/": 404,
		"/assets/../sign-out": 404, "/finish": 404, "/events": 404, "/bound/x": 404, "/signed-out": 200, "/sign-out": 303, "/me": 303, "/stay": 400,
	} {
		if r := b.get(browser.Base + path); r.status != want {
			t.Errorf("%s: %d, want %d", path, r.status, want)
		}
	}
	if r := b.do(http.MethodPost, browser.Base+"/stay/", url.Values{}); r.status != http.StatusNotFound {
		t.Errorf("POST /stay/: %d", r.status)
	}
	if r := b.do(http.MethodPost, browser.Base+"/signed-out", url.Values{}); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST /signed-out: %d", r.status)
	}
	if b.passed.Load() != 0 {
		t.Error("an endpoint reached the app")
	}
}

// TestChallenge: what is no page being opened is told, never redirected, and never reaches the app (A38).
func TestChallenge(t *testing.T) {
	b := newGateway(t).browser()
	script := b.do(http.MethodGet, "/api", nil, "Accept", "application/json")
	if script.status != http.StatusUnauthorized || script.header.Get("Content-Type") != "application/problem+json" ||
		script.header.Get("WWW-Authenticate") == "" || !strings.Contains(script.body, `"sign_in_url":"/.latchkey/sign-in?return=%2F"`) ||
		!strings.Contains(script.body, `"reason":"sign_in_required"`) || !strings.Contains(script.body, `"request_id":"request-1"`) {
		t.Errorf("script: %d %s", script.status, script.body)
	}
	form := b.do(http.MethodPost, "/form", url.Values{"a": {"b"}})
	if form.status != http.StatusUnauthorized || !strings.Contains(form.header.Get("Content-Type"), "text/html") || form.location != "" {
		t.Errorf("form: %d to %q", form.status, form.location)
	}
	if b.passed.Load() != 0 {
		t.Error("something reached the app")
	}
}

// TestChooser: the choice is shown only where there is one, and its links lead to their providers.
func TestChooser(t *testing.T) {
	second := oidctest.New(t, nil)
	g := newGateway(t, func(s *settings) {
		second.Now = s.clock.Now
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "partners", Title: "Partners & <friends>", Issuer: second.URL, ClientID: oidctest.Client, Now: s.clock.Now})}
	})
	if b := g.browser(); b.get("/").status != http.StatusSeeOther {
		t.Error("a choice although the site names no provider")
	}
	g.site.Providers = []string{"main", "partners"}
	b := g.browser()
	r := b.get("/page")
	if r.status != http.StatusOK || !strings.Contains(r.body, "Partners &amp; &lt;friends&gt;") {
		t.Fatalf("chooser: %d %s", r.status, r.body)
	}
	r = b.get(browser.Base + "/sign-in?provider=partners&return=%2Fpage")
	if !strings.HasPrefix(r.location, second.URL) {
		t.Fatalf("chosen: %d to %q", r.status, r.location)
	}
	g.site.Providers = []string{"main"}
	if r := b.get(browser.Base + "/sign-in?provider=partners&return=%2Fpage"); !strings.HasPrefix(r.location, g.idp.URL) {
		t.Errorf("a provider that the site does not take: %d to %q", r.status, r.location)
	}
}

// TestInsecure: over plain http no user signs in except on a loopback host.
func TestInsecure(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{browser.Base + "/sign-in?return=/", browser.Base + "/callback?code=c", "/page"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://wiki.example.com"+path, nil)
		r.Header.Set("Accept", "text/html")
		v := &access.Visit{Site: g.site, Origin: "http://wiki.example.com", Host: "wiki.example.com", Return: "/page"}
		if strings.HasPrefix(path, browser.Base) {
			g.service.ServeHTTP(w, r, v)
		} else {
			g.service.Challenge(w, r, v, nil, nil)
		}
		if w.Code != http.StatusBadRequest || len(w.Result().Cookies()) != 0 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestMarkup holds A15 and A34 where names come from a provider: they are text on our pages.
func TestMarkup(t *testing.T) {
	g := newGateway(t)
	g.idp.Set(func(p *oidctest.IDP) { p.Claims = map[string]any{"preferred_username": `"><script>alert(1)</script>`} })
	b := g.browser()
	if page := b.prompted("/"); strings.Contains(page.body, "<script") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Error("markup on the prompt")
	}
}

// TestCanaries holds A49, A67 and A69: no secret that passes through here is in a log, a page, a header or an entry, in good
// sign-ins and bad ones.
func TestCanaries(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	g := newGateway(t)
	g.service.Logger = zap.New(core)
	b := g.browser()
	seen := ""
	note := func(r result) {
		h := r.header.Clone()
		h.Del("Set-Cookie")
		h.Del("Location")
		seen += r.body + fmt.Sprint(h)
	}
	asked := b.toProvider("/")
	note(b.callback(asked))
	note(b.answer(b.get(browser.Base+"/stay"), "yes"))
	session := b.cookie(browser.SessionCookie).Value
	note(b.get("/"))
	note(b.get(browser.Base + "/sign-out"))
	other := g.browser()
	bad := other.toProvider("/")
	g.idp.Set(func(p *oidctest.IDP) {
		// What we sent, and what looks like a token that we do not know.
		p.TokenFail = map[string]any{"error": "invalid_grant", "error_description": "code " + bad.Get("nonce") +
			" of client-secret-canary came with " + strings.Repeat("refresh-canary", 4)}
	})
	note(other.callback(bad))
	for _, e := range logs.All() {
		seen += e.Message + fmt.Sprint(e.ContextMap())
	}
	seen += fmt.Sprintf("%+v", g.log.all)
	for name, secret := range map[string]string{
		"client secret": "client-secret-canary", "refresh token": "refresh-canary", "code": asked.Get("nonce"), "state": asked.Get("state"),
		"failed code": bad.Get("nonce"), "session cookie": session, "access token": `"access"`,
	} {
		if strings.Contains(seen, secret) {
			t.Errorf("the %s is in a log, a page or a header", name)
		}
	}
}

// TestFlowsWriteNothing: anonymous requests and unfinished sign-ins leave nothing in the store (A25).
func TestFlowsWriteNothing(t *testing.T) {
	g := newGateway(t)
	for range 50 {
		g.browser().toProvider("/")
	}
	if n := g.store.Len(); n != 0 {
		t.Errorf("%d entries", n)
	}
}

// FuzzCallback: no parameters of a callback break it, and none signs a user in.
func FuzzCallback(f *testing.F) {
	f.Add("code=c&state=s")
	f.Add("resume=AAAA")
	f.Add("state=%7e&error=access_denied&iss=x")
	g := newFuzzGateway(f)
	f.Fuzz(func(t *testing.T, query string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: browser.Base + "/callback", RawQuery: query}
		g.ServeHTTP(w, r, &access.Visit{Site: &access.Site{App: "wiki"}, Origin: "http://127.0.0.1", Host: "127.0.0.1"})
		for _, c := range w.Result().Cookies() {
			if c.Name == browser.SessionCookie || c.Name == browser.PendingCookie {
				t.Fatalf("%q set %s", query, c.Name)
			}
		}
		if w.Code == http.StatusOK || w.Code == http.StatusInternalServerError {
			t.Fatalf("%q: %d", query, w.Code)
		}
	})
}

func newFuzzGateway(f *testing.F) *Service {
	ring, err := keyring.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	p := oidc.New(oidc.Config{
		Name: "main", Issuer: "http://127.0.0.1:9", ClientID: oidctest.Client,
		Client: &http.Client{Transport: oidctest.Document{Issuer: "http://127.0.0.1:9", Next: http.DefaultTransport}},
	})
	if err := p.Discover(f.Context()); err != nil {
		f.Fatal(err)
	}
	return New(access.Config{
		Providers: []*oidc.Provider{p},
		Keys:      ring, Pages: fuzzPages(f), Log: &records{},
	})
}
