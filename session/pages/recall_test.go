package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A cached Continue page equals a newly rendered one, in each language and for each target, and no page with a secret
// is cached.
func TestContinueIsKept(t *testing.T) {
	p, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(p *Pages, lang, target string) string {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		p.Write(w, r, 0, Continue{URL: target})
		return w.Body.String()
	}
	for _, lang := range []string{"en", "de", "ar"} {
		for _, target := range []string{"/", "/wiki/a", "/wiki/b", "/finish?ticket=secret", "/" + strings.Repeat("x", maxContinuedURL)} {
			fresh, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			want := write(fresh, lang, target)
			for range 2 {
				if got := write(p, lang, target); got != want || !strings.Contains(got, `lang="`+lang) {
					t.Errorf("%s, %.20s: %s", lang, target, got)
				}
			}
		}
	}
	for key := range p.continued.by {
		if strings.Contains(key.page.URL, "?") || len(key.page.URL) > maxContinuedURL {
			t.Errorf("kept: %s", key.page.URL)
		}
	}
	if len(p.continued.by) != 9 {
		t.Errorf("%d are kept", len(p.continued.by))
	}
	for i := range 3 * maxContinued {
		write(p, "en", fmt.Sprintf("/%d", i))
	}
	if n := len(p.continued.by); n > maxContinued {
		t.Errorf("%d are kept of strangers' targets", n)
	}
}
