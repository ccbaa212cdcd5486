package site

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// change makes a request what a row of the table is about.
type change func(*http.Request)

func target(s string) change {
	return func(r *http.Request) {
		u, err := r.URL.Parse(s)
		if err != nil {
			panic(err)
		}
		u.Scheme, u.Host = "", ""
		*r.URL, r.RequestURI = *u, s
		original := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
		*original.URL = *u
	}
}

func header(name string, values ...string) change {
	return func(r *http.Request) { r.Header[name] = values }
}

func host(h string) change { return func(r *http.Request) { r.Host = h } }

func clientAddress(ip string) change {
	return func(r *http.Request) { caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, ip) }
}

// matcherRows follow the table in docs/requests.md: each of Caddy's matchers, a request for which the rule holds, and what
// would make it answer "no" while the application sees the same as before.
var matcherRows = []struct {
	matcher string
	holds   change
	doubt   map[string]change
	status  int // what the doubtful ones get; 0 is 400
}{
	{"query role=admin", target("/x?role=admin"), map[string]change{
		"a broken escape elsewhere": target("/x?role=admin&a=%"), "a broken escape": target("/x?role=admin&%zz"), "a semicolon": target("/x?role=admin;a"),
		"twice": target("/x?role=user&role=admin"), "twice, the other way": target("/x?role=admin&role=user"), "another case": target("/x?Role=admin"),
		"an array": target("/x?role[]=admin"), "a leading blank": target("/x?%20role=admin"), "a NUL": target("/x?role%00x=admin"),
	}, 0},
	{"query a_b=1", target("/x?a_b=1"), map[string]change{"a dot": target("/x?a.b=1"), "a blank": target("/x?a+b=1")}, 0},
	{"not query public=1", target("/x"), map[string]change{"broken": target("/x?public=1&%"), "twice": target("/x?public=1&public=0")}, 0},
	{"expression query({'role': 'admin'})", target("/x?role=admin"), map[string]change{
		"broken": target("/x?role=admin&%"), "twice": target("/x?role=user&role=admin"), "another case": target("/x?ROLE=admin"),
	}, 0},
	{"expression `{http.request.uri.query.role} == 'admin'`", target("/x?role=admin"), map[string]change{
		"broken": target("/x?role=admin;x"), "twice": target("/x?role=user&role=admin"), "an array": target("/x?role[]=admin"),
	}, 0},
	{"vars {http.request.uri.query.role} admin", target("/x?role=admin"), map[string]change{
		"broken": target("/x?role=admin;x"), "twice": target("/x?role=user&role=admin"),
	}, 0},
	{"vars_regexp {http.request.uri} role=admin", target("/x?role=admin"), map[string]change{
		"an escape": target("/x?role=%61dmin"), "broken": target("/x?role=admin&%"), "an escape in the path": target("/%78?role=admin"),
	}, 0},
	{"path /admin*", target("/admin/users"), map[string]change{
		"a trailing dot": target("/admin./users"), "a stream": target("/admin::$INDEX_ALLOCATION/users"),
	}, 0},
	{"path /admin/*", target("/admin/users"), map[string]change{"parameters": target("/admin;x/users"), "parameters, encoded": target("/admin%3bx/users")}, 0},
	{"path_regexp (?i)^/admin/", target("/ADMIN/users"), map[string]change{"parameters": target("/admin;x/users")}, 0},
	{"not path /public /public/*", target("/private"), map[string]change{"parameters": target("/public;/x")}, 0},
	{"expression path('/admin/*')", target("/admin/x"), map[string]change{"parameters": target("/admin;x/y")}, 0},
	{"expression `{http.request.orig_uri.path}.startsWith('/admin/')`", target("/admin/x"), map[string]change{"parameters": target("/admin;x/y")}, 0},
	{"method DELETE", func(r *http.Request) { r.Method = "DELETE" }, map[string]change{
		"lower case": func(r *http.Request) { r.Method = "delete" },
	}, 0},
	{"header X-Role admin", header("X-Role", "admin"), map[string]change{
		"two lines": header("X-Role", "user", "admin"), "an underscore": header("X_role", "admin"), "a dot": header("X.role", "admin"),
	}, 0},
	{"header_regexp X-Role ^admin$", header("X-Role", "admin"), map[string]change{
		"two lines": header("X-Role", "user", "admin"), "an underscore": header("X_role", "admin"),
	}, 0},
	{"not header X-Role guest", header("X-Role", "user"), map[string]change{"two lines": header("X-Role", "guest", "admin")}, 0},
	{"expression header({'X-Role': 'admin'})", header("X-Role", "admin"), map[string]change{"an underscore": header("X_role", "admin")}, 0},
	{"expression `{http.request.header.X-Role} == 'admin'`", header("X-Role", "admin"), map[string]change{
		"two lines": header("X-Role", "user", "admin"), "an underscore": header("X_role", "admin"),
	}, 0},
	{"header Host wiki.example.com", host("wiki.example.com"), map[string]change{
		"upper case": host("WIKI.example.com"), "a trailing dot": host("wiki.example.com."),
	}, 0},
	{"host wiki.example.com", host("WIKI.example.com:443"), map[string]change{"a trailing dot": host("wiki.example.com.")}, 0},
	{"expression host('wiki.example.com')", host("wiki.example.com"), map[string]change{"a trailing dot": host("wiki.example.com.")}, 0},
	{"expression `{http.request.host} == 'wiki.example.com'`", host("wiki.example.com"), map[string]change{"upper case": host("Wiki.example.com")}, 0},
	{"protocol grpc", header("Content-Type", "application/grpc+proto"), map[string]change{
		"another case": header("Content-Type", "Application/gRPC"), "two lines": header("Content-Type", "text/plain", "application/grpc"),
	}, 0},
	{"client_ip 192.0.2.0/24", clientAddress("192.0.2.7"), map[string]change{"no address": clientAddress("@")}, http.StatusForbidden},
	{"expression client_ip('192.0.2.0/24')", clientAddress("::ffff:192.0.2.7"), map[string]change{"no address": clientAddress("")}, http.StatusForbidden},
	{"remote_ip 192.0.2.0/24", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" }, map[string]change{
		"no address": func(r *http.Request) { r.RemoteAddr = "@" },
	}, http.StatusForbidden},
	{"remote_ip 192.0.2.7", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" }, map[string]change{
		"IPv4 in IPv6 form": func(r *http.Request) { r.RemoteAddr = "[::ffff:192.0.2.7]:1" },
	}, http.StatusForbidden},
	{"expression remote_ip('192.0.2.0/24')", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" }, map[string]change{
		"IPv4 in IPv6 form": func(r *http.Request) { r.RemoteAddr = "[::ffff:192.0.2.7]:1" },
	}, http.StatusForbidden},
	{"not client_ip 198.51.100.0/24", clientAddress("::ffff:192.0.2.7"), nil, 0},
	{"tls", overTLS(true), nil, 0},
	{"tls early_data", overTLS(false), nil, 0},
	{"not tls early_data", overTLS(true), nil, 0},
	{"vars {http.request.tls.client.subject} CN=ada", clientCertificate("ada"), nil, 0},
	{"expression `{http.request.tls.client.subject} == 'CN=ada'`", clientCertificate("ada"), nil, 0},
	{"of_a_plugin", target("/x?plugin=1"), map[string]change{
		"a query that does not parse": target("/x?plugin=1&a=%"), "a semicolon": target("/x?plugin=1;a"), "parameters": target("/x;plugin=2?plugin=0"),
	}, 0},
	{"not of_a_plugin", target("/x"), map[string]change{"a query that does not parse": target("/x?%")}, 0},
	{"url_pattern /admin/:page", target("/admin/users"), map[string]change{"a host that is no number": host("wiki.1")}, 0},
	{"url_pattern /x?role=admin", target("/x?role=admin"), map[string]change{"an escape": target("/x?role=%61dmin")}, 0},
	{"file /readings.go", target("/x"), map[string]change{"none": func(r *http.Request) { r.Method = "get" }}, 0},
	{"expression int({http.request.header.X-Level})<5", header("X-Level", "3"), map[string]change{
		"no number": header("X-Level", "x"),
	}, http.StatusForbidden},
}

