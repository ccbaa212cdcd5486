package policy

import (
	"net/netip"
	"time"
)

// Request contains everything about one request on which a decision depends. The zero value of each field means the
// least knowledge; a missing value is never treated as an advantage.
type Request struct {
	// Subject is the user, from Set.Resolve. nil means a client without a session.
	Subject *Subject
	// Auth describes how the user signed in.
	Auth Authentication
	// Idle is the time since the last use of the session. 0 means just now, as at the end of a first sign-in.
	Idle time.Duration
	// SignInRisk and UserRisk are the levels that the provider stated.
	SignInRisk, UserRisk Risk
	Device               Device

	// App is the app of the site. An unknown app is refused.
	App string
	// IP is the client's address, as a trusted proxy states it. The zero Addr means unknown.
	IP       netip.Addr
	Platform Platform
	Client   Client
	// Time is the time of the request. It must not be zero.
	Time time.Time

	// Match evaluates the matchers of policies for this request. It may be nil if no policy has one.
	Match Matcher
	// NoRoute means that there is no request yet that matchers can check, as at the end of a sign-in. Policies with a
	// matcher then do not apply; they apply when the request arrives. The same holds for what depends on Device.Bound,
	// unless it is true: a browser binds a session after the sign-in.
	NoRoute bool
	// Routed names policies whose matchers count as matching, and whose conditions on Device.Bound count as met, although
	// there is no request: they demanded the sign-in that has just ended, for the page that it was for. Only used with
	// NoRoute.
	Routed []string
}

// Matcher evaluates a matcher of the caller for the current request. An error refuses the request if the matcher
// belongs to a policy in mode on.
type Matcher interface {
	MatchPolicy(id MatcherID) (bool, error)
}

// MatchFunc is a function that implements Matcher.
type MatchFunc func(id MatcherID) (bool, error)

// MatchPolicy calls f.
func (f MatchFunc) MatchPolicy(id MatcherID) (bool, error) { return f(id) }

// Authentication describes how a user signed in, as the provider stated and the caller verified.
type Authentication struct {
	// AuthTime is the time of the last authentication. Zero means that the provider does not state it; it is then too
	// old for any frequency (A11).
	AuthTime time.Time
	// ACRs are the authentication contexts: the claim acr, and Entra's acrs.
	ACRs []string
	// MFA: a second factor was used.
	MFA bool
	// Renounced: the provider has reported that this authentication does not count any more, because a credential
	// changed. Every request then needs a new one, whatever the policies say.
	Renounced bool
}

// Device is what is known about the device.
type Device struct {
	// Compliant, Managed and Shared are what the provider states.
	Compliant, Managed, Shared Signal
	// Bound: the session is bound to a key of the device, and this request has proved it.
	Bound bool
}

// mayBind reports whether it is open if the session is bound: a browser may bind it before its first request.
func (r *Request) mayBind() bool { return r.NoRoute && !r.Device.Bound }
