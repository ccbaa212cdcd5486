package site

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/scrub"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
)

// noSession is the zero ID, for a request without a session.
var noSession session.ID

// inSession returns the field of the access log that names a session; it is skipped if there is none.
func inSession(who session.ID) zap.Field {
	if who == noSession {
		return zap.Skip()
	}
	return zap.Stringer("latchkey_session", shortID(who))
}

// recordDecision writes the decision of the policies to the metrics and to the access log entry. The field who names the
// session or the token; a field that is skipped means an anonymous client.
func (h *Site) recordDecision(r *http.Request, d *policy.Decision, who zap.Field) {
	countDecision(d)
	if d.Verdict != policy.Allow {
		traceDecision(r, d.Verdict.String(), string(d.Reason), d)
	}
	var blocked, asked []string
	if h.needed.reportOnly {
		blocked, asked = h.watched(d, who.Type != zapcore.SkipType)
	}
	extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	if !ok {
		return
	}
	extra.Add(zap.String("latchkey_decision", d.Verdict.String()))
	if d.Verdict != policy.Allow {
		extra.Add(zap.String("latchkey_reason", string(d.Reason)))
	}
	if who.Type != zapcore.SkipType {
		extra.Add(who)
	}
	if len(blocked) > 0 {
		extra.Add(zap.Strings("latchkey_would_block", blocked))
	}
	if len(asked) > 0 {
		extra.Add(zap.Strings("latchkey_would_step_up", asked))
	}
}

// recordAllowed is recordDecision for the most common case: the request is allowed and there is nothing else to report.
func (h *Site) recordAllowed(r *http.Request, d *policy.Decision, p *identified) {
	if h.needed.reportOnly {
		who := inSession(p.live.ID)
		if p.token != nil {
			who = zap.Inline(p.token)
		}
		h.recordDecision(r, d, who)
		return
	}
	allowed.Inc()
	if h.unlogged {
		return
	}
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.Inline(p))
	}
}

// MarshalLogObject implements zapcore.ObjectMarshaler. It returns the access log fields of an allowed request; they are
// computed only if the entry is written.
func (p *identified) MarshalLogObject(to zapcore.ObjectEncoder) error {
	to.AddString("latchkey_decision", policy.Allow.String())
	if p.token != nil {
		return p.token.MarshalLogObject(to)
	}
	to.AddString("latchkey_session", p.live.ID.Short())
	return nil
}

// watched counts what each report-only policy would have done, and returns the names of these policies for the log.
// Users and applications do not see this (O4).
func (h *Site) watched(d *policy.Decision, signedIn bool) (blocked, asked []string) {
	if d.ReportOnlyErr != nil {
		h.logger.Warn("report-only policy could not be evaluated; once it is on, it refuses such a request",
			zap.String("app", h.SignIn.App), zap.Error(d.ReportOnlyErr))
	}
	for o := range d.Applied {
		switch {
		case o.Result == policy.ResultReportOnlyFailure:
			blocked = append(blocked, o.Policy)
			reportOnly.WithLabelValues(o.Policy, wouldBlock).Inc()
		case o.Result == policy.ResultReportOnlyInterrupted && signedIn: // an anonymous client has to sign in anyway
			asked = append(asked, o.Policy)
			reportOnly.WithLabelValues(o.Policy, wouldStepUp).Inc()
		}
	}
	return blocked, asked
}

// recordOutcome records the outcome of a request for which no policy was evaluated.
func recordOutcome(r *http.Request, decision string) {
	requests.WithLabelValues(decision, decision).Inc()
	traceDecision(r, decision, decision, nil)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.String("latchkey_decision", decision))
	}
}

// malformed answers a request that is refused for its form. The request reaches neither a rule nor the application.
func (h *Site) malformed(service *signin.Service, w http.ResponseWriter, r *http.Request, v *access.Visit, why error) {
	word := string(ReasonBadRequest)
	if refusal, ok := errors.AsType[scrub.Refusal](why); ok {
		word = refusal.Word()
	}
	requests.WithLabelValues("bad_request", word).Inc()
	traceDecision(r, "bad_request", word, nil)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Add(zap.String("latchkey_decision", "bad_request"))
		extra.Add(zap.String("latchkey_reason", word))
	}
	v.RequestID = requestID(r)
	service.BadRequest(w, r, v)
}

// shortID formats a session ID as its short hash, only when it is printed.
type shortID session.ID

func (id shortID) String() string { return session.ID(id).Short() }

// ReasonBadRequest is the reason of a request that is refused for its form, before any rule.
const ReasonBadRequest policy.Reason = "bad_request"

// eventDenied is emitted when a policy or the allow and deny lists of a site refuse a request.
const eventDenied = "access_denied"

// denied reports a refusal to the log and to subscribers. who is nil for an anonymous client.
func (h *Site) denied(v *access.Visit, who *session.Record, d *policy.Decision) {
	events := h.Tenant.Events
	if events == nil || !events.ShouldEmit(eventDenied) {
		return
	}
	data := map[string]any{
		"app": h.App, "reason": string(d.Reason), "ip": v.IP.String(), "request_id": v.RequestID,
	}
	if who != nil {
		data["session"], data["provider"], data["user_name"] = who.ID.Short(), who.Provider, who.User
		data["user_issuer"], data["user_subject"] = who.Identity.Issuer, who.Identity.Subject
	}
	events.Emit(eventDenied, data)
}

const (
	// traceVar is the variable that Caddy's handler `tracing` sets for a request that is part of a trace.
	traceVar = "trace_id"
	// tracedVar keeps a *traced until the decision.
	tracedVar = "latchkey.traced"
)

// traced is a request that is part of a trace.
type traced struct {
	app   string
	began time.Time
}

// beginTrace notes when a request began that is part of a trace. To all others it costs one look into a map.
func (p *request) beginTrace(h *Site) {
	if p.vars[traceVar] != nil {
		p.vars[tracedVar] = &traced{app: h.SignIn.App, began: time.Now()}
	}
}

// traceAllowed adds to the trace of a request that it is allowed.
func (p *request) traceAllowed(r *http.Request, d *policy.Decision) {
	if p.vars[tracedVar] != nil {
		traceDecision(r, policy.Allow.String(), string(policy.Allowed), d)
	}
}

// traceDecision adds a decision to the trace of a request. d is nil if no policy was evaluated.
func traceDecision(r *http.Request, decision, reason string, d *policy.Decision) {
	vars, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	t, ok := vars[tracedVar].(*traced)
	if !ok {
		return
	}
	record := observe.Decision{App: t.app, Decision: decision, Reason: reason, Began: t.began, Decided: time.Now()}
	if d != nil {
		for o := range d.Applied {
			record.Policies = append(record.Policies, o.Policy+": "+o.Result.String())
		}
	}
	record.Record(r.Context())
}
