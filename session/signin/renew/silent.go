package renew

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// SilentRecheckDue reports whether a silent recheck of a session is due.
func (s *Renewer) SilentRecheckDue(v *access.Visit, who *session.Session) bool {
	if who.Renewable {
		return false
	}
	age := s.Now().Sub(who.LastAnswer())
	if !s.due(who, age) || !s.renewsHere(v) && s.tooOld(age, false) == nil {
		return false
	}
	return s.silently(who)
}

// silently reports whether pages of a session may be redirected to its provider for new claims.
func (s *Renewer) silently(who *session.Session) bool {
	p := s.ByName[who.Provider()]
	return p != nil && p.SilentRecheck
}

// renewsHere reports whether pages of this host may be redirected to the provider silently. With a sign-in host only
// its own pages may. The other sites use the result, and begin a sign-in when the claims are too old.
func (s *Renewer) renewsHere(v *access.Visit) bool {
	return s.SignInHost == "" || v.Origin == s.SignInHost
}

// SilentlyNow returns the provider to which a page is redirected for new claims at this request. It returns nil if the
// request does not open a page, or the provider does not answer.
func (s *Renewer) SilentlyNow(r *http.Request, v *access.Visit, who *session.Session) *oidc.Provider {
	p := s.ByName[who.Provider()]
	if !s.renewsHere(v) || s.backoffs.holds(who.ID, s.Now()) || browser.Classify(r) != browser.NavigationGet || !s.reached(r, p) {
		return nil
	}
	return p
}

// SilentlyLater returns the error of Recheck for a session whose silent recheck is due but not done at this request.
func (s *Renewer) SilentlyLater(who *session.Session) error {
	p, now := s.ByName[who.Provider()], s.Now()
	held, paused := s.backoffs.of(who.ID, now)
	down := now.UnixMilli() < s.renewals[p.Name].after.Load() || paused && held.down && !p.AnsweredSince(held.at)
	return s.tooOld(now.Sub(who.LastAnswer()), down)
}

// SilentFailed records that a redirect to the provider has brought no claims for a session, and that the provider has
// not demanded a sign-in.
func (s *Renewer) SilentFailed(p *oidc.Provider, id session.ID, err error) {
	s.backoffs.failed(id, s.Now(), oidc.IsDown(err), false)
	s.Logger.Warn("claims of a session not renewed, will retry", zap.String("provider", p.Name),
		zap.String("session", id.Short()), zap.Error(oidc.Truncated(err)))
}

// reached reports whether the provider answers, so that no user is redirected to a page that does not load.
func (s *Renewer) reached(r *http.Request, p *oidc.Provider) bool {
	all := s.renewals[p.Name]
	if s.Now().UnixMilli() < all.after.Load() {
		return false
	}
	ctx, cancel := access.Detach(r, silentPatience)
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

// seen reports whether the provider answered within recheckPause, and sends a request if that is unknown.
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

// silentPatience is the timeout of that request.
const silentPatience = 2 * time.Second
