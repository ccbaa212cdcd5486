package signin

import (
	"net/http"
	"testing"
)

func TestClassify(t *testing.T) {
	html := "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		name, method string
		header       map[string]string
		want         Navigation
	}{
		{"page", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, NavigationGet},
		{"page, old browser", "GET", map[string]string{"Accept": html}, NavigationGet},
		{"form", "POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, NavigationForm},
		{"form, old browser", "POST", map[string]string{"Accept": html}, NavigationForm},
		{"fetch", "GET", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": html}, NotNavigation},
		{"image", "GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, NotNavigation},
		{"frame", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, NotNavigation},
		{"XHR", "GET", map[string]string{"X-Requested-With": "XMLHttpRequest", "Accept": html}, NotNavigation},
		{"WebSocket", "GET", map[string]string{"Upgrade": "websocket", "Accept": html}, NotNavigation},
		{"prefetch", "GET", map[string]string{"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, NotNavigation},
		{"API client", "GET", map[string]string{"Accept": "*/*"}, NotNavigation},
		{"JSON client", "GET", map[string]string{"Accept": "application/json, text/plain"}, NotNavigation},
		{"nothing said", "GET", nil, NotNavigation},
		{"HEAD", "HEAD", map[string]string{"Accept": html}, NotNavigation},
		{"PUT", "PUT", map[string]string{"Accept": html}, NotNavigation},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range c.header {
				r.Header.Set(k, v)
			}
			if got := Classify(r); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// TestSameOrigin holds A23: a request that nothing proves to be of our own page changes nothing.
func TestSameOrigin(t *testing.T) {
	const ours = "https://wiki.example.com"
	for _, c := range []struct {
		site, origin string
		want         bool
	}{
		{"same-origin", ours, true},
		{"same-origin", "", true},
		{"", ours, true},
		{"", "", false},
		{"cross-site", ours, false},
		{"same-site", "https://evil.example.com", false},
		{"same-site", ours, false},
		{"none", "", false},
		{"same-origin", "null", false},
		{"", "null", false},
		{"", "https://wiki.example.com.evil.example", false},
		{"", "http://wiki.example.com", false},
		{"", "https://wiki.example.com:8443", false},
	} {
		r, err := http.NewRequest(http.MethodPost, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := sameOrigin(r, ours); got != c.want {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: got %t", c.site, c.origin, got)
		}
	}
}
