package site

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// wiki is a site with a provider that cannot be reached.
func wiki(t *testing.T) (*fixture, *Site) {
	t.Helper()
	app := &config.App{Providers: []*config.Provider{{Name: "main", Issuer: "http://127.0.0.1:1", ClientID: "client"}}}
	f := newFixture(t, app, &config.Site{App: "wiki"})
	return f, f.sites[0]
}

// prepared is a request as Caddy's server hands it to its routes.
func prepared(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "https://wiki.example.com"+target, nil)
	r.URL.Scheme, r.URL.Host, r.RequestURI = "", "", target
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
}

// never fails a test if a request is passed on.
func never(t *testing.T) caddyhttp.Handler {
	return caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("the request was passed on")
		return nil
	})
}

// A site rewrites before it asks who is there, as single-page apps do with try_files: sign-in must answer all the same.
func TestEndpointsBehindARewrite(t *testing.T) {
	_, h := wiki(t)
	for original, want := range map[string]int{
		"/.latchkey/signed-out": http.StatusOK, "/.latchkey/callback?state=x": http.StatusBadRequest, "/.latchkey/x": http.StatusNotFound,
		"/.latchkeys": http.StatusUnauthorized, "/": http.StatusUnauthorized,
	} {
		r := prepared(http.MethodGet, original)
		r.URL.Path, r.URL.RawQuery = "/index.html", ""
		w := httptest.NewRecorder()
		if err := h.ServeHTTP(w, r, never(t)); err != nil || w.Code != want {
			t.Errorf("%s: %d, %v, want %d", original, w.Code, err, want)
		}
	}
	// Nor does what strips a prefix hide them.
	r := prepared(http.MethodGet, "/wiki/.latchkey/signed-out")
	r.URL.Path = "/.latchkey/signed-out"
	w := httptest.NewRecorder()
	if err := h.ServeHTTP(w, r, never(t)); err != nil || w.Code != http.StatusOK {
		t.Errorf("behind a prefix: %d, %v", w.Code, err)
	}
}

// A35: whatever a handler in front of error routes answers, those never see what a client may not say.
func TestErrorRoutesSeeAScrubbedRequest(t *testing.T) {
	f, h := wiki(t)
	f.stop() // a request that outlives its configuration
	for _, target := range []string{"/", "/a/..;/b", "/.latchkey/stay"} {
		r := prepared(http.MethodGet, target, "Remote-User", "admin", "Connection", "X-Trace", "Cookie", "a=b; __Host-latchkey=secret")
		if err := h.ServeHTTP(httptest.NewRecorder(), r, never(t)); err == nil {
			t.Fatalf("%s: answered without a service", target)
		}
		if r.Header.Get("Remote-User") != "" || r.Header.Get("Connection") != "" || r.Header.Get("Cookie") != "a=b" {
			t.Errorf("%s: %v", target, r.Header)
		}
	}
}

// Only a page being opened and what changes something count as use of a session by default.
func TestActivity(t *testing.T) {
	html := []string{"Accept", "text/html"}
	for _, tt := range []struct {
		method string
		header []string
		want   bool
	}{
		{http.MethodGet, html, true},
		{http.MethodGet, nil, false},
		{http.MethodGet, []string{"Accept", "text/html", "Upgrade", "websocket"}, false},
		{http.MethodHead, html, false},
		{http.MethodOptions, html, false},
		{http.MethodTrace, html, false},
		{http.MethodConnect, []string{":protocol", "websocket"}, false}, // a WebSocket over HTTP/2 (RFC 8441)
		{http.MethodPost, nil, true},
		{http.MethodDelete, nil, true},
		{"PROPPATCH", nil, true},
	} {
		r := prepared(tt.method, "/", tt.header...)
		if got := activityNavigation.counts(r); got != tt.want {
			t.Errorf("%s %v: %t", tt.method, tt.header, got)
		}
		if !activityAny.counts(r) || activityNone.counts(r) {
			t.Errorf("%s: any and none", tt.method)
		}
	}
}