// Field trial 2.3: what would make a matcher answer "no" while the application sees what it was meant for is refused,
// wherever the rule stands; nothing else is.
func TestMatchersDoNotSaySoftlyNo(t *testing.T) {
	for place, site := range places {
		for _, row := range matcherRows {
			t.Run(place+" "+row.matcher, func(t *testing.T) {
				h := site(t, row.matcher)
				request := func(c change) *http.Request {
					r := prepared(http.MethodGet, "/x")
					caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "198.51.100.1")
					c(r)
					return r
				}
				if got := outcome(t, h, request(row.holds), nil); !selected(place, got) {
					t.Errorf("the rule does not hold: %d", got)
				}
				for name, doubt := range row.doubt {
					want := row.status
					if want == 0 {
						want = http.StatusBadRequest
					}
					if row.status == http.StatusForbidden && place == "directive" {
						want = http.StatusInternalServerError
					}
					r := request(doubt)
					if got := outcome(t, h, r, func(*http.Request) { t.Errorf("%s: passed on", name) }); got != want {
						t.Errorf("%s: %d, want %d", name, got, want)
					}
				}
			})
		}
	}
}

// What no rule reads does not matter, and what every rule reads in the same way is accepted.
func TestMatchersLeaveTheRestAlone(t *testing.T) {
	for _, tt := range []struct {
		matcher string
		is      change
	}{
		{"path /private*", target("/x?%zz;a&a=1&a=2")},
		{"path /private*", target("/x;v=1/y")},
		{"path /private*", header("X_role", "admin")},
		{"path /private*", host("wiki.example.com.")},
		{"query role=admin", target("/x?tag=a&tag=b&q=%ff")},
		{"query role=admin", target("/x?role=user&role=user")},
		{"query filter[a]=1", target("/x?filter[b]=2&filter[c]=3")},
		{"header X-Role admin", header("Accept", "text/html", "*/*")},
		{"header X-Role admin", header("X-Role", "user", "user")},
		{"header X-Role admin", target("/x?%zz")},
		{"method POST", target("/x?%zz&a;b")},
		{"host private.example.com", host("WIKI.example.com")},
		{"expression path('/private*')&&method('POST')", target("/x?%zz")},
		{"query role=admin", target("/x?")},
	} {
		h := places["directive"](t, tt.matcher)
		r := prepared(http.MethodGet, "/x")
		tt.is(r)
		before := r.URL.RequestURI()
		if got := outcome(t, h, r, func(r *http.Request) {
			if r.URL.RequestURI() != before {
				t.Errorf("%s: goes on as %s", before, r.URL.RequestURI())
			}
		}); got != opened200 {
			t.Errorf("%s: %s %v: %d", tt.matcher, before, r.Header, got)
		}
	}
	keeps := ruled(t, "", "@private path /admin/*", "@private {\npath_parameters keep\n}")
	r := prepared(http.MethodGet, "/admin;x/users")
	if got := outcome(t, keeps, r, nil); got != opened200 {
		t.Errorf("a site whose application keeps semicolons: %d", got)
	}
	off := ruled(t, "policy p {\nmode off\nmatch {\nquery a=1\n}\nblock\n}\npolicy r {\nmode report_only\nmatch {\nquery a=1\n}\nblock\n}\n"+
		"policy s {\ninclude app other.example.com\nmatch {\nquery a=1\n}\nblock\n}", "@private path /private*", "@private")
	if got := outcome(t, off, prepared(http.MethodGet, "/x?%zz"), nil); got != opened200 {
		t.Errorf("policies without effect here: %d", got)
	}
}

