package browser

import (
	"mime"
	"net/http"
	"strings"
)

// Navigation is the kind of a request from the user's view.
type Navigation uint8

const (
	// NotNavigation is a request that does not open a page: fetch, XHR, an image, a WebSocket, an API client. It is
	// never redirected.
	NotNavigation Navigation = iota
	// NavigationGet opens a page. Only such a request starts a sign-in and sets the page to which it returns.
	NavigationGet
	// NavigationForm sends a form. It cannot be repeated after a sign-in, but the user sees the answer.
	NavigationForm
)

// Classify distinguishes navigations from other requests, by fetch metadata if the browser sends it and by older
// headers if not (A14 of the semantics).
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
	if Speculative(h) || office(h) || java(h) {
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

// Speculative reports whether a browser prefetches or prerenders a page that the user has not opened. A sign-in that
// begins for it would confuse the real one.
func Speculative(h http.Header) bool {
	return strings.Contains(h.Get("Sec-Purpose"), "prefetch") || strings.EqualFold(h.Get("Purpose"), "prefetch") ||
		strings.EqualFold(h.Get("X-Moz"), "prefetch")
}

// office reports whether Microsoft Office requests a document that a user opened from a page. It shows no page, and
// would follow a redirect to a provider and store the page as an unreadable document, so it gets a 401 (field trial
// 1.31).
func office(h http.Header) bool {
	if h["X-Featureversion"] != nil || h["X-Office-Major-Version"] != nil || h["X-Idcrl_accepted"] != nil || h["X-Msgetweburl"] != nil {
		return true
	}
	agent := h.Get("User-Agent")
	return strings.Contains(agent, "ms-office") || strings.HasPrefix(agent, "Microsoft Office") || strings.HasPrefix(agent, "Microsoft-WebDAV") ||
		strings.HasPrefix(agent, "Microsoft Data Access") || strings.Contains(agent, "MSOffice ")
}

// java reports whether Java's own client (HttpURLConnection) makes a request. It says that it accepts HTML unless its program
// says otherwise, and follows a redirect to the page of a provider, which the program takes for the answer.
func java(h http.Header) bool { return strings.HasPrefix(h.Get("User-Agent"), "Java/") }

// AcceptsHTML looks for HTML by name: every API client sends a wildcard.
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

// Framed reports whether a browser requests the content of a frame. Classify does not treat it as a navigation: no
// sign-in begins in a frame, and the endpoints refuse to be framed.
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

// WantsJSON reports whether a client requests the JSON form of a page.
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

// MaxUserAgent is how many bytes of the User-Agent are kept.
const MaxUserAgent = 256

// UserAgent returns the User-Agent header, cut to MaxUserAgent bytes.
func UserAgent(r *http.Request) string {
	ua := r.UserAgent()
	return ua[:min(len(ua), MaxUserAgent)]
}
