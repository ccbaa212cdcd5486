package site

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// ruled is the first site of a Caddyfile, with a provider that cannot be reached. global goes among the global options of
// latchkey, before in front of the directive, and directive is the rest of its line.
func ruled(t *testing.T, global, before, directive string) *Site {
	t.Helper()
	h, err := tryRuled(t, global, before, directive)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tryRuled(t *testing.T, global, before, directive string) (*Site, error) {
	t.Helper()
	text := "{\nlatchkey {\nprovider {\nissuer http://127.0.0.1:1\nclient_id client\nclient_secret secret\n}\n" + global +
		"\n}\n}\nwiki.example.com {\n" + before + "\nlatchkey " + directive + "\nrespond ok\n}\n"
	f, err := fixtureOf(t, text)
	if err != nil {
		return nil, err
	}
	return f.sites[0], nil
}

const opened200 = http.StatusOK

// outcome is what becomes of a request of a stranger: 200 if it reaches the application, where held tells what it came as.
func outcome(t *testing.T, h *Site, r *http.Request, held func(*http.Request)) int {
	t.Helper()
	w := httptest.NewRecorder()
	if err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		if held != nil {
			held(r)
		}
		return nil
	})); err != nil {
		if status, ok := err.(caddyhttp.HandlerError); ok { //nolint:errorlint // what Caddy's server does
			return status.StatusCode
		}
		return http.StatusInternalServerError
	}
	return w.Code
}

// places are the ways in which a rule holds a matcher against a request. Each makes a site that refuses what the matcher
// selects (401 or 403) and opens, or asks to sign in for, what it does not.
var places = map[string]func(t *testing.T, matcher string) *Site{
	"directive": func(t *testing.T, matcher string) *Site {
		return ruled(t, "", "@rule {\n"+matcher+"\n}", "@rule")
	},
	"site's policy": func(t *testing.T, matcher string) *Site {
		return ruled(t, "", "@rule {\n"+matcher+"\n}", "{\npolicy p @rule {\nblock\n}\n}")
	},
	"policy for all sites": func(t *testing.T, matcher string) *Site {
		return ruled(t, "policy p {\nmatch {\n"+matcher+"\n}\nblock\n}", "", "")
	},
}

// selected tells whether a rule holds for a request at one of places.
func selected(place string, status int) bool {
	return place == "directive" && status == http.StatusUnauthorized || status == http.StatusForbidden
}

// Field trial 2.2: a rule for GET holds for an extended CONNECT, which is a GET to the application, wherever the rule
// stands and however it asks for the method; the request itself goes on as it came.
func TestExtendedConnectIsHeldAsGet(t *testing.T) {
	for place, site := range places {
		for _, matcher := range []string{
			"method GET", "not method POST", "expression method('GET')", "expression `{http.request.method} == 'GET'`",
			"expression `{http.request.orig_method} != 'CONNECT'`", "vars {http.request.method} GET", "vars_regexp {http.request.method} ^GET$",
			"expression `{http.request.proto} == 'HTTP/3.0'`",
		} {
			t.Run(place+" "+matcher, func(t *testing.T) {
				h := site(t, matcher)
				r := prepared(http.MethodGet, "/ws", "Sec-Websocket-Version", "13")
				r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = http.MethodConnect, "websocket", 3, 0
				if got := outcome(t, h, r, nil); !selected(place, got) {
					t.Errorf("the rule does not hold: %d", got)
				}
			})
		}
	}
	h := ruled(t, "", "@rule method POST", "@rule")
	r := prepared(http.MethodGet, "/ws")
	r.Method, r.ProtoMajor, r.ProtoMinor, r.Header[":protocol"] = http.MethodConnect, 2, 0, []string{"websocket"}
	passed := false
	if got := outcome(t, h, r, func(r *http.Request) {
		passed = true
		method, _ := replacerOf(r).GetString("http.request.method")
		if r.Method != http.MethodConnect || method != http.MethodConnect || r.Header.Get(":protocol") != "websocket" {
			t.Errorf("it goes on as %s, to placeholders as %s", r.Method, method)
		}
	}); got != opened200 || !passed {
		t.Errorf("%d", got)
	}
}

// Field trial 2.1, 2.2: what is refused for its form is 400 on open paths as on closed ones, says one word why, and reaches
// neither a rule nor the application.
func TestFormIsRefused(t *testing.T) {
	h := ruled(t, "", "@private path /private*", "@private")
	for name, tt := range map[string]struct {
		method, target, word string
	}{
		"a method in lower case": {"post", "/open", "method_case"},
		"a method in mixed case": {"Delete", "/private/x", "method_case"},
		"CONNECT":                {"CONNECT", "/open", "bad_protocol"},
		"a trailing dot":         {"GET", "/private./x", "trailing_dot"},
		"a trailing blank":       {"GET", "/private%20/x", "trailing_dot"},
		"a stream":               {"GET", "/private::$INDEX_ALLOCATION/x", "stream_name"},
		"a dot segment":          {"GET", "/open/../private", "dot_segment"},
	} {
		t.Run(name, func(t *testing.T) {
			before := count(t, "caddy_latchkey_requests_total", "bad_request", tt.word)
			r := prepared(http.MethodGet, tt.target)
			r.Method = tt.method
			if got := outcome(t, h, r, func(*http.Request) { t.Error("passed on") }); got != http.StatusBadRequest {
				t.Errorf("%d", got)
			}
			if got := count(t, "caddy_latchkey_requests_total", "bad_request", tt.word); got != before+1 {
				t.Errorf("not counted as %s", tt.word)
			}
			if extra := logged(r); extra["latchkey_reason"] != tt.word || extra["latchkey_decision"] != "bad_request" {
				t.Errorf("the access log says %v", extra)
			}
		})
	}
}

