package site

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// request holds everything that one request needs, in one allocation: on the hot path, allocations are the largest
// cost. It is never reused for another request, because its contents can outlive the request.
type request struct {
	// vars are Caddy's own variables of the request.
	vars map[string]any
	// sessions belong to the configuration that received the request.
	sessions *session.Manager
	visit    access.Visit
	identified
	subject policy.Subject
	query   policy.Request
	match   requestMatcher
	// answer is the writer of the answer, unless the answer can stay open.
	answer revocableWriter
	// original is the URL that the client requested, before rewriting; nil if Caddy's server did not keep it.
	original *url.URL
}

// newRequest returns a new request. Its vars are nil if the request does not come from Caddy's server.
func newRequest(r *http.Request) *request {
	p := new(request)
	p.vars, _ = r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	return p
}

// findOriginal looks up the original URL that Caddy's server kept. It returns the request target as the client sent it.
func (p *request) findOriginal(r *http.Request) (sent string) {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		p.original, sent = original.URL, original.RequestURI
	}
	return sent
}

// pathAndQuery returns u.RequestURI(), in the memory of what the client sent if that is the same text.
func pathAndQuery(sent string, u *url.URL) string {
	path, query, _ := strings.Cut(sent, "?")
	if query != "" && query == u.RawQuery && u.Opaque == "" && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && path == u.EscapedPath() {
		return sent
	}
	return u.RequestURI()
}

// requested returns the URL that the client requested, as far as it is known.
func (p *request) requested(r *http.Request) *url.URL {
	if p.original != nil {
		return p.original
	}
	return r.URL
}

// clientIP returns the client's address as Caddy determined it; empty if it is unknown.
func (p *request) clientIP() string {
	ip, _ := p.vars[caddyhttp.ClientIPVarKey].(string)
	return ip
}

// originalPath checks the path that the client sent by the same rules as the rewritten path, because FastCGI apps
// receive both.
func (p *request) originalPath(r *http.Request, form *scrub.Rules) error {
	if p.original == nil || p.original.Path == r.URL.Path && p.original.RawPath == r.URL.RawPath {
		return nil
	}
	return form.Path(p.original)
}

// ownEndpoint returns the request if it is for one of Latchkey's endpoints, else nil. A rewrite for the app, such as
// try_files for a single-page app, does not hide the endpoints: ownEndpoint then returns the request with the original
// path.
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
