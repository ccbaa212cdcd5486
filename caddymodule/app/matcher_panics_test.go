package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/apptest"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

func init() {
	caddy.RegisterModule(new(panicMatcher))
}

// panicMatcher wants more of a request than it gets.
type panicMatcher struct{}

func (*panicMatcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.panic_for_tests", New: func() caddy.Module { return new(panicMatcher) }}
}

func (*panicMatcher) MatchWithError(r *http.Request) (bool, error) {
	return r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server).Listen[0] == "", nil
}

// A matcher that panics on an imagined request fails the query, and not the server.
func TestExplainMatcherPanics(t *testing.T) {
	a := &config.App{Providers: []*config.Provider{{Name: "entra", Issuer: "https://login.example.com", ClientID: "gateway"}}}
	c := apptest.New(t, a, &config.Site{App: "wiki", Policies: []*config.Policy{{
		Name: "odd", MatchRaw: caddyhttp.RawMatcherSets{{"panic_for_tests": json.RawMessage(`{}`)}}, Block: true,
	}}})
	t.Cleanup(c.Close)
	ex, err := c.Explain(&explain.Query{User: "alice"})
	if err == nil || !strings.Contains(err.Error(), "a matcher cannot be held against this request") {
		t.Errorf("%+v, %v", ex, err)
	}
}