// Field trial 2.1: the wish for another protocol does not reach the application, on open paths and on closed ones, unless
// the site permits it.
func TestUpgradeIsTakenOut(t *testing.T) {
	for _, tt := range []struct {
		site, wish string
		stays      bool
	}{
		{"@private", "websocket", true},
		{"@private", "h2c", false},
		{"@private", "spdy/3.1", false},
		{"@private {\nupgrade spdy/3.1\n}", "SPDY/3.1", true},
		{"@private {\nupgrade spdy/3.1\n}", "h2c", false},
	} {
		h := ruled(t, "", "@private path /private*", tt.site)
		r := prepared(http.MethodGet, "/open", "Connection", "Upgrade, HTTP2-Settings", "Upgrade", tt.wish, "Http2-Settings", "AAMAAABk")
		if got := outcome(t, h, r, func(r *http.Request) {
			if stays := r.Header.Get("Upgrade") != ""; stays != tt.stays || (r.Header.Get("Connection") != "") != tt.stays {
				t.Errorf("%s: %s goes on as %v", tt.site, tt.wish, r.Header)
			}
		}); got != opened200 {
			t.Errorf("%s: %d", tt.wish, got)
		}
	}
}

// ordinary are requests that look odd and are not. They go on byte for byte, as before.
var ordinaryRequests = []struct{ method, target string }{
	{"PROPFIND", "/dav/"},
	{"REPORT", "/dav/calendars/ada/"},
	{"MKCALENDAR", "/dav/calendars/ada/new"},
	{"VERSION-CONTROL", "/svn/!svn/vcc"},
	{"M-SEARCH", "/"},
	{"QUERY", "/search"},
	{"LOCK", "/dav/file%20name.txt"},
	{"PURGE", "/x"},
	{"OPTIONS", "/api"},
	{"PATCH", "/a"},
	{"GET", "/~ada/"},
	{"GET", "/.well-known/caldav"},
	{"GET", "/a/.hidden"},
	{"GET", "/a..b"},
	{"GET", "/v1.2/"},
	{"GET", "/compare/v1...v2"},
	{"GET", "/page.jsp;jsessionid=0A.n1"},
	{"GET", "/cars;color=red/models"},
	{"GET", "/@scope/pkg"},
	{"GET", "/a//b"},
	{"GET", "/(x)"},
	{"GET", "/fetch/https://example.com/x"},
	{"GET", "/caf%C3%A9"},
	{"GET", "/100%25"},
	{"GET", "/what%3F"},
	{"GET", "/a:b"},
	{"GET", "/a%3Ab"},
	{"GET", "/Packages(Id='x',Version='1.0')"},
	{"GET", "/v1/x:cancel"},
	{"GET", "/Patient/$everything"},
	{"GET", "/a,b"},
	{"GET", "/%E6%97%A5"},
	{"GET", "/x?q=" + strings.Repeat("a", 8000)},
	{"GET", "/x?a=1&a=2"},
	{"GET", "/x?a;b"},
	{"GET", "/x?100%"},
	{"GET", "/x?%zz=%"},
	{"GET", "/x?"},
	{"GET", "/x?a=/../..&b=%2e%2e%00"},
	{"GET", "/x?filter[a]=1&filter[b]=2"},
	{"GET", "/x?=&&="},
	{"GET", "/x?q=%ff"},
	{"GET", "/x?a=b;c=d"},
}

// Bad input of the issue: nothing that was right is refused.
func TestOrdinaryOddRequests(t *testing.T) {
	h := ruled(t, "", "@private path /private*", "@private")
	for _, tt := range ordinaryRequests {
		r := prepared(tt.method, tt.target)
		if got := outcome(t, h, r, func(r *http.Request) {
			if r.Method != tt.method || r.URL.RequestURI() != tt.target {
				t.Errorf("%s %s goes on as %s %s", tt.method, tt.target, r.Method, r.URL.RequestURI())
			}
		}); got != opened200 {
			t.Errorf("%s %s: %d", tt.method, tt.target, got)
		}
	}
	keeps := ruled(t, "", "@private path /private*", "@private {\ntrailing_dots keep\n}")
	for _, target := range []string{"/wiki/Example_Inc.", "/wiki/What%20is%20this.../Talk", "/files/New%20/x"} {
		if got := outcome(t, keeps, prepared(http.MethodGet, target), func(r *http.Request) {
			if r.URL.RequestURI() != target {
				t.Errorf("%s goes on as %s", target, r.URL.RequestURI())
			}
		}); got != opened200 {
			t.Errorf("%s: %d", target, got)
		}
	}
}

// logged is what the access log is told of a request in text.
func logged(r *http.Request) map[string]string {
	out := map[string]string{}
	extra, _ := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	fields := reflect.ValueOf(extra).Elem().FieldByName("fields")
	for i := range fields.Len() {
		out[fields.Index(i).FieldByName("Key").String()] = fields.Index(i).FieldByName("String").String()
	}
	return out
}

func replacerOf(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
