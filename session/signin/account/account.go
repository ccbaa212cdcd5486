package account

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/remembered"
	"github.com/latchkey-gateway/latchkey/session/signin/renew"
)

// SignIn begins a sign-in. It is a part of the flow, which stands above this package.
type SignIn interface {
	// Challenge answers a request that needs a sign-in.
	Challenge(w http.ResponseWriter, r *http.Request, v *access.Visit, why error, d *oidc.Demand)
	// StepUp answers a request whose session must be stronger or fresher.
	StepUp(w http.ResponseWriter, r *http.Request, v *access.Visit, who *session.Record, why *access.Refusal, d *oidc.Demand)
}

// SignOut ends the session of this browser. It stands above this package.
type SignOut interface {
	// EndHere reports false if the session could not be ended, and the request is answered.
	EndHere(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, everywhere bool) bool
	// LeaveURL is where the provider signs users out; empty if it offers that nowhere.
	LeaveURL(v *access.Visit, have *session.Record, token session.Token) string
	// LeaveProvider sends the browser there, or to the page after sign-out.
	LeaveProvider(w http.ResponseWriter, r *http.Request, v *access.Visit, have *session.Record, token session.Token)
}

// Parts are what an accountPage works with. All are required.
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

// Page is the page of the user who is signed in.
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
