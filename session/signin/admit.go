package signin

import (
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// admit continues with a user whose identity is proven: first the policies, then the prompt decision, then the session
// (R5, K3).
func (s *finisher) admit(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, a *oidc.Answer) {
	draft := a.Draft
	draft.FirstIP, draft.FirstAgent, draft.Began = v.IP.String(), browser.UserAgent(r), f.started()
	stepped, stepToken, err := s.stepOf(r, v, f, &draft)
	if err != nil {
		s.unwritten(w, r, v, f, &draft, signinlog.Record{}, err)
		return
	}
	// The policies decide on the facts that came back, not on what was requested. Policies, network and configuration
	// are the current ones.
	asked := access.Asked{Policies: f.Demand.PolicyNames()}
	if stepped != nil {
		asked.Idle = s.unseen(stepped, &draft)
	}
	admission := v.Site.Gate.Admit(v, &draft, asked)
	rec := signinlog.Record{PolicyStatus: admission.PolicyStatus, Policies: admission.Policies}
	if admission.Demand != nil {
		s.demanded(w, r, v, f, &draft, &admission)
		return
	}
	if admission.Refusal != nil {
		rec.Code, rec.Detail = admission.Refusal.Code, admission.Refusal.Reason
		s.logPerson(v, r, f, &draft, rec)
		admission.Refusal.Return = f.page()
		if retryHelps(admission.Refusal.Title) {
			admission.Refusal.RetryURL = access.SignInURL(f.page())
		}
		s.Refuse(w, r, v, &draft, admission.Refusal)
		return
	}
	id := browser.GiveID(w, s.Keys, v.Host, v.Secure, &v.Cookies, remembered.PersonOf(&draft), s.Now())
	draft.BrowserID = browser.Name(id)
	if stepped != nil && s.steppedUp(w, r, v, f, stepped, stepToken, draft, a.Tokens, rec, admission.Persistence) {
		return
	}
	if s.provenAgain(w, r, v, f, &draft, a.Tokens, rec, admission.Persistence) {
		return
	}
	if f.For != nil && s.goesOn(w, r, v, f, &draft, a.Tokens, rec, admission.Persistence) {
		return
	}
	shared, used, err := s.remembered.SharedAtSignIn(r, v, id, &draft)
	if err != nil {
		// The signal only suppresses a convenience (A7), so the sign-in continues without it.
		s.Logger.Warn("shared device not known", zap.Error(err))
	}
	decision := prompt.Decide(prompt.Facts{
		Live:         s.nakedKind(r, v, &draft),
		Persistence:  admission.Persistence,
		Consent:      f.Consent,
		Guest:        prompt.MayBeGuest(&draft),
		HighRisk:     a.Signals.HighRisk,
		SharedDevice: a.Signals.SharedDevice || admission.SharedNetwork || shared,
		Offered:      s.Prompt.Offered(v.Site) && (f.For == nil || f.For.Tighten == ""),
		Inherited:    a.Signals.Inherited,
		IWA:          a.Signals.IWA,
		Remembered:   s.remembered.Answer(v, draft.Identity),
		SameLimits:   s.SameLimits(v),
		Suppress:     s.Prompt.Suppress,
	})
	if decision.Prompt {
		s.ask(w, r, v, f, draft, a.Tokens, rec, used)
		return
	}
	draft.Kind, draft.KindReason = decision.Kind, decision.Reason
	rec.PromptReason = decision.Reason
	s.signInDone(w, r, v, f, draft, a.Tokens, rec, ending{also: used})
}

// ask stores the sign-in with its listings, and shows the prompt. No session exists before the answer (K3).
func (s *finisher) ask(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft session.Record, tokens session.Tokens, rec signinlog.Record, in []session.Listing) {
	keep := noteFor(f, v.Site.App, rec)
	plain, err := shortJSON(keep)
	if err != nil {
		s.Fail(w, r, v, "keeping sign-in", err)
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	deadline := s.Now().Add(s.Prompt.AbandonAfter)
	prompt, old := s.overtake(w, r, v, draft.Identity)
	held, err := s.Pending.Hold(ctx, pending.SignIn{Draft: draft, Note: plain, Known: keep, Deadline: deadline}, tokens, in...)
	if err != nil && old != nil {
		s.logAbandoned(*old) // no new prompt replaced it
	}
	if errors.Is(err, pending.ErrFull) {
		rec.Code, rec.Detail = signinlog.StoreUnavailable, "too many sign-ins wait for an answer"
		s.logPerson(v, r, f, &draft, rec)
		s.full(w, r, v, f)
		return
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return
	}
	s.logSurplus(held)
	s.givePending(w, v, unanswered{token: held.Token, prompt: prompt, page: f.page()})
	browser.Redirect(w, stayURL(f.page()))
}

// maxRounds is how often one sign-in goes to the provider because the policies demand something new: after an answer
// further policies can apply to the user.
const maxRounds = 3

// demanded handles an answer that does not satisfy a policy: with a flow that demands it; if it was already demanded
// and not shown, with one more that also demands a login; and then with a page that names what is missing.
func (s *finisher) demanded(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft *session.Record, admission *access.Admission) {
	want := admission.Demand
	missing := want.Shows()
	again, loop := s.nextRound(f, want)
	// Demanded and not shown has one code for all policies (50074); what is about to be demanded has its own codes.
	rec := signinlog.Record{
		Code: signinlog.StrongAuthRequired, Detail: strings.Join(missing, " "),
		PolicyStatus: "failure", Policies: admission.Policies,
	}
	switch why := admission.Refusal; {
	case loop:
		rec.Code = signinlog.LoopDetected
	case why != nil && f.Demand == nil:
		rec.Code = why.Code
	}
	s.logPerson(v, r, f, draft, rec)
	if again != nil {
		s.begin(w, r, v, again, beginning{})
		return
	}
	why := s.notShown(v, f, want, rec.Code)
	if admission.Refusal != nil {
		why.Policies = admission.Refusal.Policies
	}
	s.Refuse(w, r, v, draft, why)
}

// notShown is the refusal of a sign-in that did not achieve what was demanded.
func (s *finisher) notShown(v *access.Visit, f *flow, want *oidc.Demand, code signinlog.Code) *access.Refusal {
	why := &access.Refusal{
		Code: code, Reason: "requirement_not_shown", Title: pages.BlockRequirement,
		Missing: want.Shows(), Policies: want.PolicyNames(),
		RetryURL: access.SignInURL(f.page()), Return: f.page(), Stronger: want.MFA || len(want.ACRs) > 0,
	}
	if f.For == nil {
		why.RetryURL = s.stepURL(v, f.Return, want, why)
	}
	return why
}

// nextRound returns the flow that demands what is missing; nil if another request cannot help: the provider was asked
// and there is no stronger way, or there were too many rounds, which is a loop.
func (s *finisher) nextRound(f *flow, want *oidc.Demand) (again *flow, loop bool) {
	p := s.ByName[f.Provider]
	again = s.again(f)
	switch {
	case !f.Demand.Covers(want):
		if f.Rounds >= maxRounds {
			return nil, true
		}
		again.Demand, again.Rounds, again.Ignored = want.With(f.Demand), f.Rounds+1, false
		if p.Demands(again.request(false)) != p.Demands(f.request(false)) {
			return again, false
		}
	case f.Ignored:
		return nil, false
	}
	if again.Ignored = true; p.Demands(again.request(false)) == p.Demands(f.request(false)) {
		return nil, false
	}
	return again, false
}

// retryHelps reports whether another sign-in of the same user may succeed: from another network or device, or after the
// provider has sent their groups. Rules about the user themselves do not change.
func retryHelps(why pages.Block) bool {
	return why == pages.BlockNetwork || why == pages.BlockDevice || why == pages.BlockGroups || why == pages.BlockRequirement
}
