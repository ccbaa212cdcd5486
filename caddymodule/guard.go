package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
)

// guard lets a request pass if somebody is signed in and the policies allow it. It is the only way to next for what is
// guarded: whatever is not an allow ends here.
func (h *Handler) guard(service *signin.Service, w http.ResponseWriter, r *http.Request, p *passage, next caddyhttp.Handler) error {
	v := &p.visit
	who, token, err := service.Session(r, v)
	if err == nil && !h.accepts(who) {
		// Signed in, but not with a provider of this site.
		who, err = nil, errOtherProvider
	}
	if err == nil && h.foreignUpgrade(r, v.Origin) {
		h.refuseUpgrade(service, w, r, v)
		return nil
	}
	if err == nil {
		who, err = service.Recheck(r, who, token)
	}
	if err != nil {
		return h.anonymous(service, w, r, v, err)
	}
	if service.RecheckSilently(w, r, v, who, token) {
		return nil
	}
	made := h.made(who)
	h.describe(p, r, made.subject, who, &made.facts)
	decision := h.rt.policies.Evaluate(&p.query)
	switch decision.Verdict {
	case policy.Allow:
	case policy.StepUp:
		h.concluded(r, &decision, who)
		v.RequestID = requestID(r)
		service.StepUp(w, r, v, who, refusal(&decision), demand(&decision))
		return nil
	default:
		return h.refuse(service, w, r, v, who, &decision)
	}
	tight, err := service.Tighten(w, r, v, who, persistence(decision.PersistentBrowser))
	if err != nil {
		return h.anonymous(service, w, r, v, err)
	}
	if tight != who {
		who, made = tight, h.made(tight)
	}
	if v.Cookies.HasForm() && service.Form(w, r, v, who) {
		return nil
	}
	// Asked in this order because there is nearly never anything to write.
	if sessions := h.rt.app.rt.sessions; sessions.TouchDue(who, h.rt.site.App) && h.rt.activity.counts(r) {
		sessions.Touch(who, h.rt.site.App)
	}
	if err := h.assert(r, v, who, made); err != nil {
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	h.admitted(r, &decision, who, made)
	h.identify(p, r, made)
	w, r, done := h.held(w, r, v, who)
	if done != nil {
		defer done()
	}
	return next.ServeHTTP(w, r)
}

var errOtherProvider = errors.New("signed in with a provider that this site does not take")

// accepts reports whether a session was made with a provider of this site, as it is configured now.
func (h *Handler) accepts(who *session.Session) bool {
	for _, name := range h.rt.site.Providers {
		if name != who.Provider {
			continue
		}
		for _, p := range h.rt.app.rt.providers {
			if p.Name == name {
				return p.Issuer == who.Identity.Issuer
			}
		}
	}
	return false
}

// anonymous answers a request without a session, or one whose session could not be looked up.
func (h *Handler) anonymous(service *signin.Service, w http.ResponseWriter, r *http.Request, v *signin.Visit, err error) error {
	v.RequestID = requestID(r)
	if !signin.NoSession(err) && !errors.Is(err, errOtherProvider) {
		decided(r, "store_unavailable")
		if h.handlesErrors(r) {
			return caddyhttp.Error(http.StatusServiceUnavailable, err)
		}
		service.Unavailable(w, r, v, err)
		return nil
	}
	// A client that no sign-in could help is refused without one.
	decision := h.rt.policies.Evaluate(h.request(r, v, nil, nil))
	if decision.Verdict == policy.Block {
		return h.refuse(service, w, r, v, nil, &decision)
	}
	h.concluded(r, &decision, nil)
	service.Challenge(w, r, v, signin.Over(err), demand(&decision))
	return nil
}

func (h *Handler) refuse(service *signin.Service, w http.ResponseWriter, r *http.Request, v *signin.Visit, who *session.Session, d *policy.Decision) error {
	if d.Err != nil {
		h.rt.logger.Error("policy could not be evaluated, so the request is refused",
			zap.String("app", h.rt.site.App), zap.Error(d.Err))
	}
	h.concluded(r, d, who)
	v.RequestID = requestID(r)
	h.denied(v, who, d)
	service.Refuse(w, r, v, who, refusal(d))
	return nil
}

// handlesErrors reports whether the site has error routes for this request, which are then asked instead of our page.
func (h *Handler) handlesErrors(r *http.Request) bool {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Errors == nil {
		return false
	}
	for i := range server.Errors.Routes {
		if match, err := server.Errors.Routes[i].MatcherSets.AnyMatchWithError(r); err == nil && match {
			return true
		}
	}
	return false
}

// activity is what counts as use of a session.
type activity uint8

const (
	activityNavigation activity = iota
	activityAny
	activityNone
)

func activityOf(word string) activity {
	switch word {
	case "any":
		return activityAny
	case "none":
		return activityNone
	}
	return activityNavigation
}

func (a activity) counts(r *http.Request) bool {
	switch a {
	case activityAny:
		return true
	case activityNavigation:
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodConnect:
			// CONNECT opens a WebSocket over HTTP/2 (RFC 8441), as GET does over HTTP/1.1.
			return signin.Classify(r) != signin.NotNavigation
		}
		return true
	default:
		return false
	}
}
