package site

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// activity says which requests count as use of a session.
type activity uint8

const (
	activityNavigation activity = iota
	activityAny
	activityNone
)

func activityOf(word string) activity {
	switch word {
	case "any":
		return activityAny
	case "none":
		return activityNone
	}
	return activityNavigation
}

func (a activity) counts(r *http.Request) bool {
	switch a {
	case activityAny:
		return true
	case activityNavigation:
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect:
			// CONNECT opens a WebSocket over HTTP/2 (RFC 8441), as GET does over HTTP/1.1.
			return browser.Classify(r) != browser.NotNavigation
		}
		return true
	default:
		return false
	}
}
