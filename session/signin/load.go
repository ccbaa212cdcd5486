package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// errNoCookie: the request presents no session at all, two of them, or one on a connection that anybody can write to.
var errNoCookie = errors.New("no session cookie")

// errNotHere: the session is good, but not for this app any more. Apps of one host share its cookie, which therefore
// stays.
var errNotHere = errors.New("session revoked for this app")

// tightenError: the session is persistent and may not be, for a reason; the sign-in host has to make it one that ends with
// the browser.
type tightenError struct{ reason string }

func (*tightenError) Error() string { return "session is to end with the browser" }

// tightening is why the session that was presented has to end with the browser, as an error of Tighten tells; empty if it
// has not.
func tightening(err error) string {
	var tighten *tightenError
	if errors.As(err, &tighten) {
		return tighten.reason
	}
	return ""
}

// Record is Session for a caller that needs the whole record.
func (s *authenticator) Record(r *http.Request, v *Visit) (*session.Record, session.Token, error) {
	live, token, err := s.Session(r, v)
	if err != nil {
		return nil, token, err
	}
	found, err := live.Record()
	return found, token, err
}

// Session returns the session that a request presents, and its token. NoSession tells whether an error means that
// there is none; any other error means that it could not be found out.
func (s *authenticator) Session(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	token, err := s.token(v)
	if err != nil {
		return nil, token, err
	}
	found, err := s.Sessions.Load(r.Context(), token) // which outlives the client if it asks the store
	if err != nil {
		s.logExpired(r, v, err)
		return nil, token, err
	}
	if !s.Sessions.Admits(found, v.Site.App) {
		return nil, token, errNotHere
	}
	found, err = s.unused(r, v, found)
	return found, token, err
}

func (s *authenticator) token(v *Visit) (session.Token, error) {
	if v.Cookies.Session == "" || v.Cookies.Doubled || !v.usable() {
		return session.Token{}, errNoCookie
	}
	return session.OpenToken(s.Keys, v.Cookies.Session, v.Host, browser.SessionCookie)
}

// NoSession reports whether an error of Session says that the request is not signed in: nothing presented, nothing
// of ours, ended, expired, or with claims that are too old. Everything else is a failure, and a failure is not an answer.
func NoSession(err error) bool {
	return errors.Is(err, errNoCookie) || errors.Is(err, errNotHere) || tightening(err) != "" || errors.Is(err, errClaimsOld) || errors.Is(err, keyring.ErrUnsealable) || Over(err)
}

// Over reports whether an error of Session says that the presented session is definitely over. Only then is its cookie
// cleared: what cannot be opened may be another replica's, with a key that is on its way.
func Over(err error) bool {
	return errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired)
}

// Tighten holds a persistent session against what is in force now: where the prompt is off or a policy says never, it
// becomes a browser session at this request, in the store and in the browser (X16, A74). A policy that says always
// keeps it. Where there is a sign-in host, that is where it is done, for the cookies of all sites: until the browser has
// been there a site does not take the session, and answers as to somebody who is not signed in.
func (s *authenticator) Tighten(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Session, says Persistence) (*session.Session, error) {
	reason := s.tightenReason(v.Site, have.Kind, says)
	if reason == "" {
		return have, nil
	}
	if s.handsOver(v) {
		return nil, &tightenError{reason}
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	token, err := s.token(v)
	if err != nil {
		return nil, err
	}
	who, err := have.Record()
	if err != nil {
		return nil, err
	}
	if s.signInHost != "" {
		tight, _, err := s.succeedTighter(w, r, v, who, token, reason)
		if err != nil {
			return nil, err
		}
		return tight.Session(), nil
	}
	tight, err := s.Sessions.Tighten(ctx, who, reason)
	if err != nil {
		return nil, err
	}
	s.giveCookie(w, v, tight, token)
	return tight.Session(), tight.Check(s.Now(), s.Sessions.Limits())
}

func (s *environment) offered(site *Site) bool { return s.Prompt.Offered(site) }

// Offered reports whether "Stay signed in?" may be asked on a site at all (K7, K8).
func (c *PromptConfig) Offered(site *Site) bool { return !c.Off && !site.PromptOff }

// giveCookie hands a session to the browser. A persistent one lasts as long as it can at most; its idle limit is kept
// by the server alone, so that using it needs no new cookie (X5). A browser session has no lifetime in the browser.
//
// The app's data of another user goes in the same answer, so that no request shows the one and carries the other.
func (s *authenticator) giveCookie(w http.ResponseWriter, v *Visit, have *session.Record, token session.Token) {
	s.KeepApart(w, nil, v, have.Identity)
	value := session.SealToken(s.Keys, token, v.Host, browser.SessionCookie)
	if have.Kind == session.Persistent {
		browser.SetCookie(w, v.Secure, browser.SessionCookie, value, have.MaxEnd(s.Sessions.Limits()).Sub(s.Now()))
		return
	}
	browser.SetCookie(w, v.Secure, browser.SessionCookie, value, 0)
}

// create makes the session, ends the one that the browser presented before (A13, A42, A75) and hands out the cookie. If
// either cannot be done, the one before stays and there is no new one. keep leaves the one before to other sites.
func (s *authenticator) create(ctx context.Context, w http.ResponseWriter, v *Visit, draft session.Record, tokens session.Tokens, keep bool, in ...session.Listing) (*session.Record, session.Token, error) {
	made, token, err := s.Sessions.Create(ctx, draft, tokens, in...)
	if err != nil {
		return nil, token, err
	}
	old, err := s.token(v)
	switch {
	case err == nil && !keep:
		err = s.Sessions.EndID(ctx, old.ID)
	case NoSession(err):
		err = nil
	}
	if err != nil {
		_ = s.Sessions.End(context.WithoutCancel(ctx), made) // which nobody has got
		return nil, token, err
	}
	s.giveCookie(w, v, made, token)
	s.background(func(ctx context.Context) { s.endOldest(ctx, made) })
	return made, token, nil
}

// endOldest holds a person who has signed in to the number of sessions that one may have (field trial 2.12).
func (s *authenticator) endOldest(ctx context.Context, made *session.Record) {
	ctx, cancel := context.WithTimeout(ctx, surplusTimeout)
	defer cancel()
	ended, err := s.Sessions.EndSurplus(ctx, made, s.MaxSessions)
	for _, have := range ended {
		s.Logger.Info("session ended: the user has more than max_sessions", zap.String("session", have.ID.Short()),
			zap.String("user", have.User), zap.Int("max_sessions", s.MaxSessions))
		s.revoked([]string{have.ID.Short()}, have.Identity, have.Provider, BySurplus)
	}
	if err != nil {
		s.Logger.Warn("sessions beyond max_sessions not ended; the next sign-in of the user tries again", zap.Error(err))
	}
}

// surplusTimeout bounds the work after a sign-in that holds a person to MaxSessions.
const surplusTimeout = 30 * time.Second
