package crossorigin

import (
	"net/http"
	"slices"
)

// Upgrade reports whether a page of another origin asks for a WebSocket, or for another protocol. Browsers send the cookies
// along from every host of the same site, whatever SameSite says, and do not hold a WebSocket to CORS: a page on a sister
// host could talk to the app as its reader. Every browser names the origin; a request that names none is from no page. own is
// the site's origin, allowed are those that may.
func Upgrade(r *http.Request, own string, allowed []string) bool {
	// CONNECT opens one over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
	return (len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect) && foreign(r, own, allowed, nil)
}

// Write reports whether a browser says that a page of another origin sends a request that changes something. A form, or a
// fetch with the mode no-cors, needs no CORS for that, and from a host of the same site it carries the session's cookie.
//
// Sec-Fetch-Site has to say so as well: without it the client is a program or a browser of before 2023, and a page that sends
// no referrer has the Origin `null` for the site's own requests too. Behind a proxy that is not in trusted_proxies the site
// takes another origin for its own than the browser does; there same-origin still passes.
func Write(r *http.Request, own string, origins, cors []string) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return false
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site == "same-site" || site == "cross-site" {
			return foreign(r, own, origins, cors)
		}
	}
	return false
}

func foreign(r *http.Request, own string, origins, cors []string) bool {
	for _, from := range r.Header["Origin"] {
		if from != own && !slices.Contains(origins, from) && !slices.Contains(cors, from) {
			return true
		}
	}
	return false
}
