package browser

import (
	"net/http"
	"testing"
)

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
		if got := SameOrigin(r, ours); got != c.want {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: got %t", c.site, c.origin, got)
		}
	}
}
