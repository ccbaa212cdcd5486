package policy

import (
	"net/netip"
	"time"
)

// Config is everything on which decisions depend besides the request. Names are compared byte for byte.
type Config struct {
	Networks []Network
	// Policies apply to every site.
	Policies []Policy
	// Sites are all sites. A request for any other app is refused.
	Sites []Site
}

// TrustedNetworks in a list of networks means every network that is marked as trusted (P9). No network may have this
// name.
const TrustedNetworks = "trusted"

// Network is a named set of addresses.
type Network struct {
	Name string
	// Trusted: TrustedNetworks includes this network.
	Trusted bool
	// Shared: many people use its devices, so a device in it counts as shared (A7).
	Shared bool
	// Prefixes are its addresses. Host bits are ignored. An IPv4 prefix in IPv6 form means the IPv4 addresses.
	Prefixes []netip.Prefix
	// Position is its place in the configuration as file:line, for error messages. Optional.
	Position string
}

// Site is the part of the configuration that belongs to a single site.
type Site struct {
	// App is the name of the site in policies and logs.
	App string
	// Allow selects the users who may enter. Empty means every signed-in user.
	Allow []Who
	// Deny selects the users who may not enter. It overrides Allow.
	Deny []Who
	// Policies apply only to this site. They name no apps and do not set persistence, which belongs to the whole
	// browser session (B2, B3).
	Policies []Policy
	// Position is its place in the configuration as file:line, for error messages. Optional.
	Position string
}

// WhoKind is the kind of names in a Who.
type WhoKind uint8

// The kinds of an allow or deny list.
const (
	WhoGroup    WhoKind = iota + 1 // members of a group
	WhoUser                        // one user, by any of their names
	WhoProvider                    // all users who signed in at a provider
	WhoDomain                      // all users with a mail address in a domain
)

// Who selects users in an allow or deny list.
type Who struct {
	Kind WhoKind
	Name string
	// Provider, if not empty, is the provider at which the users must have signed in. It must be empty for WhoProvider.
	Provider string
}

// Policy is a named rule. If its assignment matches and its conditions hold, the grant must be satisfied and the
// session controls apply.
type Policy struct {
	// Name is unique among the policies for all sites, and among those of one site.
	Name string
	// Position is its place in the configuration as file:line, for error messages. Optional.
	Position string
	Mode     Mode

	Include    Assignment
	Exclude    Assignment
	Conditions Conditions
	// Matcher, if not 0, is a matcher of the caller: the policy applies only to requests for which Request.Match
	// returns true. This package does not know what it means (routes, methods, headers).
	Matcher MatcherID

	// Block refuses. It excludes requirements and session controls.
	Block bool
	// Require lists requirements that must all be satisfied.
	Require []Requirement
	// RequireAny lists requirements of which at least one must be satisfied. With Require, both must hold.
	RequireAny []Requirement

	SignInFrequency   Frequency
	PersistentBrowser Persistence
	// MaxIdle is the longest allowed idle limit of a session. 0 sets none.
	MaxIdle time.Duration
}

// MatcherID is the caller's ID of a matcher.
type MatcherID int

// Assignment selects users, apps and networks. In Include an empty one selects everything; in Exclude it selects
// nothing.
type Assignment struct {
	// All means all users. In Include it excludes other lists of users; Exclude refuses it.
	All bool
	// Guests means all users whom their provider marks as guests.
	Guests    bool
	Groups    []string
	Users     []string
	Providers []string
	// Domains are domains of mail addresses. In Include unverified addresses count too; in Exclude only verified ones
	// count. A subdomain is a different domain.
	Domains []string
	// Of selects users who signed in at a certain provider.
	Of   []PeopleOf
	Apps []string
	// Networks are names of networks, or TrustedNetworks.
	Networks []string
}

// PeopleOf selects users who signed in at one provider.
type PeopleOf struct {
	Provider               string
	Groups, Users, Domains []string
}

// Requirement is one requirement of a grant.
type Requirement struct {
	Kind RequirementKind
	// Value is the authentication context; only for ACR.
	Value string
}

func (r Requirement) String() string {
	if r.Kind == ACR {
		return "acr:" + r.Value
	}
	return r.Kind.String()
}

// Frequency is how long after an authentication the user must authenticate again, regardless of activity (F4). The zero
// value sets nothing.
type Frequency struct {
	// Interval is at least a second.
	Interval time.Duration
	// EveryTime demands a full authentication at each evaluation, but at most once in EveryTimeTolerance (F6, F7). A
	// policy with EveryTime has no Interval.
	EveryTime bool
}

// EveryTimeTolerance is the maximum age of an authentication that satisfies Frequency.EveryTime (F7), and the maximum
// by which the provider's clock may be ahead of the request's time.
const EveryTimeTolerance = 5 * time.Minute

func (f Frequency) isSet() bool { return f.EveryTime || f.Interval != 0 }

func (f Frequency) String() string {
	switch {
	case f.EveryTime:
		return "every_time"
	case f.Interval != 0:
		return f.Interval.String()
	}
	return "unset"
}

// Conditions restrict a policy further. Each list that is not empty must contain the request's value.
type Conditions struct {
	Platforms  []Platform
	Clients    []Client
	SignInRisk []Risk
	UserRisk   []Risk
	// Devices must all hold.
	Devices []DeviceCondition
}

// DeviceCondition requires a property of the device or, with Not, its absence. For an unregistered device, of which
// nothing is known, every negative condition holds and every positive one fails (P12).
type DeviceCondition struct {
	Attribute Attribute
	Not       bool
}
