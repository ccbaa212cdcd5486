package pages

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBase(t *testing.T) {
	for base, ok := range map[string]bool{
		"": true, "/.latchkey": true, "/a/b": true, "/": false, "a": false, "/a/": false, "/a/../b": false, "//a": false,
		"https://example.com/a": false,
	} {
		if _, err := New(Config{Base: base}); (err == nil) != ok {
			t.Errorf("base %q: %v", base, err)
		}
	}
}

func TestBrandName(t *testing.T) {
	p, err := New(Config{Brand: Brand{Name: "Analytical Engines"}, Base: "/own"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, Prompt{})
	body := w.Body.String()
	if strings.Contains(body, "Latchkey") || strings.Count(body, "Analytical Engines") != 2 {
		t.Errorf("the brand is not where it should be:\n%s", body)
	}
	if !strings.Contains(body, `action="/own/stay"`) || !strings.Contains(body, `href="/own/assets/page.`) {
		t.Errorf("the base is not used:\n%s", body)
	}
}

// A template that fails half way leaves nothing of its page behind, and the answer is as guarded as a page.
func TestTemplateFailure(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	broken := template.Must(template.New("layout.html").Parse(`<h1>half {{.Say "no.such.key"}}`))
	p.templates["prompt"] = func() (*template.Template, error) { return broken, nil }
	w := httptest.NewRecorder()
	p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, Prompt{CSRF: "canary"})
	h := w.Header()
	if w.Code != http.StatusInternalServerError || w.Body.String() != "Internal error\n" ||
		h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" ||
		!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v %q", w.Code, h, w.Body.String())
	}
}

// A15: html/template escapes everything only as long as no value is marked as safe.
func TestNoTrustedTypes(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, trusted := range []string{"HTML", "HTMLAttr", "URL", "CSS", "JS", "JSStr", "Srcset"} {
			if strings.Contains(string(source), "template."+trusted+"(") || strings.Contains(string(source), "template."+trusted+"\n") {
				t.Errorf("%s uses template.%s", name, trusted)
			}
		}
		if strings.Contains(string(source), `"text/`+`template"`) {
			t.Errorf("%s imports text/template", name)
		}
	}
}

func Example() {
	p, err := New(Config{Brand: Brand{Name: "Example"}})
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	p.Write(w, httptest.NewRequest(http.MethodGet, "/.latchkey/signed-out", http.NoBody), 0, SignedOut{})
	fmt.Println(w.Code, w.Header().Get("Cache-Control"), strings.Contains(w.Body.String(), "You are signed out"))
	// Output: 200 no-store true
}
