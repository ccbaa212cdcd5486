package explain

import (
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// ExplainedPrompt is the decision on "Stay signed in?".
type ExplainedPrompt struct {
	// Asked: the question is shown. Otherwise Kind is the kind of the new session; it is empty if there will be no
	// session.
	Asked bool   `json:"asked"`
	Kind  string `json:"kind,omitempty"`
	// Reason is the word in the log. Why is the explanation if there is no sign-in to decide about.
	Reason string `json:"reason,omitempty"`
	Why    string `json:"why,omitempty"`
	// Then: the prompt is decided after a sign-in that achieves what the policies demand (R5).
	Then bool `json:"after_step_up,omitempty"`
}

// explainPrompt decides on the prompt as at the end of a sign-in: with all rules that do not depend on the route, after
// the grants.
func (h explainedSite) explainPrompt(im *imagined, d *policy.Decision) ExplainedPrompt {
	if im.who == nil {
		if d.Verdict == policy.Block {
			return ExplainedPrompt{Why: "no user is sent to sign in"}
		}
		return ExplainedPrompt{Why: "it depends on who signs in"}
	}
	end := h.Compiled.Evaluate(h.imaginedRequest(im, false))
	if end.Verdict == policy.Block {
		return ExplainedPrompt{Why: "the sign-in is refused"}
	}
	facts := prompt.Facts{Persistence: site.Persistence(end.PersistentBrowser)}
	if im.q.Kind != "" {
		facts.Live = &im.who.Kind
		if d.Verdict == policy.Allow && im.who.Kind == session.Persistent && facts.Persistence == prompt.PersistenceUnset &&
			!h.Tenant.Prompt.Offered(&h.SignIn) {
			// The request itself turns the session into a browser session (X16).
			return ExplainedPrompt{Kind: session.Browser.String(), Reason: prompt.ReasonSettingOff}
		}
	} else {
		h.newSignIn(im, &facts)
	}
	decision := prompt.Decide(facts)
	p := ExplainedPrompt{Asked: decision.Prompt, Reason: decision.Reason, Then: d.Verdict == policy.StepUp}
	if !decision.Prompt {
		p.Kind = decision.Kind.String()
	}
	return p
}

// newSignIn sets the facts of a sign-in that creates a new session.
func (h explainedSite) newSignIn(im *imagined, f *prompt.Facts) {
	q, t := im.q, h.Tenant
	f.Consent, f.Guest, f.IWA, f.Inherited = q.Consent, q.Guest || q.GuestUnreadable, q.IWA, q.Inherited
	high := func(r policy.Risk) bool { return r == policy.RiskHigh || r == policy.RiskUnreadable }
	f.HighRisk = high(q.SignInRisk) || high(q.UserRisk)
	f.SharedDevice = q.Shared == policy.Yes || q.Shared == policy.Unreadable || h.Compiled.Locate(im.v.IP).Shared
	f.Offered = t.Prompt.Offered(&h.SignIn)
	f.SameLimits = t.Limits.Same()
	f.Suppress = t.Prompt.Suppress
	if q.Remembered != "" && t.Prompt.RememberAnswer > 0 {
		kind := session.Browser
		if q.Remembered == "yes" {
			kind = session.Persistent
		}
		f.Remembered = &kind
	}
}