// A20: what a proxy says of scheme and host counts if Caddy trusts it, and in the words that proxies use for sockets.
func TestVisitBehindAProxy(t *testing.T) {
	_, h := wiki(t)
	for _, tt := range []struct {
		proto   string
		trusted bool
		want    string
	}{
		{"https", true, "https://other.example.com"},
		{"HTTPS", true, "https://other.example.com"},
		{"wss", true, "https://other.example.com"},
		{"http, https", true, "https://other.example.com"},
		{"https, http", true, "http://other.example.com"},
		{"ws", true, "http://other.example.com"},
		{"https", false, "http://wiki.example.com"},
	} {
		r := prepared(http.MethodGet, "/", "X-Forwarded-Proto", tt.proto, "X-Forwarded-Host", "Other.Example.com")
		r.TLS = nil
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, tt.trusted)
		p := newRequest(r)
		err := h.visit(p, r, nil)
		if v := &p.visit; err != nil || v.Origin != tt.want || v.Secure != strings.HasPrefix(tt.want, "https:") {
			t.Errorf("%s, trusted %t: %q, secure %t, %v", tt.proto, tt.trusted, p.visit.Origin, p.visit.Secure, err)
		}
	}
}

// A17, A20, field trial: an application must not take the address of a client, the port, the prefix or the certificate from
// what the client itself says. From a proxy that Caddy trusts they arrive, on open paths as on closed ones.
func TestOnlyAProxySaysWhereARequestComesFrom(t *testing.T) {
	_, h := wiki(t)
	said := []string{"X-Real-Ip", "10.0.0.1", "Cf-Connecting-Ip", "10.0.0.1", "X-Forwarded-Port", "8443", "X-Forwarded-Prefix", "/admin", "Client-Cert", ":MII:"}
	for _, trusted := range []bool{false, true} {
		r := prepared(http.MethodGet, "/", said...)
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, trusted)
		if err := h.ServeHTTP(httptest.NewRecorder(), r, never(t)); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(said); i += 2 {
			if got := r.Header.Get(said[i]) == said[i+1]; got != trusted {
				t.Errorf("trusted %t: %s arrives: %t", trusted, said[i], got)
			}
		}
	}
}

// The path and query to return to are those that net/url makes of the URL, whatever the client has sent.
func TestPathAndQuery(t *testing.T) {
	shared := 0
	for _, sent := range []string{
		"/", "/page", "/page?of=wiki", "/page?", "/page?a=1?b=2", "/a%20b?c=%20", "/a b?c", "/%7Euser?x", "/~user?x", "/a%2Fb?x", "/ü?x", "//evil.test/?x",
		"//?x", "https://wiki.example.com/page?of=wiki", "https://wiki.example.com?x", "*", "/a;b?x", "/a%zz?x", "/?#x", "/page?of=wiki#part",
	} {
		u, err := url.ParseRequestURI(sent)
		if err != nil {
			continue
		}
		got := pathAndQuery(sent, u)
		if want := u.RequestURI(); got != want {
			t.Errorf("%s: %q, want %q", sent, got, want)
		}
		if got == sent && strings.Contains(sent, "?") && testing.AllocsPerRun(10, func() { pathAndQuery(sent, u) }) == 0 {
			shared++
		}
	}
	if shared < 5 {
		t.Errorf("%d share the memory of the request", shared)
	}
}

func FuzzPathAndQuery(f *testing.F) {
	f.Add("/page?of=wiki", "/page?of=wiki")
	f.Add("/page?of=wiki", "/other?of=wiki")
	f.Fuzz(func(t *testing.T, sent, parsed string) {
		if u, err := url.ParseRequestURI(parsed); err == nil && pathAndQuery(sent, u) != u.RequestURI() {
			t.Errorf("%q of %q", pathAndQuery(sent, u), parsed)
		}
	})
}
