package signin

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// admit goes on with somebody who has proven who they are: the policies first, then the prompt decision, then the
// session (R5, K3).
func (s *finisher) admit(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, a *answer) {
	draft := a.draft
	draft.FirstIP, draft.FirstAgent, draft.Began = v.IP.String(), browser.UserAgent(r), f.started()
	draft.BrowserID = browser.GiveID(w, s.Keys, v.Host, v.Secure, &v.Cookies)
	stepped, stepToken, err := s.stepOf(r, v, f, &draft)
	if err != nil {
		s.unwritten(w, r, v, f, &draft, signinlog.Record{}, err)
		return
	}
	// The policies decide about what came back, whatever was asked for, and as they, the network and the configuration are
	// now.
	asked := Asked{Policies: f.Demand.policies()}
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
			admission.Refusal.RetryURL = signInURL(f.page())
		}
		s.Refuse(w, r, v, &draft, admission.Refusal)
		return
	}
	if stepped != nil && s.steppedUp(w, r, v, f, stepped, stepToken, draft, a.tokens, rec, admission.Persistence) {
		return
	}
	if f.For != nil && s.goesOn(w, r, v, f, &draft, a.tokens, rec, admission.Persistence) {
		return
	}
	shared, used, err := s.sharedBrowser(r, v, &draft)
	if err != nil {
		// The signal only hides a convenience (A7), so without it the sign-in goes on.
		s.Logger.Warn("shared device not known", zap.Error(err))
	}
	decision := DecidePrompt(PromptFacts{
		Persistence:  admission.Persistence,
		Consent:      f.Consent,
		Guest:        mayBeGuest(&draft),
		HighRisk:     a.signals.highRisk,
		SharedDevice: a.signals.sharedDevice || admission.SharedNetwork || shared,
		Offered:      s.offered(v.Site) && (f.For == nil || f.For.Tighten == ""),
		Inherited:    a.signals.inherited,
		IWA:          a.signals.iwa,
		Remembered:   s.rememberedAnswer(v, draft.Identity),
		SameLimits:   s.Sessions.Limits().Same(),
		Suppress:     s.Prompt.Suppress,
	})
	if decision.Prompt {
		s.ask(w, r, v, f, draft, a.tokens, rec, used)
		return
	}
	draft.Kind, draft.KindReason = decision.Kind, decision.Reason
	rec.PromptReason = decision.Reason
	s.signInDone(w, r, v, f, draft, a.tokens, rec, used...)
}

// signInDone writes the session, and what is to be listed with it, and sends the browser to the page it first asked for.
func (s *finisher) signInDone(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, draft session.Record, tokens session.Tokens, rec signinlog.Record, in ...session.Listing) {
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	draft.Apps = []string{v.Site.App}
	made, token, err := s.create(ctx, w, v, draft, tokens, f.For != nil && f.For.Keep, in...)
	if errors.Is(err, session.ErrRevoked) {
		s.revokedMeanwhile(w, r, v, f, &draft, rec)
		return
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return
	}
	s.logPerson(v, r, f, made, rec)
	s.tellSignIn(v, made)
	s.rememberProvider(w, v, made.Provider)
	s.leave(w, r, v, f, token)
}

// leave sends somebody who has signed in to the page that they came for.
func (s *finisher) leave(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, token session.Token) {
	if f.For != nil && f.For.Later != "" {
		s.goOn(w, r, f.For.Later)
		return
	}
	if f.For != nil {
		s.handOver(w, r, v, f.For, token, passed{Fresh: true})
		return
	}
	s.goOn(w, r, f.Return)
}

// unwritten ends a sign-in that the store could not take.
func (s *finisher) unwritten(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, draft *session.Record, rec signinlog.Record, err error) {
	rec.Code = signinlog.StoreUnavailable
	s.logPerson(v, r, f, draft, rec)
	page := s.storeProblem(v, err)
	page.Code = int(rec.Code)
	s.problem(w, r, v, page)
}

func (s *recorder) tellSignIn(v *Visit, made *session.Record) {
	if s.Notify == nil {
		return
	}
	data := told(made)
	data["app"] = v.Site.App
	s.notify(EventSignIn, data)
}

// stepOf is the session that a step-up goes on with; nil if the flow is none, or there is no session of this person.
func (s *finisher) stepOf(r *http.Request, v *Visit, f *flow, draft *session.Record) (*session.Record, session.Token, error) {
	if !f.Step && (f.For == nil || f.Demand == nil) {
		return nil, session.Token{}, nil
	}
	live, token, err := s.Record(r, v)
	switch {
	case err == nil && live.Identity == draft.Identity:
		return live, token, nil
	case err == nil || NoSession(err):
		return nil, session.Token{}, nil
	}
	return nil, session.Token{}, err
}

