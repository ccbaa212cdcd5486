package config

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/latchkey-gateway/latchkey/policy"
)

// Policy is a named rule. It applies to a request if the request is included, is not excluded and matches; then what
// it says holds.
type Policy struct {
	// The name, which logs and pages show. Unique among the policies for all sites, and within a site.
	Name string `json:"name"`

	// `on`; `report_only`, which evaluates and logs the policy without any effect; or `off`. Default: `on`.
	Mode policy.Mode `json:"mode,omitempty"`

	// For whom and where it holds. Default: everybody, everywhere.
	Include *Assignment `json:"include,omitempty"`

	// For whom and where it does not hold, whatever `include` says: each of its lists excludes by itself.
	Exclude *Assignment `json:"exclude,omitempty"`

	// What else must hold for it to apply. Default: nothing.
	When *When `json:"when,omitempty"`

	// The requests to which it applies. Default: all.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Refuse. Beats every other policy.
	Block bool `json:"block,omitempty"`

	// `always` or `never` stay signed in, without a question. It holds for a person's whole browser session and
	// therefore cannot be limited to apps, sites or requests. Where policies disagree, `never` wins.
	PersistentBrowser policy.Persistence `json:"persistent_browser,omitempty"`

	// What a sign-in must have shown, all of it: `mfa`, `acr:<value>` or `compliant_device`. Who has not shown it is sent to
	// sign in again, more strongly.
	Require []string `json:"require,omitempty"`

	// What a sign-in must have shown, one of it.
	RequireAny []string `json:"require_any,omitempty"`

	// How long after authenticating at the provider somebody must authenticate there again, however active they are.
	SignInFrequency *SignInFrequency `json:"sign_in_frequency,omitempty"`

	// How long somebody may have been away. Who comes back later must authenticate at the provider again; the session, and
	// what the policy does not apply to, is not touched by that.
	MaxIdle caddy.Duration `json:"max_idle,omitempty"`

	// For `report_only`: the day, as YYYY-MM-DD, from which on a warning in the log says that the policy still has no
	// effect. Default: none.
	ReportUntil string `json:"report_until,omitempty"`

	// Where it was written, as file:line, for messages. The Caddyfile adapter fills it in.
	Position string `json:"position,omitempty" placeholders:"none"`

	// MatchRaw as it was before it was loaded, to compare configurations.
	matched caddyhttp.RawMatcherSets
}

// Assignment names people, apps and networks. As `include` it means whoever is among the guests or in the groups, users
// or providers, at one of the apps and in one of the networks, as far as each of these three is given.
type Assignment struct {
	// Everybody.
	All bool `json:"all,omitempty"`

	// Everybody whom their provider calls a guest.
	Guests bool `json:"guests,omitempty"`

	// Members of these groups.
	Groups []string `json:"groups,omitempty"`

	// These people, by any of their names.
	Users []string `json:"users,omitempty"`

	// Everybody who signed in at these providers.
	Providers []string `json:"providers,omitempty"`

	// Everybody with a mail address in one of these domains; a subdomain is another domain. In `exclude` only an address
	// that the provider has verified counts, in `include` also one that it has not.
	Domains []string `json:"domains,omitempty"`

	// People who signed in at one provider.
	From []PeopleFrom `json:"from,omitempty"`

	// Sites, by the names of their apps.
	Apps []string `json:"apps,omitempty"`

	// Networks by name; `trusted` means every network that is marked trusted.
	Networks []string `json:"networks,omitempty"`
}

// When lists conditions. Each that is there must hold.
type When struct {
	// Operating systems, by what the browser says, which proves nothing: `android`, `ios`, `windows`, `macos`, `linux`,
	// `unknown`. Use it to block, or together with something that is proven.
	Platforms []policy.Platform `json:"platforms,omitempty"`

	// Kinds of client: `browser` or `other`.
	Clients []policy.Client `json:"clients,omitempty"`

	// Levels of the risk of the sign-in, as the provider states it: `none`, `low`, `medium`, `high` or `hidden`; `unknown`
	// is when it states nothing.
	SignInRisk []policy.Risk `json:"sign_in_risk,omitempty"`

	// Levels of the risk of the person.
	UserRisk []policy.Risk `json:"user_risk,omitempty"`

	// Properties of the device, all of which must hold. Of a device that nothing is known of, every `not` holds and
	// nothing else.
	Devices []DeviceWhen `json:"devices,omitempty"`
}

// DeviceWhen is a property of a device.
type DeviceWhen struct {
	// `compliant`, `managed` or `shared`.
	Attribute policy.Attribute `json:"attribute"`

	// Whether the device must not have it.
	Not bool `json:"not,omitempty"`
}

// SignInFrequency says how often somebody must authenticate.
type SignInFrequency struct {
	// The time after which they must authenticate again.
	Interval caddy.Duration `json:"interval,omitempty"`

	// Whenever the policy applies, but never twice within five minutes.
	EveryTime bool `json:"every_time,omitempty"`
}

// MayMeet tells whether a policy holds for an app at all.
func (p *Policy) MayMeet(app string) bool {
	if p.Include != nil && len(p.Include.Apps) > 0 && !slices.Contains(p.Include.Apps, app) {
		return false
	}
	return p.Exclude == nil || !slices.Contains(p.Exclude.Apps, app)
}

// Same tells whether two policies say the same.
func (p *Policy) Same(q *Policy) bool {
	a, b := p.Rule(0), q.Rule(0)
	a.Position, b.Position = "", ""
	matchA, errA := json.Marshal(p.matched)
	matchB, errB := json.Marshal(q.matched)
	return errA == nil && errB == nil && string(matchA) == string(matchB) && reflect.DeepEqual(a, b)
}

// LoadMatch loads the matchers of the policy, and keeps for Matched what they were made of.
func (p *Policy) LoadMatch(ctx caddy.Context) (any, error) {
	p.matched = p.MatchRaw
	return ctx.LoadModule(p, "MatchRaw")
}

// Matched is MatchRaw as it was before it was loaded, to compare configurations.
func (p *Policy) Matched() caddyhttp.RawMatcherSets { return p.matched }
