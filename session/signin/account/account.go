package account

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// SignIn begins a sign-in. It is part of the flow, which is above this package.
type SignIn interface {
	// Challenge answers a request that needs a sign-in.
	Challenge(w http.ResponseWriter, r *http.Request, v *access.Visit, why error, d *oidc.Demand)
	// StepUp answers a request whose session must be stronger or fresher.
	StepUp(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, why *access.Refusal, d *oidc.Demand)
	// GrantForTokens sends the browser to the provider, without a page there, for a grant of the tokens of the user's
	// programs, and then to a page of this site. It returns false if the request is not answered.
	GrantForTokens(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, token session.Token, back string) bool
}

// SignOut ends the session of this browser. It is above this package.
type SignOut interface {
	// EndHere returns false if the session could not be ended; the request is then answered.
	EndHere(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, also access.AlsoEnds) bool
	// LeaveURL returns where the provider signs users out; empty if it does not offer that.
	LeaveURL(v *access.Visit, have *session.Record, token session.Token) string
	// LeaveProvider sends the browser there, or to the page after sign-out.
	LeaveProvider(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, token session.Token)
}

// Parts are the dependencies of a Page. All are required.
type Parts struct {
	Environment   *access.Environment
	Recorder      *access.Recorder
	Responder     *access.Responder
	Authenticator *access.Authenticator
	Renewer       *renew.Renewer
	SignIn        SignIn
	SignOut       SignOut
	Remembered    *remembered.Keeper
}

// Page is the signed-in user's own page.
type Page struct {
	*access.Environment
	*access.Recorder
	*access.Responder
	*access.Authenticator
	renewer    *renew.Renewer
	signIn     SignIn
	signOut    SignOut
	remembered *remembered.Keeper
}

// New returns the page.
func New(p Parts) *Page {
	return &Page{
		Environment: p.Environment, Recorder: p.Recorder, Responder: p.Responder, Authenticator: p.Authenticator,
		renewer: p.Renewer, signIn: p.SignIn, signOut: p.SignOut, remembered: p.Remembered,
	}
}
