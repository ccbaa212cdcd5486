package access

import (
	"errors"
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// ErrNoCookie: the request has no session cookie, has two, or came on a connection that an attacker can change.
var ErrNoCookie = errors.New("no session cookie")

// ErrNotHere: the session is valid, but no longer for this app. Apps of one host share its cookie, so the cookie stays.
var ErrNotHere = errors.New("session revoked for this app")

// errOtherProvider: the session is valid, but the site does not accept sessions of its provider.
var errOtherProvider = errors.New("signed in with a provider that this site does not take")

// Authenticator finds the session of a request, and creates and ends sessions.
type Authenticator struct {
	*Environment
	*Recorder
}

// Record is Session for callers that need the whole record.
func (s *Authenticator) Record(r *http.Request, v *Visit) (*session.Record, session.Token, error) {
	live, token, err := s.Session(r, v)
	if err != nil {
		return nil, token, err
	}
	found, err := recordOf(live, v)
	return found, token, err
}

// HandleRecord is Handle for callers that need the whole record.
func (s *Authenticator) HandleRecord(r *http.Request, v *Visit) (*session.Record, session.Token, error) {
	live, token, err := s.Handle(r, v)
	if err != nil {
		return nil, token, err
	}
	found, err := recordOf(live, v)
	return found, token, err
}

// recordOf returns the record of the session of a request, and says whose request it is.
func recordOf(live *session.Session, v *Visit) (*session.Record, error) {
	found, err := live.Record()
	if err == nil {
		v.Proves(found.Identity)
	}
	return found, err
}

// Session returns the session of a request, and its token. NoSession tells whether an error means that there is no
// session; after any other error this is unknown.
func (s *Authenticator) Session(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	found, token, err := s.Handle(r, v)
	if err == nil && (token.Bound || found.Keyed()) {
		found, err = s.bound(r, v, found, token)
	}
	return found, token, err
}

// Handle is Session for callers that act on the session cookie alone, which is all that a thief of a bound session has:
// to end the session, or to check the proof of its device.
func (s *Authenticator) Handle(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	token, err := s.Token(v)
	if err != nil {
		return nil, token, err
	}
	found, err := s.Sessions.Load(r.Context(), token) // continues without the client if it reads from the store
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

// Authenticate is Session for a site, which accepts only sessions of its own providers.
func (s *Authenticator) Authenticate(r *http.Request, v *Visit) (*session.Session, session.Token, error) {
	who, token, err := s.Session(r, v)
	if err == nil && !v.Site.Takes(s.Providers, who.Provider(), who.Issuer()) {
		return nil, token, errOtherProvider
	}
	return who, token, err
}

// Token opens the session cookie of a request. It does not check whether the session exists.
func (s *Authenticator) Token(v *Visit) (session.Token, error) {
	if v.Cookies.Session == "" || v.Cookies.Doubled || !v.Usable() {
		return session.Token{}, ErrNoCookie
	}
	return session.OpenToken(s.Keys, v.Cookies.Session, v.Host, browser.SessionCookie)
}

// NoSession reports whether an error of Session means that the request is not signed in: it has no cookie or one of
// another installation, or the session was ended, has expired, or has claims or an access token that are too old; or the session is bound, and
// the request lacks what proves its device. Any other error is a
// failure, which does not answer the question.
func NoSession(err error) bool {
	return errors.Is(err, ErrNoCookie) || errors.Is(err, ErrNotHere) || errors.Is(err, errOtherProvider) || errors.Is(err, errUnbindable) || Unproven(err) || Tightening(err) != "" || errors.Is(err, ErrClaimsOld) || errors.Is(err, ErrTokenOver) || errors.Is(err, keyring.ErrUnsealable) || Over(err)
}

// Over reports whether an error of Session means that the session has certainly ended. Only then is its cookie cleared:
// a cookie that cannot be opened may be sealed with another replica's key that has not arrived yet.
func Over(err error) bool {
	return errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrExpired)
}

// ErrClaimsOld: the claims of a session are too old, and the renewal of this session fails. The session has not ended,
// and a sign-in helps.
var ErrClaimsOld = errors.New("claims of the session are too old and are not renewed")

// ErrTokenOver: the site forwards the access token, that of the session has ended, and this session gets no other. The
// session has not ended, and a sign-in helps.
var ErrTokenOver = errors.New("access token of the session has ended and is not renewed")

// ErrNoAccessToken: the site forwards the access token, and there is none now that the application could use. The session is
// not over, and a sign-in would not help; or the provider does not answer, and the error is ErrProviderDown too.
var ErrNoAccessToken = errors.New("no access token for the application")
