package access

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// tightenError: the session is persistent and may not be, for a reason; the sign-in host has to make it one that ends with
// the browser.
type tightenError struct{ reason string }

func (*tightenError) Error() string { return "session is to end with the browser" }

// Tightening is why the session that was presented has to end with the browser, as an error of Tighten tells; empty if it
// has not.
func Tightening(err error) string {
	var tighten *tightenError
	if errors.As(err, &tighten) {
		return tighten.reason
	}
	return ""
}

// Tighten holds a persistent session against what is in force now: where the prompt is off or a policy says never, it
// becomes a browser session at this request, in the store and in the browser (X16, A74). A policy that says always
// keeps it. Where there is a sign-in host, that is where it is done, for the cookies of all sites: until the browser has
// been there a site does not take the session, and answers as to a user who is not signed in.
func (s *Authenticator) Tighten(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Session, says prompt.Persistence) (*session.Session, error) {
	reason := s.TightenReason(v.Site, have.Kind, says)
	if reason == "" {
		return have, nil
	}
	if s.HandsOver(v) {
		return nil, &tightenError{reason}
	}
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	token, err := s.Token(v)
	if err != nil {
		return nil, err
	}
	who, err := have.Record()
	if err != nil {
		return nil, err
	}
	if s.SignInHostname != "" {
		tight, _, err := s.SucceedTighter(w, r, v, who, token, reason)
		if err != nil {
			return nil, err
		}
		return tight.Session(), nil
	}
	tight, err := s.Sessions.Tighten(ctx, who, reason)
	if err != nil {
		return nil, err
	}
	s.GiveCookie(w, v, tight, token)
	return tight.Session(), tight.Check(s.Now(), s.Sessions.Limits())
}

// TightenReason is why a persistent session must become one that ends with the browser (X16), empty if it need not.
func (s *Environment) TightenReason(site *Site, kind session.Kind, says prompt.Persistence) string {
	switch {
	case kind != session.Persistent:
	case says == prompt.PersistenceNever:
		return prompt.ReasonPolicyNever
	case says != prompt.PersistenceAlways && !s.Prompt.Offered(site):
		return prompt.ReasonSettingOff
	}
	return ""
}

// SucceedTighter lets a session go on as one that ends with the browser, under a new id: the cookies that other sites
// hold have a lifetime. They have to become worthless, so that they are set again without one.
func (s *Authenticator) SucceedTighter(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record, token session.Token, reason string) (*session.Record, session.Token, error) {
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	tokens, err := s.Sessions.Tokens(have, token)
	if err != nil {
		s.Logger.Warn("tokens of a session not available", zap.String("session", have.ID.Short()), zap.Error(err))
	}
	draft := *have
	draft.Kind, draft.KindReason = session.Browser, reason
	made, next, err := s.Sessions.Succeed(ctx, have, draft, tokens)
	if err != nil {
		if Over(err) || errors.Is(err, session.ErrRevoked) {
			err = s.endOutlived(w, r, v, have)
		}
		return nil, next, err
	}
	s.GiveCookie(w, v, made, next)
	return made, next, nil
}

// endOutlived ends a session that has outlived what it was to be tightened to. ErrNotFound if that could be done.
func (s *Authenticator) endOutlived(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record) error {
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	if err := s.Sessions.End(ctx, have); err != nil {
		return err
	}
	s.EndCookie(w, v)
	return session.ErrNotFound
}
