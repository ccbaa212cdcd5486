package bearer

import (
	"net/http"
	"time"
)

// Refused is why a token, or a request that presents one, is refused. The zero value is none.
type Refused struct {
	// Status is the status of the answer.
	Status int
	// Code is the error of RFC 6750, section 3.1, or RFC 9449, section 7.1; empty for a refusal that another token would not
	// change.
	Code string
	// Reason is a stable word, the same in the log, the metric and the answer.
	Reason string
	// Says is for the developer of the program. It contains nothing of the token, and begins with a small letter.
	Says string
	// Wait is how long the program should wait before it tries again; zero: not known.
	Wait time.Duration

	// title is what Says says, as a sentence; empty: it is made when it is needed.
	title string
}

// Error implements error.
func (r *Refused) Error() string { return r.Says }

// The errors of RFC 6750, section 3.1, RFC 9449, section 7.1, and RFC 9470, section 3.
const (
	codeInvalidRequest     = "invalid_request"
	codeInvalidToken       = "invalid_token"
	codeInvalidProof       = "invalid_dpop_proof"
	codeInsufficientScope  = "insufficient_scope"
	codeInsufficientSignIn = "insufficient_user_authentication"
)

// The reasons why a token is refused.
const (
	ReasonRepeated     = "token_repeated"      // the request has two headers Authorization
	ReasonMalformed    = "token_malformed"     // what stands in the header cannot be a token
	ReasonWithCookie   = "token_with_cookie"   // the request has a session as well
	ReasonInQuery      = "token_in_query"      // a token stands in the address
	ReasonNavigation   = "token_on_navigation" // a browser that opens a page sends a token
	ReasonInsecure     = "token_insecure"      // it came on a connection that others can read
	ReasonEndpoint     = "token_at_endpoint"   // an endpoint of the gateway, which is for browsers
	ReasonForeign      = "token_foreign"       // it is of no issuer that the site accepts
	ReasonKind         = "token_kind"          // it is no access token, or of a form that is not accepted
	ReasonAudience     = "token_audience"      // it is for another site
	ReasonExpired      = "token_expired"       // it has ended
	ReasonNotYet       = "token_not_yet"       // it is not good yet, or was issued in the future
	ReasonClaims       = "token_claims"        // it lacks a claim, or has an unusable one
	ReasonSignature    = "token_signature"     // it is not signed by its issuer
	ReasonInactive     = "token_inactive"      // its issuer says that it is not good
	ReasonRevoked      = "token_revoked"       // the sessions of its user, provider or app were ended since it was issued
	ReasonProof        = "token_proof"         // the proof of the key is missing, wrong or used
	ReasonBound        = "token_bound"         // it is bound to a key, and presented without; or the other way around
	ReasonScope        = "token_scope"         // it lacks a scope
	ReasonClient       = "token_client"        // it was issued to a client that the site does not accept
	ReasonAttempts     = "token_attempts"      // the address has sent too many wrong tokens
	ReasonUnknown      = "token_unknown"       // there is no such token of Latchkey for this app: it never was one, or was revoked
	ReasonStale        = "token_stale"         // its user has not signed in for a day, so nothing says that there still is an account
	ReasonUnverifiable = "token_unverifiable"  // its issuer cannot be asked
)

func badRequest(reason, says string) *Refused {
	return &Refused{Status: http.StatusBadRequest, Code: codeInvalidRequest, Reason: reason, Says: says, title: sentence(says)}
}

func badToken(reason, says string) *Refused {
	return &Refused{Status: http.StatusUnauthorized, Code: codeInvalidToken, Reason: reason, Says: says, title: sentence(says)}
}

func badProof(says string) *Refused {
	return &Refused{Status: http.StatusUnauthorized, Code: codeInvalidProof, Reason: ReasonProof, Says: says}
}

// The refusals that the form of a request decides.
var (
	ErrRepeated   = badRequest(ReasonRepeated, "the request has more than one header Authorization")
	ErrMalformed  = badRequest(ReasonMalformed, "the header Authorization has no readable token")
	ErrWithCookie = badRequest(ReasonWithCookie, "the request has a session and an access token: send one of them")
	ErrInQuery    = badRequest(ReasonInQuery, "send the access token in the header Authorization, not in the address")
	ErrNavigation = badRequest(ReasonNavigation, "an access token is for programs, not for a browser that opens a page")
	ErrInsecure   = badRequest(ReasonInsecure, "an access token needs https")
	ErrEndpoint   = badRequest(ReasonEndpoint, "this address is for browsers")

	ErrForeign = badToken(ReasonForeign, "the token is of no issuer that is accepted here")
	ErrRevoked = badToken(ReasonRevoked, "the token was revoked")

	errForged = badToken(ReasonSignature, "the token is not signed by its issuer")
	errScope  = &Refused{Status: http.StatusForbidden, Code: codeInsufficientScope, Reason: ReasonScope, Says: "the token lacks a scope"}
	errClient = &Refused{Status: http.StatusForbidden, Reason: ReasonClient, Says: "the client of the token is not accepted here"}
)

// waits are how many seconds an address that guesses is told to wait at most, and a bit more.
const waits = 8

// tooManyFor are the refusals of addresses that guess, by the seconds of Wait. In a flood nearly every token is refused with one.
var tooManyFor = func() (all [waits]*Refused) {
	for seconds := range all {
		all[seconds] = newTooMany(time.Duration(seconds) * time.Second)
	}
	return all
}()

func newTooMany(wait time.Duration) *Refused {
	const says = "this address has sent too many wrong tokens"
	return &Refused{Status: http.StatusTooManyRequests, Reason: ReasonAttempts, Says: says, title: sentence(says), Wait: wait}
}

// tooMany refuses a token of an address that guesses for so many whole seconds, one at least.
func tooMany(wait time.Duration) *Refused {
	seconds := max(1, (wait+time.Second-1)/time.Second)
	if seconds < waits {
		return tooManyFor[seconds]
	}
	return newTooMany(seconds * time.Second)
}
