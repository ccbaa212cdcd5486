package bound

import (
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// offerLife is how long a browser may take to register a key: it makes one, and sends it at once.
const offerLife = 2 * time.Minute

// The endpoints.
const (
	RegisterPath = browser.Base + "/bound/register"
	RefreshPath  = browser.Base + "/bound/refresh"
)

// Binder offers the binding, and serves the endpoints that browsers use for it.
type Binder struct {
	*access.Environment
	*access.Authenticator
	attempts *attempts
}

// New returns a Binder.
func New(environment *access.Environment, authenticator *access.Authenticator) *Binder {
	return &Binder{Environment: environment, Authenticator: authenticator, attempts: newAttempts()}
}

// Offer lets the browser that gets the answer w bind a session to its device at this host, if it is of a kind that is
// bound. The caller has just been told by the provider who uses this browser. lost: the browser does not prove the key that
// it has registered here, so it may register another one in its place.
func (s *Binder) Offer(w http.ResponseWriter, v *access.Visit, made *session.Record, token session.Token, lost bool) {
	if !v.Secure || !s.binds(v, made.Kind) {
		return
	}
	have := made.Binding.At(s.Binds.Place(v.Host))
	if have != nil && !lost || have == nil && len(made.Binding.More)+1 >= session.MaxKeys {
		return
	}
	now := s.Now()
	ends := now.Add(offerLife)
	c := s.seal(v, challenge{use: toRegister, whom: made.ID, made: now, ends: ends})
	a := s.sealAuthorization(v, authorization{token: token, ends: ends, replaces: have.KeyID()})
	w.Header().Add("Secure-Session-Registration", `(ES256 RS256);path="`+RegisterPath+`";challenge="`+c+`";authorization="`+a+`"`)
}

// binds reports whether sessions of a kind are bound at this host. Where hosts share one binding, it is made at the sign-in
// host, which alone can refresh it.
func (s *Binder) binds(v *access.Visit, kind session.Kind) bool {
	return s.Binds.On && (kind == session.Persistent || s.Binds.All) && (s.Binds.Place(v.Host) == v.Host || v.Host == s.SignInHostname)
}

// Wants reports whether a session could get a key of a host's own.
func (s *Binder) Wants(host string, who *session.Record) bool {
	return s.Binds.On && s.Binds.Place(host) == host && (who.Binding.At(host) != nil || len(who.Binding.More)+1 < session.MaxKeys)
}

// TakeOver goes on with a session that the sign-in host has handed to this site. fresh: the provider has just said who uses
// this browser. Else the browser has proven the device of a bound session at the sign-in host, until a time, and the site
// takes that for as long as the sign-in host does. Only in the first case it offers a key of its own: a copied cookie of the
// sign-in host must not bind another device.
func (s *Binder) TakeOver(w http.ResponseWriter, v *access.Visit, who *session.Record, token session.Token, fresh bool, until time.Time) {
	id := who.ID
	if old, err := s.Token(v); err == nil {
		id = old.ID // after a step-up the browser proves the session of before, and GiveCookie goes on with that
	}
	_, proven := s.BoundUntil(v, id, &who.Binding)
	if fresh {
		s.Offer(w, v, who, token, !proven)
		until = s.Now().Add(s.Binds.Lifetime)
	}
	if who.Binding.Bound() && !proven {
		s.GiveBound(w, v, s.Binds.Place(v.Host), who.ID, who.Binding.KeyID(), until)
	}
}
