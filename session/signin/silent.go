package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Recheck without a refresh token, where the provider block says `recheck silent`: the browser is sent to the provider
// and back while it opens a page, with prompt=none, so that the user is asked nothing (X20). What comes renews the claims
// of the session and nothing else. A provider that would have to ask has not refused the person (50058): the session
// stays, and the same page begins a sign-in. Whatever else goes wrong is an outage, which ends nothing for a day (D4).

// silentPatience bounds the look whether the provider is there, before a user is sent to it.
const silentPatience = 2 * time.Second

// SilentRecheckDue reports whether RecheckSilently has something to do for a session.
func (s *renewer) SilentRecheckDue(v *Visit, who *session.Session) bool {
	if who.Renewable || s.Config.Recheck <= 0 {
		return false
	}
	age := s.Now().Sub(who.LastAnswer())
	if age < s.Config.Recheck || !s.renewsHere(v) && s.tooOld(age, false) == nil {
		return false
	}
	p := s.byName[who.Provider()]
	return p != nil && p.SilentRecheck
}

// renewsHere reports whether pages of this host may go to the provider silently. With a sign-in host only its own pages do. The
// other sites use what they have learned, and begin a sign-in once the claims are too old to go on with.
func (s *renewer) renewsHere(v *Visit) bool { return s.SignInHost == "" || v.Origin == s.SignInHost }

// RenewClaims has the claims of a session renewed where that is due: behind the request or before it, or by way of the
// provider's page in a browser that opens a page. sent: the browser goes there, and the request is answered. id tells the id
// of a request for the page that may be shown. It is for sessions that Authenticate has returned.
func (s *starter) RenewClaims(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Session, token session.Token, id func(*http.Request) string) (fresh *session.Session, sent bool, err error) {
	fresh, err = s.Recheck(r, who, token)
	if err == nil && s.SilentRecheckDue(v, fresh) {
		v.RequestID = id(r)
		sent, err = s.RecheckSilently(w, r, v, fresh, token)
	}
	return fresh, sent, err
}

// RecheckSilently sends a page that is being opened to the provider, where that is due, and reports whether it has: then
// the request is answered. The error is that of Recheck: the claims are too old to go on with, and either the provider
// (ErrProviderDown) or the session (NoSession) is why.
func (s *starter) RecheckSilently(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Session, token session.Token) (sent bool, err error) {
	p, now := s.byName[who.Provider()], s.Now()
	held, paused := s.paused.of(who.ID, now)
	if s.renewsHere(v) && !paused && browser.Classify(r) == browser.NavigationGet && s.reached(r, p) && s.sendSilently(w, r, v, p, who, token) {
		return true, nil
	}
	down := now.UnixMilli() < s.renewals[p.Name].after.Load() || paused && held.down && !p.AnsweredSince(held.at)
	return false, s.tooOld(now.Sub(who.LastAnswer()), down)
}

// reached reports whether the provider answers: no user is sent to a page that does not load.
func (s *renewer) reached(r *http.Request, p *oidc.Provider) bool {
	all := s.renewals[p.Name]
	if s.Now().UnixMilli() < all.after.Load() {
		return false
	}
	ctx, cancel := detach(r, silentPatience)
	defer cancel()
	err := all.seen(ctx, p, s.Now())
	if err == nil {
		return true
	}
	all.after.Store(s.Now().Add(recheckPause).UnixMilli())
	s.Logger.Warn("provider does not answer, so claims of sessions are not renewed; will retry", zap.String("provider", p.Name),
		zap.Error(oidc.Truncated(err)))
	return false
}

// sendSilently begins the round trip.
func (s *starter) sendSilently(w http.ResponseWriter, r *http.Request, v *Visit, p *oidc.Provider, have *session.Session, token session.Token) bool {
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

// seen reports whether the provider answered within recheckPause, and asks it if that is not known.
func (all *providerRenewals) seen(ctx context.Context, p *oidc.Provider, now time.Time) error {
	if at := all.seenAt.Load(); at != 0 && now.UnixMilli()-at < recheckPause.Milliseconds() {
		return nil
	}
	if err := p.Discover(ctx); err != nil {
		return err
	}
	all.seenAt.Store(now.UnixMilli())
	return nil
}

// finishSilent ends the round trip.
func (s *finisher) finishSilent(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, p *oidc.Provider, a *oidc.Answer, err error) {
	live, token, lost := s.Record(r, v)
	switch {
	case lost != nil && !NoSession(lost):
		s.storeDown(w, r, v, lost)
		return
	case lost != nil:
		browser.Redirect(w, f.Return) // which begins a sign-in if one is needed
		return
	}
	var refused *oidc.RefusedError
	switch {
	case err == nil && live.Identity == a.Draft.Identity:
		ctx, cancel := detach(r, storeTimeout)
		defer cancel()
		if _, err = s.Sessions.Renew(ctx, live, token, a.Draft, a.Tokens); err != nil {
			s.storeDown(w, r, v, err)
			return
		}
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
		f.Challenge = refusal.Challenge // which the sign-in that follows answers
		s.askAloud(w, r, v, f, p, live, refusal.Detail(), false)
		return
	}
	s.paused.failed(live.ID, s.Now(), oidc.IsDown(err), false)
	s.Logger.Warn("claims of a session not renewed, will retry", zap.String("provider", p.Name),
		zap.String("session", live.ID.Short()), zap.Error(oidc.Truncated(err)))
	browser.Redirect(w, f.Return)
}

// askAloud has the person sign in where asking in silence was not enough. Their session goes on until they have, and
// then under a new id.
func (s *finisher) askAloud(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, p *oidc.Provider, live *session.Record, detail string, login bool) {
	rec := person(live, signinlog.Record{Code: signinlog.SilentSignInFailed, Detail: detail})
	s.log(v, r, f, rec)
	again := s.again(f)
	again.Silent, again.Step, again.Login = false, true, login
	again.Consent = s.newFlow(v, p, f.Return).Consent
	s.begin(w, r, v, again, beginning{})
}
