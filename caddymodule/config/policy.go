package config

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Policy is a named rule. It applies to a request that is included, is not excluded and meets its conditions. A request
// to which it applies must meet its requirements.
type Policy struct {
	// The name, which appears in logs and on pages. It must be unique among the policies for all sites, and within a
	// site.
	Name string `json:"name"`

	// `on`; `report_only`, which evaluates and logs the policy without any effect; or `off`. Default: `on`.
	Mode policy.Mode `json:"mode,omitempty"`

	// The users, apps and networks to which it applies. Default: all.
	Include *Assignment `json:"include,omitempty"`

	// The users, apps and networks to which it does not apply; overrides `include`. A match in any one of its lists is
	// enough to exclude.
	Exclude *Assignment `json:"exclude,omitempty"`

	// Further conditions. Default: none.
	When *When `json:"when,omitempty"`

	// The requests to which it applies, by Caddy's matchers. Default: all requests.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Refuse the request. Overrides every other policy.
	Block bool `json:"block,omitempty"`

	// `always` or `never` stay signed in; the user is not asked. It applies to a user's whole browser session, so it
	// cannot be limited to apps, sites or requests. If policies disagree, `never` wins.
	PersistentBrowser policy.Persistence `json:"persistent_browser,omitempty"`

	// What the sign-in must have shown, all of these: `mfa`, `acr:<value>`, `bound_session` or `compliant_device`. Other
	// users are sent to a stronger sign-in. `bound_session` means that the browser has bound the session to a key of the
	// device; a user whose browser does not do so sees a page that says which browsers do.
	Require []string `json:"require,omitempty"`

	// What the sign-in must have shown, at least one of these.
	RequireAny []string `json:"require_any,omitempty"`

	// The time after which a user must authenticate at the provider again, whether they are active or not.
	SignInFrequency *SignInFrequency `json:"sign_in_frequency,omitempty"`

	// How long a user may be idle. After a longer break the user must authenticate at the provider again. The session
	// does not end, and requests to which the policy does not apply are not affected.
	MaxIdle caddy.Duration `json:"max_idle,omitempty"`

	// For `report_only`: the day, as YYYY-MM-DD, from which a warning in the log says that the policy still has no
	// effect. Default: none.
	ReportUntil string `json:"report_until,omitempty"`

	// Where the configuration has the policy, as file:line, for messages. The Caddyfile adapter fills it in.
	Position string `json:"position,omitempty" placeholders:"none"`

	// matched keeps MatchRaw from before it was loaded, to compare configurations.
	matched caddyhttp.RawMatcherSets
}

// Assignment selects users, apps and networks. An `include` selects a request if its user matches any of the lists of
// users, its app is one of the apps, and its client is in one of the networks. A list that is not set matches
// everything.
type Assignment struct {
	// All users.
	All bool `json:"all,omitempty"`

	// Users whom their provider marks as guests.
	Guests bool `json:"guests,omitempty"`

	// Members of these groups.
	Groups []string `json:"groups,omitempty"`

	// Users with one of these names.
	Users []string `json:"users,omitempty"`

	// Users who signed in at one of these providers.
	Providers []string `json:"providers,omitempty"`

	// Users with a mail address in one of these domains. A subdomain is a different domain. In `exclude` only addresses
	// that the provider has verified count; in `include` unverified ones count too.
	Domains []string `json:"domains,omitempty"`

	// Users who signed in at one provider.
	From []PeopleFrom `json:"from,omitempty"`

	// Sites, by their app names.
	Apps []string `json:"apps,omitempty"`

	// Networks by name; `trusted` means every network that is marked as trusted.
	Networks []string `json:"networks,omitempty"`
}

// When lists conditions. All conditions that are set must hold.
type When struct {
	// Operating systems: `android`, `ios`, `windows`, `macos`, `linux` or `unknown`. The browser's own statement
	// decides, and a client can forge it. Use this to block, or together with a condition that is proven.
	Platforms []policy.Platform `json:"platforms,omitempty"`

	// Kinds of client: `browser` or `other`.
	Clients []policy.Client `json:"clients,omitempty"`

	// Risk levels of the sign-in, as the provider states them: `none`, `low`, `medium`, `high` or `hidden`; `unknown`
	// if the provider states none.
	SignInRisk []policy.Risk `json:"sign_in_risk,omitempty"`

	// Risk levels of the user, with the same values.
	UserRisk []policy.Risk `json:"user_risk,omitempty"`

	// Properties of the device, all of which must hold. For a device of which nothing is known, a condition with `not`
	// holds and every other condition fails.
	Devices []DeviceWhen `json:"devices,omitempty"`
}

// DeviceWhen is a condition on a property of a device.
type DeviceWhen struct {
	// `compliant`, `managed`, `shared` or `bound`. The first three are what the provider states, or for `shared` the
	// network; `bound` means that the session is bound to a key of the device.
	Attribute policy.Attribute `json:"attribute"`

	// Whether the device must not have the property.
	Not bool `json:"not,omitempty"`
}

// SignInFrequency sets how often a user must authenticate.
type SignInFrequency struct {
	// The time after which the user must authenticate again.
	Interval caddy.Duration `json:"interval,omitempty"`

	// Authenticate whenever the policy applies, but at most once in five minutes.
	EveryTime bool `json:"every_time,omitempty"`
}

// MayMeet reports whether the policy can apply to an app at all.
func (p *Policy) MayMeet(app string) bool {
	if p.Include != nil && len(p.Include.Apps) > 0 && !slices.Contains(p.Include.Apps, app) {
		return false
	}
	return p.Exclude == nil || !slices.Contains(p.Exclude.Apps, app)
}

// Same reports whether two policies have the same content.
func (p *Policy) Same(q *Policy) bool {
	a, b := p.Rule(0), q.Rule(0)
	a.Position, b.Position = "", ""
	matchA, errA := json.Marshal(p.matched)
	matchB, errB := json.Marshal(q.matched)
	return errA == nil && errB == nil && string(matchA) == string(matchB) && reflect.DeepEqual(a, b)
}

// LoadMatch loads the matchers of the policy, and keeps their configuration for Matched.
func (p *Policy) LoadMatch(ctx caddy.Context) (any, error) {
	p.matched = p.MatchRaw
	return ctx.LoadModule(p, "MatchRaw")
}

// Matched returns MatchRaw from before it was loaded, to compare configurations.
func (p *Policy) Matched() caddyhttp.RawMatcherSets { return p.matched }
