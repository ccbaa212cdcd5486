package site

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// tooEarly reports whether a request came in TLS early data, which somebody else may send again, and does something that
// may not happen twice: it changes something, or is part of a sign-in (RFC 8470; field trial 5.12). Over HTTP/3 the
// handshake is not complete then; a trusted proxy in front says so with Early-Data, in whatever form (section 5.1). From
// anybody else the header says nothing, and it goes no further.
//
// addressed: a rule of the site looks at the address of the client. Until the handshake is complete nothing proves that
// the client is there, so such a site takes no early data at all.
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

// sendAgain answers tooEarly. Browsers and proxies repeat the request when the handshake is complete, without asking.
func sendAgain(w http.ResponseWriter, r *http.Request) {
	recordOutcome(r, "early_data")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTooEarly)
}
