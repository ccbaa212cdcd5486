package explain

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/crossorigin"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// explain follows the steps of ServeHTTP and guard for a request that no client has sent. A property test checks that
// both agree. An error means a mistake in the query.
func (h explainedSite) explain(q *Query) (_ *Explanation, err error) {
	im, err := h.imagine(q)
	if err != nil {
		return nil, err
	}
	ex := &Explanation{
		App: h.App, Who: im.name(), Method: im.r.Method, Path: im.r.URL.RequestURI(), At: im.at,
		Networks: h.Compiled.Locate(im.v.IP).Networks, PolicyStatus: policy.StatusNotApplied,
		Policies: []ExplainedPolicy{},
	}
	if q.Bound {
		ex.BoundTo = signinlog.BoundToDevice
	}
	ex.Prompt = ExplainedPrompt{Why: "there is no sign-in"}
	// A matcher that panics on an imagined request must not stop the server.
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("a matcher cannot be held against this request: %v", fault)
		}
	}()
	if refused := h.Scrub(im.r); refused != nil {
		return ex.without(policy.Block, site.ReasonBadRequest, refused), nil
	}
	if site.IsOwn(im.r.URL.Path) || h.Resource.Serves(im.r.URL) {
		return ex.without(policy.Allow, reasonOwnEndpoint, nil), nil
	}
	if refused := h.Readable(im.r); refused != nil {
		return ex.without(policy.Block, site.ReasonBadRequest, refused), nil
	}
	guarded, err := h.Guards(im.r)
	if err != nil {
		return ex.without(policy.Block, policy.EvaluationError, err), nil
	}
	if !guarded {
		return ex.without(policy.Allow, reasonNotGuarded, nil), nil
	}
	if crossorigin.Preflight(im.r, h.Cors) {
		return h.explainPreflight(im, ex), nil
	}
	other, unused := im.who != nil && !im.service() && !h.Takes(im.who.Provider, im.who.Identity.Issuer), h.unused(im)
	if unused && len(h.SignIn.Idle) > 0 {
		ex.Idle = []ExplainedIdle{h.idleOf(im, im.who.Kind)}
	}
	if other || unused {
		im.who = nil
	}
	if im.who != nil && h.Foreign(im.r, im.v.Origin) {
		return ex.without(policy.Block, reasonCrossOrigin, errForeign), nil
	}
	d, outcomes := h.Compiled.Explain(h.imaginedRequest(im, true))
	ex.decided(&d, outcomes)
	if d.Verdict == policy.Allow {
		ex.Forwards = h.ForwardAccessToken.Summary()
	}
	h.explainSignals(im, ex, outcomes)
	switch {
	case d.Verdict != policy.SignIn:
	case unused:
		ex.Reason = reasonEnded
	case other:
		ex.Reason = reasonOtherProvider
	}
	if im.service() {
		ex.Prompt = ExplainedPrompt{Why: "there is no sign-in"}
		return ex, nil
	}
	ex.Prompt = h.explainPrompt(im, &d)
	if !unused {
		ex.Idle = h.explainIdle(im, &ex.Prompt)
	}
	return ex, nil
}

var errForeign = errors.New("a page of another origin sends it: origins and cors name the pages that may")

// explainPreflight follows the steps of Site.preflight. It reads no session.
func (h explainedSite) explainPreflight(im *imagined, ex *Explanation) *Explanation {
	crossorigin.Strip(im.r)
	im.who = nil
	d, outcomes := h.Compiled.Explain(h.imaginedRequest(im, true))
	ex.decided(&d, outcomes)
	ex.Prompt = h.explainPrompt(im, &d)
	if d.Verdict == policy.SignIn {
		ex.Verdict, ex.Reason = policy.Allow.String(), reasonPreflight
		ex.Prompt = ExplainedPrompt{Why: "there is no sign-in"}
	}
	return ex
}

// imaginedRequest returns the input of the policies, as Site.Request does for a real request. Without a route it is the
// end of a sign-in.
func (h explainedSite) imaginedRequest(im *imagined, route bool) *policy.Request {
	var subject *policy.Subject
	if im.who != nil {
		subject = h.Compiled.Resolve(h.User(im.who))
	}
	r := im.r
	if !route {
		r = nil
	}
	out := h.Request(r, im.v, subject, im.who)
	out.Time, out.Idle = im.at, 0
	out.Device.Bound = out.Device.Bound && route // a new session is bound after the sign-in
	if route {
		out.Idle = time.Duration(im.q.Idle)
	}
	if im.q.Platform != nil {
		out.Platform = *im.q.Platform
	}
	if im.q.Client != nil {
		out.Client = *im.q.Client
	}
	return out
}

