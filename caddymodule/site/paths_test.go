package site

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// Empty segments pass the scrubbing because Caddy's matchers merge them before they compare: a rule for a path holds
// whether the upstream merges them or not (A29, A58, A59).
func TestMatchersMergeEmptySegments(t *testing.T) {
	prefix := caddyhttp.MatchPath{"/admin/*"}
	exact := caddyhttp.MatchPath{"/admin/users"}
	re := caddyhttp.MatchPathRE{MatchRegexp: caddyhttp.MatchRegexp{Pattern: "^/admin/users$"}}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	if err := re.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/admin/users", "/admin//users", "/admin///users", "/Admin//Users", "/admin/%75sers", "/%61dmin//users"} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := new(scrub.Rules).Path(u); err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		r := withReplacer(httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		for name, m := range map[string]caddyhttp.RequestMatcherWithError{"prefix": prefix, "exact": exact, "regexp": re} {
			if name == "regexp" && target == "/Admin//Users" {
				continue // regular expressions mind the case
			}
			if ok, err := m.MatchWithError(r); !ok || err != nil {
				t.Errorf("%s: the %s matcher says %v, %v", target, name, ok, err)
			}
		}
	}
	if u, _ := url.ParseRequestURI("//admin/users"); new(scrub.Rules).Path(u) == nil {
		t.Error("a path that begins with two slashes is let through")
	}
}

func withReplacer(r *http.Request) *http.Request {
	repl := caddyhttp.NewTestReplacer(r)
	return r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl))
}
