package site

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// tooEarly reports whether a request came in TLS early data, which an attacker can replay, and must not run twice: it
// changes something or is part of a sign-in (RFC 8470; field trial 5.12). Over HTTP/3, early data means that the
// handshake is not complete. A trusted proxy reports it by the header Early-Data, with any value (section 5.1). From
// other clients the header is ignored and deleted.
//
// addressed: a rule of the site depends on the client's address. Before the handshake is complete nothing proves that
// address, so such a site refuses all early data.
func (p *request) tooEarly(r *http.Request, addressed bool) bool {
	early := r.TLS != nil && !r.TLS.HandshakeComplete
	if said := len(r.Header["Early-Data"]) > 0; said {
		if trusted, _ := p.vars[caddyhttp.TrustedProxyVarKey].(bool); trusted {
			early = true
		} else {
			delete(r.Header, "Early-Data")
		}
	}
	if !early || addressed {
		return early
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		path := r.URL.Path
		if p.original != nil && !IsOwn(path) {
			path = p.original.Path
		}
		return IsOwn(path) && !strings.HasPrefix(path, browser.Base+"/assets/")
	}
	return true
}

// sendAgain answers a request for which tooEarly is true. Browsers and proxies repeat the request without asking the
// user when the handshake is complete.
func sendAgain(w http.ResponseWriter, r *http.Request) {
	recordOutcome(r, "early_data")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTooEarly)
}
