package site

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// guardedVar marks a request that a Handler has already processed, so that a second Handler does not look for cookies
// that the first one removed.
const guardedVar = "latchkey.seen"

var errTwice = errors.New("a request met the latchkey directive twice")

// ServeHTTP scrubs the request, serves the sign-in endpoints, and guards the other requests, in this order.
func (h *Site) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	p := newRequest(r)
	if p.vars == nil || p.vars[guardedVar] != nil {
		return caddyhttp.Error(http.StatusInternalServerError, errTwice)
	}
	p.vars[guardedVar] = true
	p.beginTrace(h)

	// Scrubbing comes before everything that can fail, so that no error route sees headers that only the gateway may
	// set (A35).
	lines, refused := scrub.Request(r, h.formFrom(p))
	if h.Programs == nil { // else it may be the credential of a program
		h.forward.scrub(r)
	}
	if refused == nil && r.Method == http.MethodConnect {
		next = holdConnect(r, next)
	}
	service, err := h.Tenant.Service()
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	v := &p.visit
	badHost := h.visit(p, r, lines)
	if refused == nil {
		refused = badHost
	}
	if refused == nil {
		refused = p.originalPath(r, &h.form)
	}
	if refused != nil {
		h.malformed(service, w, r, v, refused)
		return nil
	}
	if p.tooEarly(r, h.addressed) {
		sendAgain(w, r)
		return nil
	}
	if sent := p.ownEndpoint(r); sent != nil {
		if refusesAtEndpoint(h, w, sent, p) {
			return nil
		}
		v.RequestID = requestID(r)
		service.ServeHTTP(w, sent, v)
		return nil
	}
	if service.AnswersBrowser(w, r, v) || h.Resource.Serve(w, r, v.Origin, p.requested(r)) {
		return nil
	}
	countSkipped(scrub.Binding(r.Header))
	if err := h.readings.check(r, p.original); err != nil {
		h.malformed(service, w, r, v, err)
		return nil
	}
	guarded, err := h.Guards(r)
	if err != nil {
		// If the matcher fails, the request is refused.
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	if !guarded {
		h.forward.scrub(r)
		return next.ServeHTTP(w, r)
	}
	return h.guard(service, w, r, p, next)
}

// Guards reports whether the matcher of the directive selects a request. Only selected requests need a sign-in.
func (h *Site) Guards(r *http.Request) (bool, error) {
	if len(h.match.sets) == 0 {
		return true, nil
	}
	match, err := h.match.match(r)
	if err != nil {
		return true, fmt.Errorf("matching: %w", err)
	}
	return match, nil
}

// Scrub removes from a request what a client may not send, as ServeHTTP does for a client that is not a trusted proxy.
// Its error is a scrub.Refusal.
func (h *Site) Scrub(r *http.Request) error {
	if _, refused := scrub.Request(r, &h.form); refused != nil {
		return refused
	}
	newRequest(r).tooEarly(r, false) // the result is always false; the call deletes the client's Early-Data
	return nil
}

// Readable refuses a request that a rule could read differently from the application. Its error is a scrub.Refusal.
func (h *Site) Readable(r *http.Request) error { return h.readings.check(r, nil) }

// SetLogged sets whether the server of the site writes an access log. Default: it does.
func (h *Site) SetLogged(logged bool) { h.unlogged = !logged }

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Site)(nil)
	_ access.Gate                 = (*Site)(nil)
)
