package crossorigin

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A23: a page of another origin opens no WebSocket with a user's session, over any version of HTTP.
func TestUpgrade(t *testing.T) {
	const own = "https://wiki.example.com"
	allowed := []string{"https://tools.example.com"}
	upgrade := func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }
	connect := func(r *http.Request) { r.Method, r.Header[":protocol"] = http.MethodConnect, []string{"websocket"} }
	for name, tt := range map[string]struct {
		kind    func(*http.Request)
		origins []string
		foreign bool
	}{
		"its own page":             {upgrade, []string{own}, false},
		"its own page, HTTP/2":     {connect, []string{own}, false},
		"a page that may":          {upgrade, []string{"https://tools.example.com"}, false},
		"no page":                  {upgrade, nil, false},
		"no page, HTTP/2":          {connect, nil, false},
		"a sister host":            {upgrade, []string{"https://evil.example.com"}, true},
		"a sister host, HTTP/2":    {connect, []string{"https://evil.example.com"}, true},
		"without encryption":       {upgrade, []string{"http://wiki.example.com"}, true},
		"another port":             {upgrade, []string{own + ":8443"}, true},
		"a longer name":            {upgrade, []string{own + ".evil.test"}, true},
		"a sandbox":                {upgrade, []string{"null"}, true},
		"nothing":                  {upgrade, []string{""}, true},
		"two":                      {upgrade, []string{own, "https://evil.test"}, true},
		"a form of a sister host":  {func(r *http.Request) { r.Method = http.MethodPost }, []string{"https://evil.example.com"}, false},
		"a fetch of a sister host": {func(*http.Request) {}, []string{"https://evil.example.com"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/ws", nil)
			tt.kind(r)
			if tt.origins != nil {
				r.Header["Origin"] = tt.origins
			}
			if got := Upgrade(r, own, allowed); got != tt.foreign {
				t.Errorf("foreign: %v", got)
			}
		})
	}
}

// A23, field trial 5.4: a page of another origin sends nothing that changes something. Both headers have to say that there is
// such a page.
func TestWrite(t *testing.T) {
	const own = "https://wiki.example.com"
	origins, cors := []string{"https://tools.example.com", "app://x"}, []string{"https://script.example.com"}
	for name, tt := range map[string]struct {
		method, site string
		origins      []string
		foreign      bool
	}{
		"its own page":                       {"POST", "same-origin", []string{own}, false},
		"its own page without a referrer":    {"POST", "same-origin", []string{"null"}, false},
		"behind a proxy not trusted":         {"POST", "same-origin", []string{"https://public.example.com"}, false},
		"by the user":                        {"POST", "none", []string{"null"}, false},
		"a page that may":                    {"POST", "same-site", []string{"https://tools.example.com"}, false},
		"an app that may":                    {"POST", "cross-site", []string{"app://x"}, false},
		"a script that may":                  {"PUT", "same-site", []string{"https://script.example.com"}, false},
		"a program":                          {"POST", "", nil, false},
		"an old browser":                     {"POST", "", []string{"https://evil.example.com"}, false},
		"a link":                             {"GET", "same-site", []string{"https://evil.example.com"}, false},
		"HEAD":                               {"HEAD", "same-site", []string{"https://evil.example.com"}, false},
		"a preflight":                        {"OPTIONS", "same-site", []string{"https://evil.example.com"}, false},
		"names no origin":                    {"POST", "same-site", nil, false},
		"a sister host":                      {"POST", "same-site", []string{"https://evil.example.com"}, true},
		"a sister host, PUT":                 {"PUT", "same-site", []string{"https://evil.example.com"}, true},
		"a sister host, DELETE":              {"DELETE", "same-site", []string{"https://evil.example.com"}, true},
		"a sister host, a method of its own": {"PROPPATCH", "same-site", []string{"https://evil.example.com"}, true},
		"another site":                       {"POST", "cross-site", []string{"https://evil.test"}, true},
		"another port":                       {"POST", "same-site", []string{own + ":8443"}, true},
		"a sandbox, or after a redirect":     {"POST", "cross-site", []string{"null"}, true},
		"a sister host without a referrer":   {"POST", "same-site", []string{"null"}, true},
		"two origins":                        {"POST", "same-site", []string{own, "https://evil.test"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			if tt.site != "" {
				r.Header["Sec-Fetch-Site"] = []string{tt.site}
			}
			if tt.origins != nil {
				r.Header["Origin"] = tt.origins
			}
			if got := Write(r, own, origins, cors); got != tt.foreign {
				t.Errorf("foreign: %v", got)
			}
		})
	}
}
