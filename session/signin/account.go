package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
)

// SignIn begins a sign-in. It is a part of the flow, which stands above this package.
type SignIn interface {
	// Challenge answers a request that needs a sign-in.
	Challenge(w http.ResponseWriter, r *http.Request, v *Visit, why error, d *oidc.Demand)
	// StepUp answers a request whose session must be stronger or fresher.
	StepUp(w http.ResponseWriter, r *http.Request, v *Visit, who *session.Record, why *Refusal, d *oidc.Demand)
}

// SignOut ends the session of this browser. It stands above this package.
type SignOut interface {
	// EndHere reports false if the session could not be ended, and the request is answered.
	EndHere(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record, everywhere bool) bool
	// LeaveURL is where the provider signs users out; empty if it offers that nowhere.
	LeaveURL(v *Visit, have *session.Record, token session.Token) string
	// LeaveProvider sends the browser there, or to the page after sign-out.
	LeaveProvider(w http.ResponseWriter, r *http.Request, v *Visit, have *session.Record, token session.Token)
}

// accountParts are what an accountPage works with. All are required.
type accountParts struct {
	Environment   *environment
	Recorder      *recorder
	Responder     *responder
	Authenticator *authenticator
	Renewer       *renewer
	SignIn        SignIn
	SignOut       SignOut
	Remembered    *keeper
}

// accountPage is the page of the user who is signed in.
type accountPage struct {
	*environment
	*recorder
	*responder
	*authenticator
	renewer    *renewer
	signIn     SignIn
	signOut    SignOut
	remembered *keeper
}

// newAccountPage returns the page.
func newAccountPage(p accountParts) *accountPage {
	return &accountPage{
		environment: p.Environment, recorder: p.Recorder, responder: p.Responder, authenticator: p.Authenticator,
		renewer: p.Renewer, signIn: p.SignIn, signOut: p.SignOut, remembered: p.Remembered,
	}
}
