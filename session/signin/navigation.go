package signin

import (
	"net/http"
	"strings"
)

// Navigation says what a request is to a person at a browser.
type Navigation uint8

const (
	// NotNavigation is a request that no person waits for in the address bar: fetch, XHR, an image, a WebSocket, an
	// API client. It is never redirected.
	NotNavigation Navigation = iota
	// NavigationGet is a page being opened: the only request that starts a sign-in and names a place to return to.
	NavigationGet
	// NavigationForm is a form being sent. It cannot be repeated after a sign-in, but a person reads the answer.
	NavigationForm
)

// Classify tells navigations from other requests, by fetch metadata where the browser sends it and by the older signs
// where not (A14 of the semantics).
func Classify(r *http.Request) Navigation {
	kind := NavigationForm
	switch r.Method {
	case http.MethodGet:
		kind = NavigationGet
	case http.MethodPost:
	default:
		return NotNavigation
	}
	h := r.Header
	if h.Get("Upgrade") != "" || strings.EqualFold(h.Get("X-Requested-With"), "XMLHttpRequest") {
		return NotNavigation
	}
	if speculative(h) || office(h) {
		return NotNavigation
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		if mode == "navigate" && h.Get("Sec-Fetch-Dest") == "document" {
			return kind
		}
		return NotNavigation
	}
	if acceptsHTML(h.Get("Accept")) {
		return kind
	}
	return NotNavigation
}

// speculative reports whether a browser asks before anybody has: a page that it prefetches or prerenders is not looked at
// by anybody yet, and a sign-in begun for it would confuse the real one.
func speculative(h http.Header) bool {
	return strings.Contains(h.Get("Sec-Purpose"), "prefetch") || strings.EqualFold(h.Get("Purpose"), "prefetch") ||
		strings.EqualFold(h.Get("X-Moz"), "prefetch")
}

// office reports whether Microsoft Office itself asks, for a document that somebody opened from a page. It shows no page and
// follows a redirect to a provider into a document that cannot be read, so it gets a 401 (field trial 1.31).
func office(h http.Header) bool {
	if h["X-Featureversion"] != nil || h["X-Office-Major-Version"] != nil || h["X-Idcrl_accepted"] != nil || h["X-Msgetweburl"] != nil {
		return true
	}
	agent := h.Get("User-Agent")
	return strings.Contains(agent, "ms-office") || strings.HasPrefix(agent, "Microsoft Office") || strings.HasPrefix(agent, "Microsoft-WebDAV") ||
		strings.HasPrefix(agent, "Microsoft Data Access") || strings.Contains(agent, "MSOffice ")
}

// acceptsHTML looks for HTML by name: a wildcard is what every API client sends.
func acceptsHTML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html", "application/xhtml+xml":
			return true
		}
	}
	return false
}

// sameOrigin reports whether a state-changing request comes from a page of the site itself: by Sec-Fetch-Site and
// Origin, both of which a browser sets and a page cannot. Either may be absent, but not both: then nothing proves it.
func sameOrigin(r *http.Request, origin string) bool {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && from == "" {
		return false
	}
	return (site == "" || site == "same-origin") && (from == "" || from == origin)
}
