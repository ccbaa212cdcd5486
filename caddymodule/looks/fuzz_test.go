package looks

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
)

// readAs is every value that some framework takes for that of a name in a query: in any case, with what PHP reads as the same
// name or as an array of it.
func readAs(raw, name string) (values []string) {
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			continue
		}
		key, _, _ = strings.Cut(key, "\x00")
		key, _, _ = strings.Cut(strings.TrimLeft(key, " "), "[")
		if !strings.EqualFold(strings.NewReplacer(".", "_", " ", "_").Replace(key), name) {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// Field trial 2.3: what is not refused has one reading. Every framework finds the value in the query that Caddy's matcher finds,
// and every server behind CGI the one in the header.
func FuzzCheck(f *testing.F) {
	f.Add("role=admin", "X-Role", "admin", "", "wiki.example.com")
	f.Add("role=admin&role=user", "X_Role", "admin", "user", "WIKI.example.com.")
	f.Add("Role[]=admin&ro.le=x;y%", "x.role", "user", "admin", "[::1]:443")
	f.Add("%72ole=admin&user_role.x=1&role%00x=user", "X-Other", "", "", "wiki.1")
	set, empty := new(Set), new(Set)
	query, header, host := caddyhttp.MatchQuery{"role": {"admin"}}, caddyhttp.MatchHeader{"X-Role": {"admin"}}, caddyhttp.MatchHost{"wiki.example.com"}
	if err := set.Add(caddyhttp.MatcherSets{{&query, &header, &host}}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw, name, one, two, to string) {
		r := &http.Request{Method: http.MethodGet, Host: to, URL: &url.URL{Path: "/", RawQuery: raw}, Header: http.Header{"X-Role": {one}, name: {two}}}
		if err := empty.Check(r, nil); err != nil {
			t.Fatalf("refused, and no rule looks at anything: %v", err)
		}
		if err := set.Check(r, nil); err != nil {
			if refusal := scrub.Refusal(""); !errors.As(err, &refusal) {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		values := readAs(raw, "role")
		for _, v := range values {
			if v != values[0] {
				t.Fatalf("%q: read as %q", raw, values)
			}
		}
		held, err := url.ParseQuery(raw)
		if err != nil || (held.Get("role") == "admin") != (len(values) > 0 && values[0] == "admin") {
			t.Fatalf("%q: the rule reads %q, applications %q, %v", raw, held["role"], values, err)
		}
		for other, values := range r.Header {
			cgi := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(other))
			if cgi == "X_ROLE" && (other != "X-Role" || len(values) == 0) {
				t.Fatalf("header %q is %q to CGI", other, cgi)
			}
		}
		if canonical, ok := scrub.Host(to); !ok || strings.HasSuffix(canonical, ".") {
			t.Fatalf("host %q passed: %q", to, canonical)
		}
	})
}

// What stands in an expression is taken up or refused, whatever it is. What a placeholder of the query is read for has to be
// parsed.
func FuzzExpression(f *testing.F) {
	f.Add("{http.request.uri.query.role} == 'admin' && method('POST')")
	f.Add("path('/a', \"/b\\\"\") || client_ip('10.0.0.0/8') || protocol('https')")
	f.Add("header({'X-Role': ['admin']}) && {query.role")
	ctx, cancel := caddy.NewContext(caddy.Context{Context: f.Context()})
	f.Cleanup(cancel)
	f.Fuzz(func(t *testing.T, text string) {
		set, matcher := new(Set), &caddyhttp.MatchExpression{Expr: text}
		if matcher.Provision(ctx) != nil || set.Add(caddyhttp.MatcherSets{{matcher}}) != nil {
			return
		}
		if strings.Contains(text, "{http.request.uri.query.role}") && !set.query {
			t.Fatalf("%q: the query is not looked at", text)
		}
		r := &http.Request{Method: http.MethodGet, Host: "wiki.example.com", URL: &url.URL{Path: "/"}, Header: http.Header{}}
		if err := set.Check(r, nil); err != nil {
			t.Fatalf("%q: an ordinary request is refused: %v", text, err)
		}
	})
}
