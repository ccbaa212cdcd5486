package caddymodule

import (
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

	// The requests to which it applies. Default: all.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Refuse. Beats every other policy.
	Block bool `json:"block,omitempty"`

	// `always` or `never` stay signed in, without a question. It holds for a person's whole browser session and
	// therefore cannot be limited to apps, sites or requests. Where policies disagree, `never` wins.
	PersistentBrowser policy.Persistence `json:"persistent_browser,omitempty"`

	// Where the Caddyfile has it, as file:line, for messages while it is adapted.
	position string
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

	// Sites, by the names of their apps.
	Apps []string `json:"apps,omitempty"`

	// Networks by name; `trusted` means every network that is marked trusted.
	Networks []string `json:"networks,omitempty"`
}
