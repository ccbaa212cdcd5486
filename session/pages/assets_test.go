package pages

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAssets(t *testing.T) {
	p, err := New(Config{Base: "/own/base"})
	if err != nil {
		t.Fatal(err)
	}
	const script = "text/javascript; charset=utf-8"
	types := map[string]string{"page.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml", "idle.js": script, "session.js": script, "ask.js": script, "done.js": script, "fragment.js": script}
	if len(p.assets) != len(types) {
		t.Fatalf("%d assets", len(p.assets))
	}
	for name, contentType := range types {
		path, err := p.assets.Path(name)
		if err != nil {
			t.Fatal(err)
		}
		plain, ext, _ := strings.Cut(name, ".")
		if !regexp.MustCompile(`^/own/base/assets/` + plain + `\.[A-Za-z0-9_-]{12}\.` + ext + `$`).MatchString(path) {
			t.Errorf("%s is at %s", name, path)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := ask(p, method, path, nil)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType ||
				w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" ||
				w.Header().Get("X-Content-Type-Options") != "nosniff" ||
				w.Header().Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors 'none'" ||
				w.Header().Get("Cross-Origin-Resource-Policy") != map[bool]string{true: "cross-origin", false: "same-origin"}[name == "page.css"] {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
			if got := w.Body.Len(); method == http.MethodHead && got != 0 || method == http.MethodGet && got == 0 {
				t.Errorf("%s %s: %d bytes", method, path, got)
			}
			again := ask(p, method, path, http.Header{"If-None-Match": {w.Header().Get("ETag")}})
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%s %s with its tag: %d", method, path, again.Code)
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
			w := ask(p, method, path, nil)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
		plainName := "/own/base/assets/" + name
		if slices.Contains(public, name) {
			w := ask(p, http.MethodGet, plainName, nil)
			if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "public, max-age=600" ||
				w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" || w.Header().Get("ETag") == "" {
				t.Errorf("%s by its plain name: %d %v", name, w.Code, w.Header())
			}
			plainName += "x"
		}
		for _, other := range []string{
			plainName, path + "x", path + "/", "/own/base/assets/../assets/" + plain, "/own/base/assets/",
			"/own/base/assets/" + plain + ".AAAAAAAAAAAA." + ext, strings.ToUpper(path), "/.latchkey/assets/" + name,
			"/own/base/assets/../pages.go",
		} {
			w := ask(p, http.MethodGet, other, nil)
			if w.Code != http.StatusNotFound || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v", other, w.Code, w.Header())
			}
		}
	}
	if _, err := p.assets.Path("none.css"); err == nil {
		t.Error("an asset that does not exist has a path")
	}
}

// TestSessionScriptIsSmall: an app loads it for every page. The dialog is loaded where a browser blocks a window.
func TestSessionScriptIsSmall(t *testing.T) {
	for name, limit := range map[string]int{"session.js": 2048, "ask.js": 3072} {
		content, err := assetFiles.ReadFile("asset/" + name)
		if err != nil || len(content) >= limit {
			t.Errorf("%s has %d bytes, want less than %d: %v", name, len(content), limit, err)
		}
	}
}

func ask(p *Pages, method, path string, h http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", http.NoBody)
	r.URL.Path = path
	if h != nil {
		r.Header = h
	}
	w := httptest.NewRecorder()
	p.Assets().ServeHTTP(w, r)
	return w
}

var comment = regexp.MustCompile(`(?m)(^| )//( .*)?$`)

// Stylesheet, icon and scripts load nothing from elsewhere: no import, no url; and write no style that a policy of the app
// would refuse.
func TestAssetsLoadNothing(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range p.assets {
		content := strings.ReplaceAll(string(a.content), `xmlns="http://www.w3.org/2000/svg"`, "")
		if strings.HasSuffix(name, ".js") {
			content = comment.ReplaceAllString(content, "")
		}
		for _, bad := range []string{"@import", "url(", "http:", "https:", "//", "<script", "style=", "@font-face"} {
			if strings.Contains(content, bad) {
				t.Errorf("%s holds %s", name, bad)
			}
		}
	}
}
