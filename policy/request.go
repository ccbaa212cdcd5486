package policy

import (
	"net/netip"
	"time"
)

// Request is everything about one request that a decision depends on. The zero value of each field is the least
// that can be known; what is missing is never taken for an advantage.
type Request struct {
	// Subject is who asks, from Set.Resolve. nil is a client without a session.
	Subject *Subject
	// Auth tells how they signed in.
	Auth Authentication
	// Idle is how long ago their session was used last. 0 is just now, as at the end of a first sign-in.
	Idle time.Duration
	// SignInRisk and UserRisk are what the provider, or a trusted proxy, said.
	SignInRisk, UserRisk Risk
	Device               Device

	// App is the app of the site. One that the set does not know is refused.
	App string
	// IP is the client's address, as a trusted proxy tells it. The zero Addr is unknown.
	IP       netip.Addr
	Platform Platform
	Client   Client
	// Time is the time of the request. It must not be zero.
	Time time.Time

	// Match holds the request against the matchers that policies have. It may be nil if none has.
	Match Matcher
	// NoRoute says that there is no request to hold against matchers yet, as at the end of a sign-in: policies that
	// have one do not apply now, they speak when the request comes.
	NoRoute bool
	// Routed names policies whose matchers count as met although there is no request: those that asked for the sign-in
	// that has just ended, at the page that it was for. It is read with NoRoute alone.
	Routed []string
}

// Matcher holds the present request against a matcher of the caller's. An error is a refusal, if it is a policy in
// mode on that has the matcher.
type Matcher interface {
	MatchPolicy(id MatcherID) (bool, error)
}

// MatchFunc makes a function a Matcher.
type MatchFunc func(id MatcherID) (bool, error)

// MatchPolicy calls f.
func (f MatchFunc) MatchPolicy(id MatcherID) (bool, error) { return f(id) }

// Authentication tells how somebody signed in, as the provider stated and the caller verified.
type Authentication struct {
	// AuthTime is when they last authenticated. Zero, if the provider does not say, is too long ago for any
	// frequency (A11).
	AuthTime time.Time
	// ACRs are the authentication contexts: acr, and Entra's acrs.
	ACRs []string
	// MFA says that a second factor was part of it.
	MFA bool
}

// Device is what is known about the device.
type Device struct {
	Compliant, Managed, Shared Signal
}
