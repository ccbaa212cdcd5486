package signin

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Recheck without a refresh token, if the provider is configured with `recheck silent`: when the user opens a page, the
// browser is redirected to the provider and back, with prompt=none, so that the user is asked nothing (X20). The answer
// renews the claims of the session and nothing else. A provider that needs an input of the user has not refused the
// user (50058): the session stays, and the same page begins a sign-in. Any other failure is an outage, which ends
// nothing for a day (D4).

// RenewClaims renews the claims of a session if that is due: in parallel to the request, before it, or by a redirect of
// a page to the provider. sent: the browser was redirected, and the request is answered. id returns the request ID for
// the page that may be shown. It is for sessions that Authenticate has returned.
func (s *starter) RenewClaims(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Session, token session.Token, id func(*http.Request) string) (fresh *session.Session, sent bool, err error) {
	fresh, err = s.renewer.Recheck(r, who, token)
	if err == nil && s.renewer.SilentRecheckDue(v, fresh) {
		v.RequestID = id(r)
		sent, err = s.RecheckSilently(w, r, v, fresh, token)
	}
	return fresh, sent, err
}

// RecheckSilently redirects a page to the provider if that is due, and reports whether it has; the request is then
// answered. The error is that of Recheck: the claims are too old, because of the provider (ErrProviderDown) or the
// session (NoSession).
func (s *starter) RecheckSilently(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Session, token session.Token) (sent bool, err error) {
	if p := s.renewer.SilentlyNow(r, v, who); p != nil && s.sendSilently(w, r, v, p, who, token) {
		return true, nil
	}
	return false, s.renewer.SilentlyLater(who)
}

// sendSilently begins the redirect to the provider.
func (s *starter) sendSilently(w http.ResponseWriter, r *http.Request, v *access.Visit, p *oidc.Provider, have *session.Session, token session.Token) bool {
	who, err := have.Record()
	if err != nil {
		s.Logger.Error("session not read", zap.String("session", have.ID.Short()), zap.Error(err))
		return false
	}
	tokens, err := s.Sessions.Tokens(who, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", who.ID.Short()), zap.Error(err))
	}
	f := s.newFlow(v, p, v.Return)
	f.Silent, f.Consent, f.tokenHint = true, false, oidc.JoinIDToken(who.Claims, tokens)
	s.begin(w, r, v, f, beginning{})
	return true
}

// finishSilent handles its return.
func (s *finisher) finishSilent(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, a *oidc.Answer, err error) {
	live, token, lost := s.Record(r, v)
	switch {
	case lost != nil && !access.NoSession(lost):
		s.StoreDown(w, r, v, lost)
		return
	case lost != nil:
		browser.Redirect(w, f.Return) // which begins a sign-in if one is needed
		return
	}
	var refused *oidc.RefusedError
	switch {
	case err == nil && live.Identity == a.Draft.Identity:
		ctx, cancel := access.Detach(r, access.StoreTimeout)
		defer cancel()
		renewed, err := s.Sessions.Renew(ctx, live, token, a.Draft, a.Tokens)
		if err != nil {
			s.StoreDown(w, r, v, err)
			return
		}
		s.binder.Offer(w, v, renewed, token, false)
		browser.Redirect(w, f.Return)
		return
	case err == nil:
		s.askAloud(w, r, v, f, p, live, "another user is signed in at the provider", true)
		return
	case errors.As(err, &refused):
		switch refused.Word {
		case "login_required", "interaction_required", "account_selection_required", "consent_required":
			s.askAloud(w, r, v, f, p, live, refused.Word, false)
			return
		}
	}
	var refusal *grant.Error
	if errors.As(err, &refusal) && refusal.Challenge != "" {
		f.Challenge = refusal.Challenge // which the following sign-in answers
		s.askAloud(w, r, v, f, p, live, refusal.Detail(), false)
		return
	}
	s.renewer.SilentFailed(p, live.ID, err)
	browser.Redirect(w, f.Return)
}

// askAloud makes the user sign in if the silent recheck was not enough. The session continues until then, and
// afterwards under a new ID.
func (s *finisher) askAloud(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, p *oidc.Provider, live *session.Record, detail string, login bool) {
	rec := access.EntryOf(live, signinlog.Record{Code: signinlog.SilentSignInFailed, Detail: detail})
	s.log(v, r, f, rec)
	again := s.again(f)
	again.Silent, again.Step, again.Login = false, true, login
	again.Consent = s.newFlow(v, p, f.Return).Consent
	s.begin(w, r, v, again, beginning{})
}
