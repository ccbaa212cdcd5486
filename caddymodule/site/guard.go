package site

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/bearer"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// guard passes a request on if a user is signed in and the policies allow it. For guarded requests it is the only code
// that calls next; every other decision ends the request here.
func (h *Site) guard(service *signin.Service, w http.ResponseWriter, r *http.Request, p *request, next caddyhttp.Handler) error {
	v := &p.visit
	if crossorigin.Preflight(r, h.Cors) {
		return h.preflight(service, w, r, v, next)
	}
	answer := h.readableAnswer(w, r)
	p.sessions = service.Sessions
	if h.Programs != nil {
		program := program{h: h, request: p, service: service, shown: bearer.Read(r.Header)}
		if answered, err := program.serve(answer, r, next); answered {
			return err
		}
	}
	h.forward.scrub(r)
	live, token, err := service.Authenticate(r, v)
	if err == nil && h.Foreign(r, v.Origin) {
		h.refuseForeign(service, answer, r, v)
		return nil
	}
	if err == nil {
		var sent bool
		if live, sent, err = service.RenewClaims(answer, r, v, live, token, requestID); sent {
			recordOutcome(r, silentRecheck)
			return nil
		}
	}
	if err == nil {
		err = h.attachSession(p, live)
	}
	if err != nil {
		return h.anonymous(service, answer, r, v, err)
	}
	h.describe(p, r, &p.subject, &p.view.facts, live.LastUsed())
	decision := h.Compiled.Evaluate(&p.query)
	if decision.Verdict != policy.Allow {
		return h.deny(service, answer, r, p, &decision)
	}
	now, answered, err := service.Enter(answer, r, v, live, Persistence(decision.PersistentBrowser))
	if answered {
		return nil
	}
	if err == nil && now != live {
		err = h.attachSession(p, now)
	}
	if err != nil {
		return h.anonymous(service, answer, r, v, err)
	}
	if err := h.keepApart(service, answer, r, p); err != nil {
		return h.anonymous(service, answer, r, v, err)
	}
	if err := h.forward.set(service, r, p, token); err != nil {
		return h.anonymous(service, answer, r, v, err)
	}
	// The order is cheap checks first: there is almost never anything to write.
	sessions := service.Sessions
	if (p.view.newApp || sessions.TouchDue(p.live, p.query.Time)) && h.activity.counts(r) {
		sessions.Touch(p.live, h.SignIn.App)
	}
	if err := h.assert(r, p); err != nil {
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	if mayStayOpen(r) {
		return p.keepOpen(h, w, r, &decision, next)
	}
	return p.pass(h, w, r, &decision, next)
}

// pass passes an allowed request on. It returns when the request is answered.
func (p *request) pass(h *Site, w http.ResponseWriter, r *http.Request, d *policy.Decision, next caddyhttp.Handler) error {
	h.recordAllowed(r, d, &p.identified)
	p.traceAllowed(r, d)
	h.identify(&p.identified, r)
	w, r = p.watchAnswer(h, w, r)
	defer p.answer.end()
	return next.ServeHTTP(w, r)
}

// bindingMissing is the decision, in log and metric, for a request of a bound session that does not prove its device.
const bindingMissing = "binding_missing"

// silentRecheck is the decision, in log and metric, for a page that is redirected to the provider for new claims.
const silentRecheck = "silent_recheck"

// deny answers a request of a signed-in user whom the policies refuse, or who must first sign in more strongly.
func (h *Site) deny(service *signin.Service, w http.ResponseWriter, r *http.Request, p *request, d *policy.Decision) error {
	v := &p.visit
	who, err := p.live.Record()
	if err != nil {
		return h.anonymous(service, w, r, v, err)
	}
	if d.Verdict != policy.StepUp {
		return h.refuse(service, w, r, v, who, d)
	}
	h.recordDecision(r, d, inSession(who.ID))
	v.RequestID = requestID(r)
	service.StepUp(w, r, v, who, refusal(d), Demand(d))
	return nil
}

// Takes reports whether the site, as it is configured now, accepts sessions from this provider and issuer.
func (h *Site) Takes(provider, issuer string) bool {
	return h.SignIn.Takes(h.Tenant.Providers, provider, issuer)
}

// anonymous answers a request without a session, or one whose session could not be looked up.
func (h *Site) anonymous(service *signin.Service, w http.ResponseWriter, r *http.Request, v *access.Visit, err error) error {
	v.RequestID = requestID(r)
	if !access.NoSession(err) {
		recordOutcome(r, unavailable(err))
		if h.handlesErrors(r) {
			return caddyhttp.Error(http.StatusServiceUnavailable, err)
		}
		service.Unavailable(w, r, v, err)
		return nil
	}
	// If no sign-in can change the refusal, the client is refused without one.
	decision := h.Compiled.Evaluate(h.Request(r, v, nil, nil))
	if decision.Verdict == policy.Block {
		return h.refuse(service, w, r, v, nil, &decision)
	}
	if h.Resource != nil && askProgram(h.Resource, w, r, v) {
		return nil
	}
	if access.Naked(err) {
		recordOutcome(r, bindingMissing)
	} else {
		h.recordDecision(r, &decision, inSession(noSession))
	}
	service.Challenge(w, r, v, err, Demand(&decision))
	return nil
}

func (h *Site) refuse(service *signin.Service, w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, d *policy.Decision) error {
	if d.Err != nil {
		h.logger.Error("policy could not be evaluated, so the request is refused",
			zap.String("app", h.SignIn.App), zap.Error(d.Err))
	}
	id := noSession
	if who != nil {
		id = who.ID
	}
	h.recordDecision(r, d, inSession(id))
	v.RequestID = requestID(r)
	h.denied(v, who, d)
	why := refusal(d)
	if d.Reason == policy.BindingRequired && who != nil {
		service.ExplainBinding(r, v, who, why, v.Return, false)
	}
	service.Refuse(w, r, v, who, why)
	return nil
}

// handlesErrors reports whether the site has error routes for this request. They then answer instead of the gateway's
// own page.
func (h *Site) handlesErrors(r *http.Request) bool {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server == nil || server.Errors == nil {
		return false
	}
	for i := range server.Errors.Routes {
		if match, err := server.Errors.Routes[i].MatcherSets.AnyMatchWithError(r); err == nil && match {
			return true
		}
	}
	return false
}

// keepApart makes the browser delete the data that the app stored for another user, before the app gets the request.
func (h *Site) keepApart(service *signin.Service, w http.ResponseWriter, r *http.Request, p *request) error {
	if !h.SignIn.AppData.Personal() {
		return nil
	}
	who, err := p.view.person(p.live)
	if err == nil {
		service.KeepApart(w, r.Header, &p.visit, session.Identity{Issuer: p.live.Issuer(), Subject: who.subject})
	}
	return err
}