// unseen is for how long the person of a step-up had not used the session, or, if that is shorter, had not
// authenticated. A provider that answers from a session of its own has not shown that they are there.
func (s *finisher) unseen(live, draft *session.Record) time.Duration {
	now := s.Now()
	idle := now.Sub(live.LastUsed)
	if !draft.AuthTime.IsZero() {
		idle = min(idle, now.Sub(draft.AuthTime))
	}
	return max(idle, 0)
}

// steppedUp ends a step-up: the session goes on under a new id, with the persistence that it had (X21, X23, row 1). It
// reports false if the session is over meanwhile, and the sign-in is one like any other.
func (s *finisher) steppedUp(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, live *session.Record, have session.Token, draft session.Record, tokens session.Tokens, rec signinlog.Record, says Persistence) bool {
	decision := DecidePrompt(PromptFacts{Live: &live.Kind, Persistence: says})
	draft.Kind, draft.KindReason = decision.Kind, live.KindReason
	if decision.Kind != live.Kind {
		draft.KindReason = decision.Reason
	}
	draft.FirstIP, draft.FirstAgent, draft.Apps = live.FirstIP, live.FirstAgent, live.Apps
	draft.SteppedUp, draft.StepUps = s.Now(), 1
	if s.Now().Sub(live.SteppedUp) < loopWindow {
		draft.StepUps = live.StepUps + 1
	}
	rec.PromptReason = decision.Reason
	tokens = s.keepRefresh(live, have, &draft, tokens)
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	made, token, err := s.Sessions.Succeed(ctx, live, draft, tokens)
	if errors.Is(err, session.ErrRevoked) {
		s.revokedMeanwhile(w, r, v, f, &draft, rec)
		return true
	}
	if Over(err) {
		return false
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return true
	}
	s.giveCookie(w, v, made, token)
	s.logPerson(v, r, f, made, rec)
	s.tellSignIn(v, made)
	s.leave(w, r, v, f, token)
	return true
}

// keepRefresh returns the tokens of a step-up, with the refresh token that the session had if the answer brings none:
// many providers give one only for a consent page. It is of the same person at the same provider, so the session goes on
// being rechecked, and a disabled account ends it; without it the account could stay in until the max lifetime. What a
// refresh says of the older sign-in changes neither auth_time, acr nor amr of a session.
func (s *finisher) keepRefresh(live *session.Record, have session.Token, draft *session.Record, tokens session.Tokens) session.Tokens {
	if tokens.Refresh != "" || !live.Renewable || live.Provider != draft.Provider {
		return tokens
	}
	old, err := s.Sessions.Tokens(live, have)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", live.ID.Short()), zap.Error(err))
		return tokens
	}
	tokens.Refresh = old.Refresh
	return tokens
}

// note is what a pending sign-in keeps beside its draft: enough to go on with the flow, and to log it if nobody does.
type note struct {
	Flow     flow
	App      string
	Policies []signinlog.AppliedPolicy
	Status   string
}

// ask keeps the sign-in, with what is to be listed with it, and shows the prompt. No session exists until the answer (K3).
func (s *finisher) ask(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, draft session.Record, tokens session.Tokens, rec signinlog.Record, in []session.Listing) {
	keep := *f
	keep.State, keep.Nonce, keep.Verifier = "", "", ""
	plain, err := shortJSON(note{Flow: keep, App: v.Site.App, Policies: rec.Policies, Status: rec.PolicyStatus})
	if err != nil {
		s.fail(w, r, v, "keeping sign-in", err)
		return
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	deadline := s.Now().Add(s.Prompt.AbandonAfter)
	prompt, old := s.overtake(w, r, v, draft.Identity)
	token, err := s.Sessions.Hold(ctx, session.Pending{Draft: draft, Note: plain, Deadline: deadline}, tokens, in...)
	if err != nil && old != nil {
		s.logAbandoned(*old) // no prompt took its place
	}
	if errors.Is(err, session.ErrFull) {
		rec.Code, rec.Detail = signinlog.StoreUnavailable, "too many sign-ins wait for an answer"
		s.logPerson(v, r, f, &draft, rec)
		s.full(w, r, v, f)
		return
	}
	if err != nil {
		s.unwritten(w, r, v, f, &draft, rec, err)
		return
	}
	s.endSurplus(ctx, draft.Identity)
	s.givePending(w, v, unanswered{token: token, prompt: prompt, page: f.page()})
	browser.Redirect(w, stayURL(f.page()))
}
