package site

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

const (
	// CrossOrigin is the reason for refusing a request from a page of another origin.
	CrossOrigin = "cross_origin"
	// Preflight is the decision on a CORS preflight that passes.
	Preflight = "preflight"
)

// Foreign reports whether a page of another origin sends a request that only pages of the site may send (A23).
func (h *Site) Foreign(r *http.Request, own string) bool {
	return crossorigin.Upgrade(r, own, h.Origins) || crossorigin.Write(r, own, h.Origins, h.Cors)
}

// refuseForeign answers a request for which Foreign is true.
func (h *Site) refuseForeign(service *signin.Service, w http.ResponseWriter, r *http.Request, v *access.Visit) {
	recordOutcome(r, CrossOrigin)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.String("latchkey_reason", CrossOrigin))
	}
	v.RequestID = requestID(r)
	service.Refuse(w, r, v, nil, &access.Refusal{Reason: CrossOrigin})
}

// preflight passes a CORS preflight on without identity, unless the policies refuse this client regardless of any
// sign-in. It reads no session: a preflight has no cookies.
func (h *Site) preflight(service *signin.Service, w http.ResponseWriter, r *http.Request, v *access.Visit, next caddyhttp.Handler) error {
	crossorigin.Strip(r)
	h.forward.scrub(r)
	decision := h.Compiled.Evaluate(h.Request(r, v, nil, nil))
	if decision.Verdict != policy.SignIn {
		return h.refuse(service, h.readableAnswer(w, r), r, v, nil, &decision)
	}
	recordOutcome(r, Preflight)
	return next.ServeHTTP(w, r)
}

// readableAnswer returns the writer for the gateway's own answers that are not pages, so that scripts of `cors` origins
// can read them.
func (h *Site) readableAnswer(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if len(h.Cors) == 0 || browser.Classify(r) != browser.NotNavigation {
		return w
	}
	return crossorigin.Readable(w, r, h.Cors)
}
