package pages

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// The templates take their memory with the first page of their kind, not before. First pages may be shown at the same time.
func TestTemplatesAreParsedWhenShown(t *testing.T) {
	const pieces = 1000 // of the smallest page
	if n := testing.AllocsPerRun(10, func() { newTemplates() }); n > pieces/2 {
		t.Errorf("%.0f pieces of memory before any page is shown", n)
	}
	var wait sync.WaitGroup
	for _, parse := range newTemplates() {
		for range 2 {
			wait.Go(func() {
				if _, err := parse(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
}

// A template that fails half way, or before, leaves nothing of its page behind, and the answer is as guarded as a page.
func TestTemplateFailure(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	broken := template.Must(template.New("layout.html").Parse(`<h1>half {{.Say "no.such.key"}}`))
	for name, parse := range map[string]parsed{
		"half way": func() (*template.Template, error) { return broken, nil },
		"unparsed": func() (*template.Template, error) { return nil, errors.New("unparsed") },
	} {
		p.templates["prompt"] = parse
		w := httptest.NewRecorder()
		p.Write(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody), 0, Prompt{CSRF: "canary"})
		h := w.Header()
		if w.Code != http.StatusInternalServerError || w.Body.String() != "Internal error\n" ||
			h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v %q", name, w.Code, h, w.Body.String())
		}
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
