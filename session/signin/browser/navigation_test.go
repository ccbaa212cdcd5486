package browser

import (
	"net/http"
	"net/http/httptest"
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

// Field trial 5.5: which requests are for a frame. Classify says that none of them is a navigation, so that nothing is begun
// for one.
func TestFramed(t *testing.T) {
	for _, tt := range []struct {
		method, path, mode, dest string
		more                     [2]string
		want                     bool
	}{
		{"GET", "/x", "navigate", "iframe", [2]string{}, true},
		{"GET", "/x", "navigate", "frame", [2]string{}, true},
		{"GET", "/x", "navigate", "embed", [2]string{}, true},
		{"GET", "/x", "navigate", "object", [2]string{}, true},
		{"POST", "/x", "navigate", "iframe", [2]string{}, true},
		{"HEAD", "/x", "navigate", "iframe", [2]string{}, false},
		{"PUT", "/x", "navigate", "iframe", [2]string{}, false},
		{"GET", "/x", "navigate", "document", [2]string{}, false},
		{"GET", "/x", "navigate", "fencedframe", [2]string{}, false},
		{"GET", "/x", "navigate", "", [2]string{}, false},
		{"GET", "/x", "no-cors", "embed", [2]string{}, false},
		{"GET", "/x", "cors", "empty", [2]string{}, false},
		{"GET", "/x", "", "iframe", [2]string{}, false},
		{"GET", "/x", "navigate", "iframe", [2]string{"Sec-Purpose", "prefetch"}, false},
		{"GET", Base + "/stay", "navigate", "iframe", [2]string{}, false},
		{"GET", Base, "navigate", "iframe", [2]string{}, false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sec-Fetch-Mode", tt.mode)
		r.Header.Set("Sec-Fetch-Dest", tt.dest)
		if tt.more[0] != "" {
			r.Header.Set(tt.more[0], tt.more[1])
		}
		if got := Framed(r); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
		if Framed(r) && Classify(r) != NotNavigation {
			t.Errorf("%+v is a navigation as well", tt)
		}
	}
}
