package lint

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A site whose directive nothing can come before is not parsed, and only such a site.
func TestStandsFirst(t *testing.T) {
	const (
		directive = `{"app":"wiki","handler":"latchkey","position":"Caddyfile:7"}`
		proxy     = `{"handler":"reverse_proxy","upstreams":[{"dial":"127.0.0.1:80"}]}`
		redirects = `{"handler":"static_response","headers":{"Location":["/y"]}}`
	)
	within := func(handlers string) string {
		return `{"handler":"subroute","routes":[{"handle":[` + handlers + `]}]}`
	}
	earlier := func(handler string) string { return `{"handle":[` + handler + `]},` }
	for name, row := range map[string]struct {
		before, route string
		want          bool
	}{
		"as the adapter writes it": {"", `{"terminal":true,"match":[{"host":["a.com"]}],"handle":[` + within(directive+","+proxy) + `]}`, true},
		"deeper":                   {"", `{"terminal":true,"handle":[` + within(within(directive)+","+redirects) + `]}`, true},
		"not in a subroute":        {"", `{"terminal":true,"handle":[` + directive + `]}`, true},
		"two handlers":             {"", `{"terminal":true,"handle":[` + redirects + "," + directive + `]}`, false},
		"not terminal":             {"", `{"handle":[` + within(directive) + `]}`, false},
		"after another handler":    {"", `{"terminal":true,"handle":[` + within(redirects+","+directive) + `]}`, false},
		"no directive":             {"", `{"terminal":true,"handle":[` + within(proxy) + `]}`, false},
		"two directives":           {"", `{"terminal":true,"handle":[` + within(directive+","+redirects+","+directive) + `]}`, false},
		"a matcher inside":         {"", `{"terminal":true,"handle":[{"handler":"subroute","routes":[{"match":[{"path":["/x"]}],"handle":[` + directive + `]}]}]}`, false},
		"a matcher outside":        {"", `{"terminal":true,"match":[{"path":["/x"]}],"handle":[` + within(directive) + `]}`, false},
		"an escaped name":          {"", `{"terminal":true,"handle":[` + within(`{"handler":"stat\u0069c_response"},`+directive) + `]}`, false},
		"spaces":                   {"", `{"terminal":true,"handle":[` + within(`{"handler": "static_response"},`+directive) + `]}`, false},
		"a redirect before":        {earlier(redirects), `{"terminal":true,"handle":[` + within(directive) + `]}`, false},
		"a rewrite before":         {earlier(`{"handler":"rewrite","strip_path_prefix":"/x"}`), `{"terminal":true,"handle":[` + within(directive) + `]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var routes caddyhttp.RouteList
			if err := json.Unmarshal([]byte("["+row.before+row.route+"]"), &routes); err != nil {
				t.Fatal(err)
			}
			s := NewRoutes()
			s.Follow(routes[:len(routes)-1], nil)
			if got := s.standsFirst(&routes[len(routes)-1]); got != row.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
