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

// Offer lets the browser that gets the answer w bind a session to its device, if it is of a kind that is bound. The caller
// has just been told by the provider who uses this browser.
func (s *Binder) Offer(w http.ResponseWriter, v *access.Visit, made *session.Record, token session.Token) {
	if !s.Binds.On || !v.Secure || v.OnBehalf || len(made.Binding.Key) > 0 || made.Kind == session.Browser && !s.Binds.All {
		return
	}
	now := s.Now()
	ends := now.Add(offerLife)
	c := s.seal(v, challenge{use: toRegister, whom: made.ID, made: now, ends: ends})
	a := s.sealAuthorization(v, authorization{token: token, ends: ends})
	w.Header().Add("Secure-Session-Registration", `(ES256 RS256);path="`+RegisterPath+`";challenge="`+c+`";authorization="`+a+`"`)
}
