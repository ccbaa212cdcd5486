package crossorigin

import (
	"net/http"
	"slices"
)

// Upgrade reports whether a page of another origin requests a WebSocket or another protocol. Browsers send cookies from
// every host of the same site regardless of SameSite, and CORS does not apply to WebSockets: without this check a page
// on another host of the site could talk to the app as the user. Browsers always send the origin, so a request without
// one does not come from a page. own is the site's origin; allowed are the permitted origins.
func Upgrade(r *http.Request, own string, allowed []string) bool {
	// CONNECT opens a WebSocket over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
	return (len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect) && foreign(r, own, allowed, nil)
}

// Write reports whether a browser states that a page of another origin sends a request that changes something. A form,
// or a fetch with the mode no-cors, needs no CORS for that, and from a host of the same site it carries the session's
// cookie.
//
// Sec-Fetch-Site must state it too. Without that header the client is a program or a browser from before 2023, and a
// page with the referrer policy no-referrer sends the Origin `null` even for requests to its own site. Behind a proxy
// that is not in trusted_proxies, the site computes another origin for itself than the browser does; requests with
// Sec-Fetch-Site same-origin still pass there.
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
