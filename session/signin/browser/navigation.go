package browser

import (
	"mime"
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
	if Speculative(h) || office(h) {
		return NotNavigation
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		if mode == "navigate" && h.Get("Sec-Fetch-Dest") == "document" {
			return kind
		}
		return NotNavigation
	}
	if AcceptsHTML(h.Get("Accept")) {
		return kind
	}
	return NotNavigation
}

// Speculative reports whether a browser asks before anybody has: a page that it prefetches or prerenders is not looked at
// by anybody yet, and a sign-in begun for it would confuse the real one.
func Speculative(h http.Header) bool {
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

// AcceptsHTML looks for HTML by name: a wildcard is what every API client sends.
func AcceptsHTML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html", "application/xhtml+xml":
			return true
		}
	}
	return false
}

// Framed reports whether a browser asks for the content of a frame. It is no navigation to Classify: nothing is begun for a
// frame. The endpoints stay out of frames.
func Framed(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost || r.Header.Get("Sec-Fetch-Mode") != "navigate" || Speculative(r.Header) {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return !UnderBase(r.URL.Path)
	}
	return false
}

// WantsJSON reports whether a client asks for the twin of a page for scripts.
func WantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	if AcceptsHTML(accept) {
		return false
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(media), "application/json") {
			return true
		}
	}
	return r.Method == http.MethodPost && IsJSON(r)
}

// IsJSON reports whether a request sends JSON.
func IsJSON(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/json"
}

// MaxUserAgent bounds the user agent that is kept.
const MaxUserAgent = 256

// UserAgent is the User-Agent header, cut to MaxUserAgent bytes.
func UserAgent(r *http.Request) string {
	ua := r.UserAgent()
	return ua[:min(len(ua), MaxUserAgent)]
}