// A matcher that can never hold is no rule: it is refused when the configuration is loaded, wherever it stands.
func TestMatchersThatNeverHold(t *testing.T) {
	for matcher, want := range map[string]string{
		"protocol HTTPS":                               "never matches",
		"protocol http/1":                              "never matches",
		"expression protocol('spdy')":                  "never matches",
		"expression method('post')":                    "upper case",
		"path /[a":                                     "never matches",
		"path /a%62*":                                  "one spelling",
		"path /a%3Ab":                                  "one spelling",
		"expression path('/a%62')":                     "one spelling",
		"vars {http.auth.user.id} ada":                 "no value yet",
		"expression {http.latchkey.provider}=='entra'": "no value yet",
		"header X-Role {http.auth.user.id}":            "no value yet",
		"not protocol HTTPS":                           "never matches",
	} {
		for place, load := range map[string][3]string{
			"directive":            {"", "@rule {\n" + matcher + "\n}", "@rule"},
			"site's policy":        {"", "@rule {\n" + matcher + "\n}", "{\npolicy p @rule {\nblock\n}\n}"},
			"policy for all sites": {"policy p {\nmatch {\n" + matcher + "\n}\nblock\n}", "", ""},
		} {
			if _, err := tryRuled(t, load[0], load[1], load[2]); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v", place, matcher, err)
			}
		}
	}
	for _, matcher := range []string{"vars {method} GET", "expression `{method} == 'GET'`", "vars_regexp {query.role} admin", "header X {host}"} {
		if _, err := tryRuled(t, "policy p {\nmatch {\n"+matcher+"\n}\nblock\n}", "", ""); err == nil || !strings.Contains(err.Error(), "short names") {
			t.Errorf("%s: %v", matcher, err)
		}
		if _, err := tryRuled(t, "", "@rule {\n"+matcher+"\n}", "@rule"); err != nil {
			t.Errorf("%s in a site: %v", matcher, err)
		}
	}
	for _, matcher := range []string{"path /caf%C3%A9*", "path /a%20b", "path /100%25", "path /a/%*/b"} {
		if _, err := tryRuled(t, "", "@rule {\n"+matcher+"\n}", "@rule"); err != nil {
			t.Errorf("%s: %v", matcher, err)
		}
	}
}
