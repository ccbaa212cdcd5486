package caddymodule

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// visit gathers what sign-in needs to know of a request. lines are the Cookie headers as they came.
//
// Scheme and host come from the connection and the request, and from X-Forwarded-Proto and -Host only behind a proxy
// that Caddy trusts: by Caddy's own rule, and never otherwise (A20).
func (h *Handler) visit(r *http.Request, lines []string) (*signin.Visit, error) {
	v := &signin.Visit{Site: &h.rt.site, Return: signin.Home, Header: r.Header}
	host, secure := r.Host, r.TLS != nil
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted {
		if proto := lastOf(r.Header["X-Forwarded-Proto"]); proto != "" {
			// Some proxies name the scheme of a WebSocket.
			secure = strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
		}
		if fwd := lastOf(r.Header["X-Forwarded-Host"]); fwd != "" {
			host = fwd
		}
	}
	canonical, ok := scrub.Host(host)
	if !ok {
		return v, scrub.BadHost
	}
	v.Host, v.Secure = canonical, secure
	v.Origin = origin(secure, canonical, host)
	v.Cookies = signin.ReadCookies(http.Header{"Cookie": lines}, secure)
	if ip, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		// An address that cannot be read stays unknown, which no rule takes for a good one (A62).
		v.IP, _ = netip.ParseAddr(ip)
	}
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		v.Return = original.URL.RequestURI()
	}
	return v, nil
}

// originalPath holds the path as the client sent it to the same rules as the one it was rewritten to: FastCGI apps are
// told both.
func originalPath(r *http.Request) error {
	original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok || original.URL == nil || original.URL.Path == r.URL.Path && original.URL.RawPath == r.URL.RawPath {
		return nil
	}
	return scrub.Path(original.URL)
}

// ownEndpoint returns the request if it is for one of our endpoints, else nil. What a site rewrites for its app, as
// try_files does for a single-page one, does not hide them: then it is the request as the client sent it.
func ownEndpoint(r *http.Request) *http.Request {
	if isOwn(r.URL.Path) {
		return r
	}
	original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok || original.URL == nil || !isOwn(original.URL.Path) {
		return nil
	}
	sent := r.WithContext(r.Context())
	sent.URL = original.URL
	return sent
}

func isOwn(path string) bool { return path == signin.Base || strings.HasPrefix(path, signin.Base+"/") }

// lastOf returns the last value of a list header: the one that the nearest proxy has written.
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

// origin builds scheme, host and port as a browser spells them: without the scheme's own port.
func origin(secure bool, canonical, host string) string {
	scheme, standard := "http", "80"
	if secure {
		scheme, standard = "https", "443"
	}
	if strings.Contains(canonical, ":") {
		canonical = "[" + canonical + "]"
	}
	if _, port, err := net.SplitHostPort(host); err == nil && port != "" && port != standard {
		return scheme + "://" + canonical + ":" + port
	}
	return scheme + "://" + canonical
}

// requestID is Caddy's id of the request, the same as in its access log.
func requestID(r *http.Request) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	id, _ := repl.GetString("http.request.uuid")
	return id
}
