package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/grant"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Recheck without a refresh token, where the provider block says `recheck silent`: the browser is sent to the provider
// and back while it opens a page, with prompt=none, so that nobody is asked anything (X20). What comes renews the claims
// of the session and nothing else. A provider that would have to ask has not refused the person (50058): the session
// stays, and the same page begins a sign-in. Whatever else goes wrong is an outage, which ends nothing for a day (D4).

// silentPatience bounds the look whether the provider is there, before somebody is sent to it.
const silentPatience = 2 * time.Second

// RecheckSilently sends a page that is being opened to the provider if the session's claims are too old, and refuses
// what is no such page once they are a day older than that. It reports whether the request is answered.
func (s *Service) RecheckSilently(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Live, token session.Token) bool {
	if who.Renewable || s.Config.Recheck <= 0 {
		return false
	}
	age := s.Now().Sub(who.LastAnswer())
	if age < s.Config.Recheck {
		return false
	}
	p := s.byName[who.Provider()]
	if p == nil || !p.SilentRecheck || s.SignInHost != "" && v.Origin != s.SignInHost {
		return false // with a host for all sites, pages of that host renew
	}
	var away error
	if Classify(r) == NavigationGet && !s.paused.holds(who.ID, s.Now()) {
		if away = p.reached(r); away == nil && s.sendSilently(w, r, v, p, who, token) {
			return true
		}
	}
	if s.tooOld(age, false) == nil {
		return false
	}
	if away != nil {
		s.Unavailable(w, r, v, away)
		return true
	}
	s.Challenge(w, r, v, false, nil)
	return true
}

// reached is nil if the provider answers: nobody is sent to a page that does not load.
func (p *Provider) reached(r *http.Request) error {
	if p.Now().UnixMilli() < p.renewAfter.Load() {
		return ErrProviderDown
	}
	ctx, cancel := detach(r, silentPatience)
	defer cancel()
	err := p.seen(ctx)
	if err == nil {
		return nil
	}
	p.renewAfter.Store(p.Now().Add(recheckPause).UnixMilli())
	p.Logger.Warn("provider does not answer, so claims of sessions are not renewed; will retry", zap.String("provider", p.Name),
		zap.Error(truncated(err)))
	return fmt.Errorf("%w: %w", ErrProviderDown, err)
}

// sendSilently begins the round trip.
func (s *Service) sendSilently(w http.ResponseWriter, r *http.Request, v *Visit, p *Provider, have *session.Live, token session.Token) bool {
	who, err := have.Session()
	if err != nil {
		s.Logger.Error("session not read", zap.String("session", have.ID.Short()), zap.Error(err))
		return false
	}
	tokens, err := s.Sessions.Tokens(who, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", who.ID.Short()), zap.Error(err))
	}
	f := s.newFlow(v, p, v.Return)
	f.Silent, f.Consent, f.tokenHint = true, false, joinToken(who.Claims, tokens)
	s.begin(w, r, v, f, false)
	return true
}

// seen reports whether the provider answered within recheckPause, and asks it if that is not known.
func (p *Provider) seen(ctx context.Context) error {
	now := p.Now()
	if at := p.seenAt.Load(); at != 0 && now.UnixMilli()-at < recheckPause.Milliseconds() {
		return nil
	}
	if err := p.discover(ctx); err != nil {
		return err
	}
	p.seenAt.Store(now.UnixMilli())
	return nil
}

// finishSilent ends the round trip.
func (s *Service) finishSilent(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, p *Provider, a *answer, err error) {
	live, token, lost := s.Session(r, v)
	switch {
	case lost != nil && !NoSession(lost):
		s.storeDown(w, r, v, lost)
		return
	case lost != nil:
		redirect(w, f.Return) // which begins a sign-in if one is needed
		return
	}
	var refused *refusedError
	switch {
	case err == nil && live.Identity == a.draft.Identity:
		ctx, cancel := detach(r, storeTimeout)
		defer cancel()
		if _, err = s.Sessions.Renew(ctx, live, token, a.draft, a.tokens); err != nil {
			s.storeDown(w, r, v, err)
			return
		}
		redirect(w, f.Return)
		return
	case err == nil:
		s.askAloud(w, r, v, f, p, live, "somebody else is signed in at the provider", true)
		return
	case errors.As(err, &refused):
		switch refused.word {
		case "login_required", "interaction_required", "account_selection_required", "consent_required":
			s.askAloud(w, r, v, f, p, live, refused.word, false)
			return
		}
	}
	var refusal *grant.Error
	if errors.As(err, &refusal) && refusal.Challenge != "" {
		v.challenge = refusal.Challenge
		s.askAloud(w, r, v, f, p, live, refusal.Detail(), false)
		return
	}
	s.paused.failed(live.ID, s.Now(), isDown(err), false)
	s.Logger.Warn("claims of a session not renewed, will retry", zap.String("provider", p.Name),
		zap.String("session", live.ID.Short()), zap.Error(truncated(err)))
	redirect(w, f.Return)
}

// askAloud has the person sign in where asking in silence was not enough. Their session goes on until they have, and
// then under a new id.
func (s *Service) askAloud(w http.ResponseWriter, r *http.Request, v *Visit, f *flow, p *Provider, live *session.Session, detail string, login bool) {
	rec := person(live, signinlog.Record{Code: signinlog.SilentSignInFailed, Detail: detail})
	s.log(v, r, f, rec)
	again := s.again(f)
	again.Silent, again.Step, again.Login = false, true, login
	again.Consent = s.newFlow(v, p, f.Return).Consent
	s.begin(w, r, v, again, false)
}
