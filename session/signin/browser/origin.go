package browser

import "net/http"

// SameOrigin reports whether a state-changing request comes from a page of the site itself: by Sec-Fetch-Site and
// Origin, which a browser sets and a page cannot change. One of them may be absent, but not both, because then nothing
// proves it.
func SameOrigin(r *http.Request, origin string) bool {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && from == "" {
		return false
	}
	return (site == "" || site == "same-origin") && (from == "" || from == origin)
}

// BeganElsewhere reports whether a page of another origin sent the browser here: by a link, a redirect or a form. If
// the browser sends no fetch metadata, it returns the same as for an address that the user typed.
func BeganElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}