func (im *imagined) name() string {
	switch q := im.q; {
	case q.Anonymous:
		return "anonymous"
	case q.User != "":
		return q.User
	case q.Email != "":
		return q.Email
	case q.Subject != "":
		return q.Subject
	case len(q.Unverified) > 0:
		return q.Unverified[0]
	default:
		return "a user"
	}
}

// without sets a verdict in which no policy takes part.
func (ex *Explanation) without(v policy.Verdict, why policy.Reason, err error) *Explanation {
	ex.Verdict, ex.Reason = v.String(), why
	if err != nil {
		ex.Error = err.Error()
	}
	return ex
}

func (ex *Explanation) decided(d *policy.Decision, outcomes []policy.Outcome) {
	ex.Verdict, ex.Reason, ex.Code = d.Verdict.String(), d.Reason, d.Code
	ex.CodeReason = signinlog.Code(d.Code).Reason()
	ex.By, ex.Unknown, ex.PolicyStatus = d.Policies(), gapWords(d.Gaps), d.Status
	if d.Err != nil {
		ex.Error = d.Err.Error()
	}
	if want := d.Demand; site.Demand(d) != nil {
		ex.Demand = &ExplainedDemand{MFA: want.MFA, ACRs: want.ACRs, PromptLogin: want.PromptLogin}
		if want.Reauthenticate {
			age := int64(want.MaxAge / time.Second)
			ex.Demand.MaxAge = &age
		}
	}
	ex.Controls = controlsOf(d)
	for i := range outcomes {
		ex.Policies = append(ex.Policies, explained(&outcomes[i]))
	}
}

func controlsOf(d *policy.Decision) *ExplainedControls {
	c := &ExplainedControls{
		FrequencyBy: d.FrequencyPolicies(), MaxIdleBy: d.MaxIdlePolicies(), PersistentBy: d.PersistentBrowserPolicies(),
	}
	switch {
	case d.Frequency.EveryTime:
		c.Frequency = "every_time"
	case d.Frequency.Interval != 0:
		c.Frequency = config.Days(d.Frequency.Interval)
	}
	if d.MaxIdle != 0 {
		c.MaxIdle = config.Days(d.MaxIdle)
	}
	if d.PersistentBrowser != policy.Unset {
		c.Persistent = d.PersistentBrowser.String()
	}
	if len(c.FrequencyBy)+len(c.MaxIdleBy)+len(c.PersistentBy) == 0 {
		return nil
	}
	return c
}

func explained(o *policy.Outcome) ExplainedPolicy {
	p := ExplainedPolicy{
		Policy: o.Policy, Site: o.Site != "", Position: o.Position, Mode: o.Mode, Result: o.Result.String(), Applies: applies,
		Unmet: o.Unmet.Words(), Excluded: o.Excluded.Words(), Missing: o.Missing.Words(), Unknown: gapWords(o.Gaps),
		Grants: o.Grants,
	}
	for _, control := range o.Sessions {
		p.Sessions = append(p.Sessions, spelled(control))
	}
	switch {
	case o.Unmet != 0:
		p.Applies = appliesNot
	case o.Gaps != 0:
		p.Applies = mayApply
	}
	if o.Err != nil {
		p.Error = o.Err.Error()
	}
	return p
}

func gapWords(g policy.Gaps) (words []string) {
	if g.Has(policy.GapGroups) {
		words = append(words, "groups")
	}
	if g.Has(policy.GapNetwork) {
		words = append(words, "network")
	}
	if g.Has(policy.GapClaim) {
		words = append(words, "meaning of a claim")
	}
	if g.Has(policy.GapName) {
		words = append(words, "whether a name is theirs")
	}
	return words
}

// spelled writes the duration at the end of a control in words.
func spelled(control string) string {
	word, value, _ := strings.Cut(control, " ")
	if d, err := time.ParseDuration(value); err == nil {
		return word + " " + config.Days(d)
	}
	return control
}
