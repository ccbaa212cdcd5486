package access

import (
	"errors"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// ErrNoCookie: the request presents no session at all, two of them, or one on a connection that is not secure.
var ErrNoCookie = errors.New("no session cookie")

// ErrNotHere: the session is good, but not for this app any more. Apps of one host share its cookie, which therefore
// stays.
var ErrNotHere = errors.New("session revoked for this app")

// errOtherProvider: the session is good, but the site does not take those of its provider.
var errOtherProvider = errors.New("signed in with a provider that this site does not take")

// Authenticator finds out who is signed in, hands out sessions and ends them.
type Authenticator struct {
	*Environment
	*Recorder
}

// Record is Session for a caller that needs the whole record.
func (s *Authenticator) Record(r *http.Request, v *Visit) (*session.Record, session.Token, error) {
	live, token, err := s.Session(r, v)
	if err != nil {
		return nil, token, err
	}
	found, err := live.Record()
	return found, token, err
}

// Session returns the session that a request presents, and its token. NoSession tells whether an error means that
// there is none; any other error means that it could not be found out.
func (s *Authenticator) Session(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	token, err := s.Token(v)
	if err != nil {
		return nil, token, err
	}
	found, err := s.Sessions.Load(r.Context(), token) // which outlives the client if it asks the store
	if err != nil {
		s.logExpired(r, v, err)
		return nil, token, err
	}
	if !s.Sessions.Admits(found, v.Site.App) {
		return nil, token, ErrNotHere
	}
	found, err = s.unused(r, v, found)
	return found, token, err
}

// Authenticate is Session for a site, which takes the sessions of its own providers alone.
func (s *Authenticator) Authenticate(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	who, token, err := s.Session(r, v)
	if err == nil && !v.Site.Takes(s.Providers, who.Provider(), who.Issuer()) {
		return nil, token, errOtherProvider
	}
	return who, token, err
}

// Token opens the session cookie of a request. It does not ask whether there is such a session.
func (s *Authenticator) Token(v *Visit) (session.Token, error) {
	if v.Cookies.Session == "" || v.Cookies.Doubled || !v.Usable() {
		return session.Token{}, ErrNoCookie
	}
	return session.OpenToken(s.Keys, v.Cookies.Session, v.Host, browser.SessionCookie)
}

// NoSession reports whether an error of Session says that the request is not signed in: nothing presented, nothing
// of ours, ended, expired, or with claims that are too old. Everything else is a failure, and a failure is not an answer.
func NoSession(err error) bool {
	return errors.Is(err, ErrNoCookie) || errors.Is(err, ErrNotHere) || errors.Is(err, errOtherProvider) || Tightening(err) != "" || errors.Is(err, ErrClaimsOld) || errors.Is(err, keyring.ErrUnsealable) || Over(err)
}

// Over reports whether an error of Session says that the presented session is definitely over. Only then is its cookie
// cleared: what cannot be opened may be another replica's, with a key that is on its way.
func Over(err error) bool {
	return errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired)
}

// ErrClaimsOld: the claims of a session are too old to go on with, and it is this session's renewal that fails. The
// session is not over, and a sign-in helps.
var ErrClaimsOld = errors.New("claims of the session are too old and are not renewed")
