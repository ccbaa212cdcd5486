package access

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// EndCookie clears the cookie of a session that has ended, and the app's cookies of its user.
func (s *Authenticator) EndCookie(w http.ResponseWriter, v *Visit) {
	browser.ClearCookie(w, v.Secure, browser.SessionCookie)
	if v.Cookies.Bound != "" {
		browser.ClearCookie(w, v.Secure, browser.BoundCookie)
	}
	if v.Cookies.SiteBound != "" && s.Binds.Place(v.Host) != v.Host {
		browser.ClearSiteBound(w, s.Binds.Site)
	}
	if rule := v.Site.AppData; !v.OnBehalf && rule.Personal() {
		rule.Delete(w.Header(), v.Host, v.Secure, v.Cookies.Lines)
	}
}

// GiveCookie sends the cookie of a session to the browser. The cookie of a persistent session lasts until its max
// lifetime; only the server enforces the idle limit, so that use needs no new cookie (X5). The cookie of a browser
// session has no lifetime.
//
// The same answer deletes the app's data of another user, so that no request carries the new session with the old data.
func (s *Authenticator) GiveCookie(w http.ResponseWriter, v *Visit, have *session.Record, token session.Token) {
	s.KeepApart(w, nil, v, have.Identity)
	s.GiveHandle(w, v, have, token)
	if old, err := s.Token(v); err == nil && have.Binding.Bound() && old.ID != token.ID {
		// The session goes on under another ID: its device gets what is left of its short cookie, and no more.
		if until, ok := s.BoundUntil(v, old.ID, &have.Binding); ok {
			s.GiveBound(w, v, s.Binds.Place(v.Host), token.ID, have.Binding.KeyID(), until)
		}
	}
}

// GiveHandle sends the session cookie alone.
func (s *Authenticator) GiveHandle(w http.ResponseWriter, v *Visit, have *session.Record, token session.Token) {
	token.Bound = have.Binding.Bound()
	value := session.SealToken(s.Keys, token, v.Host, browser.SessionCookie)
	if have.Kind == session.Persistent && (token.Bound || !s.Binds.Required) {
		browser.SetCookie(w, v.Secure, browser.SessionCookie, value, have.MaxEnd(s.Sessions.Limits()).Sub(s.Now()))
		return
	}
	browser.SetCookie(w, v.Secure, browser.SessionCookie, value, 0)
}

// Create creates the session, ends the browser's previous one (A13, A42, A75) and sends the cookie. If either fails,
// the previous one stays and there is no new one. keep: the previous one also stays, for other sites.
//
// with is what is written together with the session; see session.CreateWith.
func (s *Authenticator) Create(ctx context.Context, w http.ResponseWriter, v *Visit, draft session.Record, tokens session.Tokens, keep bool, with session.Together) (session.Made, error) {
	old, err := s.Token(v)
	if !NoSession(err) {
		with.Append = nil // the log must not say yet that the sign-in is done
	}
	created, unmade := s.Sessions.CreateWith(ctx, draft, tokens, with)
	if unmade != nil {
		return session.Made{}, unmade
	}
	made, token := created.Record, created.Token
	switch {
	case err == nil && !keep:
		err = s.Sessions.EndID(ctx, old.ID)
	case NoSession(err):
		err = nil
	}
	if err != nil {
		_ = s.Sessions.End(context.WithoutCancel(ctx), made) // no browser has its cookie
		return session.Made{}, err
	}
	s.GiveCookie(w, v, made, token)
	if len(created.Listed) > s.MaxSessions {
		s.Background(func(ctx context.Context) { s.endOldest(ctx, made, created.Listed) })
	}
	return created, nil
}

// endOldest enforces the limit of sessions of a user who has signed in (field trial 2.12).
func (s *Authenticator) endOldest(ctx context.Context, made *session.Record, listed []session.Key) {
	ctx, cancel := context.WithTimeout(ctx, surplusTimeout)
	defer cancel()
	ended, err := s.Sessions.EndSurplus(ctx, made, listed, s.MaxSessions)
	for _, have := range ended {
		s.Logger.Info("session ended: the user has more than max_sessions", zap.String("session", have.ID.Short()),
			zap.String("user", have.User), zap.Int("max_sessions", s.MaxSessions))
		s.TellRevoked([]string{have.ID.Short()}, have.Identity, have.Provider, BySurplus)
	}
	if err != nil {
		s.Logger.Warn("sessions beyond max_sessions not ended; the next sign-in of the user tries again", zap.Error(err))
	}
}

// surplusTimeout is the timeout for ending surplus sessions after a sign-in.
const surplusTimeout = 30 * time.Second
