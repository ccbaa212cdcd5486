package app_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/goleak"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/session"
)

// unreachableWiki is an app with one site, and a provider that cannot be reached. Close it.
func unreachableWiki(t *testing.T) (*app.Candidate, *site.Site) {
	t.Helper()
	c := apptest.New(t, &config.App{Providers: []*config.Provider{{Name: "main", Issuer: "http://127.0.0.1:1", ClientID: "client"}}}, &config.Site{App: "wiki"})
	return c, c.Estate().Sites[0]
}

// anonymousRequest sends a site a request without a session.
func anonymousRequest(t *testing.T, h *site.Site) error {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://wiki.example.com/", nil)
	r.URL.Scheme, r.URL.Host = "", ""
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, nil)
	return h.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("the request was passed on")
		return nil
	}))
}

// Caddy cleans up an app without stopping it if another one does not start, and requests may have come by then.
func TestCleanupWithoutStop(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c, h := unreachableWiki(t)
	if err := anonymousRequest(t, h); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A request that outlives its configuration opens no service.
func TestRequestAfterCleanup(t *testing.T) {
	c, h := unreachableWiki(t)
	t.Cleanup(c.Close)
	if err := c.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if err := anonymousRequest(t, h); !errors.Is(err, session.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
