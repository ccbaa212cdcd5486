package policy

import (
	"net/netip"
	"time"
)

// Config is everything that decisions depend on besides the request. Names compare byte for byte.
type Config struct {
	Networks []Network
	// Policies hold for every site.
	Policies []Policy
	// Sites are all sites there are: a request for an app that is not among them is refused.
	Sites []Site
}

// TrustedNetworks in a list of networks stands for every network that is marked trusted (P9). No network may have
// this name.
const TrustedNetworks = "trusted"

// Network is a named location.
type Network struct {
	Name string
	// Trusted makes it one of TrustedNetworks.
	Trusted bool
	// Shared says that its devices are used by many people; a device in it counts as shared (A7).
	Shared bool
	// Prefixes are its addresses. Host bits are ignored; an IPv4 prefix in IPv6 form means the IPv4 addresses.
	Prefixes []netip.Prefix
	// Position is where it was configured, as file:line, for error texts. Optional.
	Position string
}

// Site is what a single site adds to the policies that hold everywhere.
type Site struct {
	// App is the name of the site in policies and logs.
	App string
	// Allow says who may enter at all. Empty means any signed-in user.
	Allow []Who
	// Deny says who may not, and beats Allow.
	Deny []Who
	// Policies hold for this site only. They name no apps and say nothing about persistence, which belongs to the
	// whole browser session (B2, B3).
	Policies []Policy
	// Position is where it was configured, as file:line, for error texts. Optional.
	Position string
}

// WhoKind says how a Who names people.
type WhoKind uint8

// The ways to name people in an allow or deny list.
const (
	WhoGroup    WhoKind = iota + 1 // members of a group
	WhoUser                        // one person, by any of their names
	WhoProvider                    // everybody who signed in with a provider
	WhoDomain                      // everybody with a mail address in a domain
)

// Who names people in an allow or deny list.
type Who struct {
	Kind WhoKind
	Name string
	// Provider, if not empty, is where they must have signed in. Not for WhoProvider.
	Provider string
}

// Policy is a named rule: if the assignment matches and the conditions hold, then the grant must be satisfied and the
// session controls hold.
type Policy struct {
	// Name is unique among the policies for all sites and those of the same site.
	Name string
	// Position is where it was configured, as file:line, for error texts. Optional.
	Position string
	Mode     Mode

	Include    Assignment
	Exclude    Assignment
	Conditions Conditions
	// Matcher, if not 0, names a matcher of the caller's: the policy applies only to requests for which
	// Request.Match says so. Its meaning (routes, methods, headers) is none of this package's business.
	Matcher MatcherID

	// Block refuses. It goes with no requirement and no session control.
	Block bool
	// Require lists what must all be satisfied.
	Require []Requirement
	// RequireAny lists what must be satisfied at least in part: one is enough. With Require, both hold.
	RequireAny []Requirement

	SignInFrequency   Frequency
	PersistentBrowser Persistence
	// MaxIdle is the longest idle limit a session may have. 0 says nothing.
	MaxIdle time.Duration
}

// MatcherID is the caller's name for a matcher.
type MatcherID int

// Assignment says for whom and where. In Include an empty one means everybody, everywhere; in Exclude it means nobody.
type Assignment struct {
	// All means everybody. In Include it stands alone among the subjects; Exclude refuses it.
	All bool
	// Guests means everybody whose provider calls them a guest.
	Guests    bool
	Groups    []string
	Users     []string
	Providers []string
	// Domains are of mail addresses. In Include also of addresses that nobody has verified, in Exclude of verified ones
	// alone. The subdomains of a domain are other domains.
	Domains []string
	// Of are people who must have signed in with a certain provider.
	Of   []PeopleOf
	Apps []string
	// Networks are names of networks, or TrustedNetworks.
	Networks []string
}

// PeopleOf names people who signed in with one provider.
type PeopleOf struct {
	Provider               string
	Groups, Users, Domains []string
}

// Conditions narrow a policy down further. Each list that is not empty must contain what the request has.
type Conditions struct {
	Platforms  []Platform
	Clients    []Client
	SignInRisk []Risk
	UserRisk   []Risk
	// Devices must all hold.
	Devices []DeviceCondition
}

// DeviceCondition asks for a property of the device, or, with Not, for its absence. Of an unregistered device, of
// which nothing is known, every negative condition holds and no positive one (P12).
type DeviceCondition struct {
	Attribute Attribute
	Not       bool
}

// Requirement is a part of a grant.
type Requirement struct {
	Kind RequirementKind
	// Value is the authentication context, for ACR alone.
	Value string
}

func (r Requirement) String() string {
	if r.Kind == ACR {
		return "acr:" + r.Value
	}
	return r.Kind.String()
}

// Frequency is how long after authenticating somebody must authenticate again, whatever they did meanwhile (F4). The
// zero value says nothing.
type Frequency struct {
	// Interval is at least a second.
	Interval time.Duration
	// EveryTime asks for a full authentication at each evaluation, but never twice within EveryTimeTolerance (F6,
	// F7). In a policy it excludes Interval.
	EveryTime bool
}

// EveryTimeTolerance is how old an authentication may be to satisfy Frequency.EveryTime (F7), and how far ahead of
// the request's time the provider's clock may be.
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
