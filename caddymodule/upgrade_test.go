package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A23: a page of another origin opens no WebSocket with somebody's session, over whatever version of HTTP.
func TestForeignUpgrade(t *testing.T) {
	const own = "https://wiki.example.com"
	h := &Handler{Origins: []string{"https://tools.example.com"}}
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
			if got := h.foreignUpgrade(r, own); got != tt.foreign {
				t.Errorf("foreign: %v", got)
			}
		})
	}
}
