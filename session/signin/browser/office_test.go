package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Field trial 1.31: what Office asks for itself is no navigation, whatever it says that it accepts; a browser is one still.
func TestOfficeIsNoBrowser(t *testing.T) {
	const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0"
	for agent, want := range map[string]Navigation{
		edge: NavigationGet,
		"Mozilla/4.0 (compatible; ms-office; MSOffice 16)":                              NotNavigation,
		"Microsoft Office Protocol Discovery":                                           NotNavigation,
		"Microsoft Office Existence Discovery":                                          NotNavigation,
		"Microsoft Office Word 2016 (16.0.17328) Windows NT 10.0":                       NotNavigation,
		"Microsoft-WebDAV-MiniRedir/10.0.22631":                                         NotNavigation,
		"Microsoft Data Access Internet Publishing Provider Protocol Discovery":         NotNavigation,
		"Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0; MSOffice 16)": NotNavigation,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/report.docx", nil)
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Accept", "text/html,*/*")
		if got := Classify(r); got != want {
			t.Errorf("%s: %v, want %v", agent, got, want)
		}
		for _, name := range []string{"X-FeatureVersion", "X-Office-Major-Version", "X-IDCRL_ACCEPTED", "X-MSGETWEBURL"} {
			other := r.Clone(t.Context())
			other.Header.Set("User-Agent", edge)
			other.Header.Set(name, "1")
			if got := Classify(other); got != NotNavigation {
				t.Errorf("with %s: %v", name, got)
			}
		}
	}
}

// Java's own client is no browser, although it says that it accepts HTML.
func TestJavaIsNoBrowser(t *testing.T) {
	for agent, want := range map[string]Navigation{
		"Java/17.0.13": NotNavigation, "Java/1.8.0_432": NotNavigation, "Mozilla/5.0 (X11; Linux x86_64) Java/17": NavigationGet, "Javascript": NavigationGet,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Accept", "text/html, image/gif, image/jpeg, */*; q=0.2")
		if got := Classify(r); got != want {
			t.Errorf("%s: %d, want %d", agent, got, want)
		}
	}
}
