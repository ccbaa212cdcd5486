package crossorigin

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Field trial 5.4: what is passed on without a session is a preflight of an origin that the site names, and nothing else.
func TestPreflight(t *testing.T) {
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodOptions, "/api", nil)
		r.Header["Origin"] = []string{"https://script.example.com"}
		r.Header["Access-Control-Request-Method"] = []string{"PUT"}
		return r
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   bool
	}{
		"real":               {func(*http.Request) {}, true},
		"another method":     {func(r *http.Request) { r.Method = http.MethodGet }, false},
		"no wish":            {func(r *http.Request) { r.Header.Del("Access-Control-Request-Method") }, false},
		"an empty wish":      {func(r *http.Request) { r.Header.Set("Access-Control-Request-Method", "") }, false},
		"two wishes":         {func(r *http.Request) { r.Header.Add("Access-Control-Request-Method", "GET") }, false},
		"no origin":          {func(r *http.Request) { r.Header.Del("Origin") }, false},
		"another origin":     {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }, false},
		"no page":            {func(r *http.Request) { r.Header.Set("Origin", "null") }, false},
		"two origins":        {func(r *http.Request) { r.Header.Add("Origin", "https://evil.example.com") }, false},
		"another protocol":   {func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false},
		"an app's own words": {func(r *http.Request) { r.Header.Set("Access-Control-Request-Headers", "x-app") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := request()
			tt.change(r)
			if got := Preflight(r, []string{"https://script.example.com"}); got != tt.want {
				t.Errorf("preflight: %v", got)
			}
			if Preflight(r, nil) {
				t.Error("a preflight where the site names no origin")
			}
		})
	}
}
