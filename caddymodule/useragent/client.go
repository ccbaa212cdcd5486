package useragent

import (
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// Client distinguishes browsers from other clients (A14). A request counts as a browser's if it has fetch metadata,
// which pages cannot forge and other clients do not send. Without it, the request counts as a browser's if it is a page
// navigation, or, for browsers older than fetch metadata, if it has headers that only browsers send. A request with a
// bearer token and without fetch metadata is an API client's.
func Client(r *http.Request) policy.Client {
	h := r.Header
	switch {
	case h.Get("Sec-Fetch-Mode") != "" || h.Get("Sec-Fetch-Site") != "":
		return policy.Browser
	case bearer(h.Get("Authorization")):
		return policy.Other
	case browser.Classify(r) != browser.NotNavigation:
		return policy.Browser
	case h.Get("Accept-Language") != "" && strings.HasPrefix(h.Get("User-Agent"), "Mozilla/5.0 ("):
		return policy.Browser
	}
	return policy.Other
}

func bearer(authorization string) bool {
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP")
}
