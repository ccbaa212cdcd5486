package account

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/claim"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// ReasonOtherBrowser means that another browser presents the session than the one that signed in, or one without a
// browser cookie. The session may not become persistent there: a copied cookie must not outlive the browser from which
// it was copied.
const ReasonOtherBrowser = "other_browser"

// mayStay decides whether the user may make a browser session persistent. It is the decision of the prompt with the
// current record and policies: users cannot get more here than at the prompt (rows 2 to 10). A signal that suppressed
// the prompt at sign-in and is not in the record still suppresses it. A new sign-in would also ask, so nothing that
// requires a sign-in becomes weaker (A16).
func (s *Page) mayStay(r *http.Request, v *access.Visit, who visitor) prompt.Decision {
	have := who.session
	id, ok := browser.ID(s.Keys, v.Host, &v.Cookies)
	if !ok || !browser.IsNamed(id, have.BrowserID) {
		return prompt.Decision{Kind: session.Browser, Reason: ReasonOtherBrowser}
	}
	if limits := s.Sessions.Limits(); !s.Now().Before(have.Created.Add(limits.Of(session.Persistent, have.Binding.Bound()).Max)) {
		return prompt.Decision{Kind: session.Browser, Reason: prompt.ReasonNoDifference}
	}
	var said oidc.Signals
	if p := s.ByName[have.Provider]; p != nil {
		if claims, err := claim.Parse(have.Claims); err == nil {
			said = p.Claims.Signals(claim.Set{claims})
		}
	}
	return prompt.Decide(prompt.Facts{
		Persistence:  who.admission.Persistence,
		Consent:      have.KindReason == prompt.ReasonConsent,
		Guest:        prompt.MayBeGuest(have),
		HighRisk:     said.HighRisk || prompt.MayBeHigh(have.SignInRisk) || prompt.MayBeHigh(have.UserRisk) || have.KindReason == prompt.ReasonHighRisk,
		SharedDevice: said.SharedDevice || have.Shared == "true" || have.Shared == session.Unreadable || have.KindReason == prompt.ReasonSharedDevice || who.admission.SharedNetwork || s.remembered.Shared(r, id),
		Offered:      s.Prompt.Offered(v.Site),
		Inherited:    said.Inherited,
		IWA:          said.IWA || have.KindReason == prompt.ReasonIWA,
		SameLimits:   s.SameLimits(v),
		Suppress:     s.Prompt.Suppress,
	})
}

// whyNot groups the reasons why a session ends with the browser, by what the user can do about them.
func whyNot(reason string) pages.Stay {
	switch reason {
	case prompt.ReasonPolicyNever:
		return pages.StayPolicy
	case prompt.ReasonSettingOff:
		return pages.StaySetting
	case prompt.ReasonNoDifference:
		return pages.StayNone
	}
	return pages.StaySignal
}

// stayHere makes the session persistent, as the answer Yes at the prompt does.
func (s *Page) stayHere(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	if who.session.Kind == session.Persistent {
		s.mineChanged(w, r, v, who)
		return
	}
	decision := s.mayStay(r, v, who)
	if !decision.AllowsPersistent() {
		s.mineRefused(w, r, v, decision.Reason)
		return
	}
	reason := decision.Reason
	if decision.Prompt {
		reason = prompt.ReasonAnsweredYes
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	kept, token, err := s.Sessions.Persist(ctx, who.token, reason)
	if err != nil {
		s.mineFailed(w, r, v, err)
		return
	}
	s.GiveCookie(w, v, kept, token)
	s.noteKind(v, kept)
	who.session, who.token = kept, token
	s.mineChanged(w, r, v, who)
}

// endWithBrowser makes the session a browser session, as the answer No at the prompt does.
func (s *Page) endWithBrowser(w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) {
	if who.session.Kind != session.Persistent {
		s.mineChanged(w, r, v, who)
		return
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	tight, token, err := s.tightenOwn(ctx, w, r, v, who)
	if err != nil {
		s.mineFailed(w, r, v, err)
		return
	}
	s.noteKind(v, tight)
	who.session, who.token = tight, token
	s.mineChanged(w, r, v, who)
}

func (s *Page) tightenOwn(ctx context.Context, w http.ResponseWriter, r *http.Request, v *access.Visit, who visitor) (*session.Record, session.Token, error) {
	if s.SignInHostname != "" {
		return s.SucceedTighter(w, r, v, who.session, who.token, prompt.ReasonAnsweredNo)
	}
	tight, err := s.Sessions.Tighten(ctx, who.session, prompt.ReasonAnsweredNo)
	if err == nil {
		s.GiveCookie(w, v, tight, who.token)
	}
	return tight, who.token, err
}

func (s *Page) noteKind(v *access.Visit, now *session.Record) {
	s.Logger.Info("person changed the kind of a session", zap.String("session", now.ID.Short()),
		zap.String("app", v.Site.App), zap.Stringer("kind", now.Kind))
}

// mineFailed answers a change for which the session has ended, or the store does not answer.
func (s *Page) mineFailed(w http.ResponseWriter, r *http.Request, v *access.Visit, err error) {
	switch {
	case access.Over(err), errors.Is(err, session.ErrRevoked):
		s.signIn.Challenge(w, r, v, err, nil)
	default:
		s.StoreDown(w, r, v, err)
	}
}
