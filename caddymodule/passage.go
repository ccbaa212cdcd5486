package caddymodule

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// passage is what one request needs on its way, in one piece of memory: the hot path pays for allocations more than for
// anything else that it does. It is not used again for another request, because what it holds may outlive this one.
type passage struct {
	// vars are Caddy's own notes on the request.
	vars  map[string]any
	visit signin.Visit
	// live is the session of the request, once it is known, and made what the site makes of it.
	live    *session.Session
	made    *made
	subject policy.Subject
	query   policy.Request
	match   requestMatcher
	// answer is what the request is answered through, unless it may stay open.
	answer lasting
	// original is what the client asked for, before any rewriting; nil where Caddy's server did not keep it.
	original *url.URL
	// places are where identity headers stand; a site with more of them finds another place.
	places [4]string
}

// newPassage begins one. Its vars are nil where the request does not come from Caddy's server.
func newPassage(r *http.Request) *passage {
	p := new(passage)
	p.vars, _ = r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	return p
}

// findOriginal looks up what Caddy's server kept of the request as it came.
func (p *passage) findOriginal(r *http.Request) {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		p.original = original.URL
	}
}

// clientIP is the address of the client as Caddy determined it, empty where that is not known.
func (p *passage) clientIP() string {
	ip, _ := p.vars[caddyhttp.ClientIPVarKey].(string)
	return ip
}

// originalPath holds the path as the client sent it to the same rules as the one it was rewritten to: FastCGI apps are
// told both.
func (p *passage) originalPath(r *http.Request, form *scrub.Rules) error {
	if p.original == nil || p.original.Path == r.URL.Path && p.original.RawPath == r.URL.RawPath {
		return nil
	}
	return form.Path(p.original)
}

// ownEndpoint returns the request if it is for one of our endpoints, else nil. What a site rewrites for its app, as
// try_files does for a single-page one, does not hide them: then it is the request as the client sent it.
func (p *passage) ownEndpoint(r *http.Request) *http.Request {
	if isOwn(r.URL.Path) {
		return r
	}
	if p.original == nil || !isOwn(p.original.Path) {
		return nil
	}
	sent := r.WithContext(r.Context())
	sent.URL = p.original
	return sent
}

func isOwn(path string) bool {
	return path == browser.Base || strings.HasPrefix(path, browser.Base+"/")
}

// spelling is one way to spell the host of a request, and what it comes to.
type spelling struct {
	host   string
	secure bool

	canonical, origin string
}

// spell brings a host to its canonical form and makes the origin of it. Nearly all requests of a site name one host, so
// the last one is remembered.
func (h *Handler) spell(host string, secure bool) (*spelling, bool) {
	if last := h.rt.spelled.Load(); last != nil && last.host == host && last.secure == secure {
		return last, true
	}
	canonical, ok := scrub.Host(host)
	if !ok {
		return nil, false
	}
	s := &spelling{host: host, secure: secure, canonical: canonical, origin: crossorigin.Of(secure, canonical, host)}
	h.rt.spelled.Store(s)
	return s, true
}
