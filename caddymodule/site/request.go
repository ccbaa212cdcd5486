package site

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// request is what one request needs on its way, in one piece of memory: the hot path pays for allocations more than for
// anything else that it does. It is not used again for another request, because what it holds may outlive this one.
type request struct {
	// vars are Caddy's own notes on the request.
	vars map[string]any
	// sessions are those of the configuration that the request came to.
	sessions *session.Manager
	visit    signin.Visit
	// live is the session of the request, once it is known, and made what the site makes of it.
	live    *session.Session
	view    *siteView
	subject policy.Subject
	query   policy.Request
	match   requestMatcher
	// answer is what the request is answered through, unless it may stay open.
	answer revocableWriter
	// original is what the client asked for, before any rewriting; nil where Caddy's server did not keep it.
	original *url.URL
	// places are where identity headers stand; a site with more of them finds another place.
	places [4]string
}

// newRequest begins one. Its vars are nil where the request does not come from Caddy's server.
func newRequest(r *http.Request) *request {
	p := new(request)
	p.vars, _ = r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	return p
}

// findOriginal looks up what Caddy's server kept of the request as it came.
func (p *request) findOriginal(r *http.Request) {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		p.original = original.URL
	}
}

// clientIP is the address of the client as Caddy determined it, empty where that is not known.
func (p *request) clientIP() string {
	ip, _ := p.vars[caddyhttp.ClientIPVarKey].(string)
	return ip
}

// originalPath holds the path as the client sent it to the same rules as the one it was rewritten to: FastCGI apps are
// told both.
func (p *request) originalPath(r *http.Request, form *scrub.Rules) error {
	if p.original == nil || p.original.Path == r.URL.Path && p.original.RawPath == r.URL.RawPath {
		return nil
	}
	return form.Path(p.original)
}

// ownEndpoint returns the request if it is for one of our endpoints, else nil. What a site rewrites for its app, as
// try_files does for a single-page one, does not hide them: then it is the request as the client sent it.
func (p *request) ownEndpoint(r *http.Request) *http.Request {
	if IsOwn(r.URL.Path) {
		return r
	}
	if p.original == nil || !IsOwn(p.original.Path) {
		return nil
	}
	sent := r.WithContext(r.Context())
	sent.URL = p.original
	return sent
}

// IsOwn reports whether a path belongs to the gateway and never reaches the app.
func IsOwn(path string) bool {
	return path == browser.Base || strings.HasPrefix(path, browser.Base+"/")
}
