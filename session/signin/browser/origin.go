package browser

import "net/http"

// SameOrigin reports whether a state-changing request comes from a page of the site itself: by Sec-Fetch-Site and
// Origin, both of which a browser sets and a page cannot. Either may be absent, but not both: then nothing proves it.
func SameOrigin(r *http.Request, origin string) bool {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && from == "" {
		return false
	}
	return (site == "" || site == "same-origin") && (from == "" || from == origin)
}

// BeganElsewhere reports whether a page of another origin sent the browser here: a link, a redirect or a form. A browser
// that sends no fetch metadata is not told apart from one on which the user typed the address.
func BeganElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}
