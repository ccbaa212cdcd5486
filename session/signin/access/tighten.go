package access

import (
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
)

// tightenError: the session is persistent but may not be, for a reason; the sign-in host must turn it into a browser
// session.
type tightenError struct{ reason string }

func (*tightenError) Error() string { return "session is to end with the browser" }

// Tightening returns why the session must become a browser session, from an error of Tighten; empty if it need not.
func Tightening(err error) string {
	var tighten *tightenError
	if errors.As(err, &tighten) {
		return tighten.reason
	}
	return ""
}

// Tighten checks a persistent session against the current rules: if the prompt is off or a policy sets never, it
// becomes a browser session at this request, in the store and in the browser (X16, A74). A policy that sets always
// keeps it. With a sign-in host, that host does this, for the cookies of all sites; until the browser has been there, a
// site does not accept the session and answers as if the user were not signed in.
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

// TightenReason returns why a persistent session must become a browser session (X16), empty if it need not.
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

// SucceedTighter replaces a session by a browser session with a new ID. The cookies at other sites have a lifetime;
// because they become invalid, they are replaced by ones without a lifetime.
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

// endOutlived ends a session that has exceeded the limits of a browser session. It returns ErrNotFound if that
// succeeded.
func (s *Authenticator) endOutlived(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record) error {
	ctx, cancel := Detach(r, StoreTimeout)
	defer cancel()
	if err := s.Sessions.End(ctx, have); err != nil {
		return err
	}
	s.EndCookie(w, v)
	return session.ErrNotFound
}
