package site

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// visit collects what sign-in needs to know about a request. lines are the Cookie headers as the client sent them.
//
// Scheme and host come from the connection and the request. X-Forwarded-Proto and -Host are used only if they come from
// a proxy that Caddy trusts, by Caddy's own rule (A20).
func (h *Site) visit(p *request, r *http.Request, lines []string) error {
	sent := p.findOriginal(r)
	v := &p.visit
	v.Site, v.Return, v.Header = &h.SignIn, browser.Home, r.Header
	host, secure := r.Host, r.TLS != nil
	if trusted, _ := p.vars[caddyhttp.TrustedProxyVarKey].(bool); trusted {
		if proto := lastOf(r.Header["X-Forwarded-Proto"]); proto != "" {
			// Some proxies name the scheme of a WebSocket.
			secure = strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
		}
		if fwd := lastOf(r.Header["X-Forwarded-Host"]); fwd != "" {
			host = fwd
		}
	}
	spelled, ok := h.spell(host, secure)
	if !ok {
		return scrub.BadHost
	}
	v.Host, v.Origin, v.Secure = spelled.canonical, spelled.origin, secure
	v.Cookies = browser.ReadCookies(lines, secure)
	// An address that cannot be parsed stays unknown; rules treat an unknown address as not trusted (A62).
	v.IP, _ = netip.ParseAddr(p.clientIP())
	if v.IP.Is4In6() {
		// A proxy may write ::ffff:192.0.2.1. Caddy's matchers do not find that form in an IPv4 range.
		v.IP = v.IP.Unmap()
		p.vars[caddyhttp.ClientIPVarKey] = v.IP.String()
	}
	if p.original != nil {
		v.Return = pathAndQuery(sent, p.original)
	}
	return nil
}

// lastOf returns the last value of a list header: the value that the nearest proxy added.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		last = last[i+1:]
	}
	return strings.TrimSpace(last)
}

// requestID returns Caddy's ID of the request, as in its access log.
func requestID(r *http.Request) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	id, _ := repl.GetString("http.request.uuid")
	return id
}

// formFrom returns the rules for scrubbing the request. They depend on who sent it: a trusted proxy or another client.
func (h *Site) formFrom(p *request) *scrub.Rules {
	if trusted, _ := p.vars[caddyhttp.TrustedProxyVarKey].(bool); trusted {
		return &h.behind
	}
	return &h.form
}
