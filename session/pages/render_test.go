package pages_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pages/pagestest"
)

func newPages(t testing.TB) *pages.Pages {
	t.Helper()
	p, err := pages.New(pages.Config{Text: map[string][]byte{"ar": pagestest.Arabic()}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// get renders a page as a GET with the given Accept-Language would see it.
func get(t testing.TB, p *pages.Pages, page pages.Page, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/.latchkey/stay", nil)
	if accept != "" {
		r.Header.Set("Accept-Language", accept)
	}
	w := httptest.NewRecorder()
	p.Write(w, r, 0, page)
	return w
}

func BenchmarkPrompt(b *testing.B) {
	p := newPages(b)
	var prompt pages.Page
	for _, s := range pagestest.Gallery() {
		if s.Name == "prompt" {
			prompt = s.Page
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		get(b, p, prompt, "de-CH,de;q=0.9,en;q=0.8")
	}
}

func TestGalleryRenders(t *testing.T) {
	p := newPages(t)
	for _, s := range pagestest.Gallery() {
		w := get(t, p, s.Page, "")
		t.Log(s.Name, w.Code, w.Body.Len())
		if s.Name == "prompt" {
			t.Log(w.Body.String())
		}
	}
}
