package config

import (
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// App is Latchkey's global configuration: where people sign in, where sessions live and how long, and the policies
// that hold for every site. Sites use it through the handler `latchkey`.
type App struct {
	// The OpenID providers at which people sign in. The first is the default for sites that name none. At least one.
	Providers []*Provider `json:"providers,omitempty"`

	// Where sessions live. Default: the `file` store, under Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=latchkey.stores inline_key=driver"`

	// Secrets that seal cookies and stored sessions, newest first; older ones only open what they have sealed. Each has
	// at least 32 bytes; use placeholders such as `{file./run/secrets/key}`. Default: a key ring kept in Caddy's
	// storage, which the members of a cluster share. Whoever holds a key can forge a session.
	Keys []string `json:"keys,omitempty" placeholders:"later"`

	// The age at which the newest key of the ring in Caddy's storage is superseded by itself. Older keys go on opening what
	// they have sealed as long as anything can need them. 0: only when `latchkey keys rotate` says so. Default: 90 days; at
	// least 7 days.
	KeysRotate *caddy.Duration `json:"keys_rotate,omitempty"`

	// How long a session lives.
	Session Session `json:"session,omitzero"`

	// The question "Stay signed in?".
	StaySignedIn *StaySignedIn `json:"stay_signed_in,omitempty"`

	// Sign people out who use none of the sites for a while. Default: only the idle limits of sessions and policies do.
	IdleSignOut *IdleSignOut `json:"idle_sign_out,omitempty"`

	// How often one address may ask for each endpoint of sign-in. Default: 1200 times at once and in each minute.
	RateLimit *RateLimit `json:"rate_limit,omitempty"`

	// The host at which people sign in for all sites. Default: each site signs people in by itself.
	SignInHost *SignInHost `json:"sign_in_host,omitempty"`

	// How texts stand in the headers that tell applications who is there: `utf8`, `percent`, `base64` or `latin1`, unless the
	// site says another one. Default: `utf8`.
	HeaderEncoding string `json:"header_encoding,omitempty"`

	// How the pages look that people see.
	Brand *Brand `json:"brand,omitempty"`

	// How long sign-ins are kept in the store. Default: 30 days and 100,000 entries.
	SignInLog *SignInLog `json:"sign_in_log,omitempty"`

	// Named networks, for policies.
	Networks []*Network `json:"networks,omitempty"`

	// Policies for every site. All that apply to a request must be satisfied, in no order; one that blocks beats all.
	Policies []*Policy `json:"policies,omitempty"`
}

// Session is how long sessions live. The limits are held against every request, the smaller of what was
// configured at sign-in and what is configured now: a change can shorten a live session and never lengthens it.
type Session struct {
	// Sessions that end with the browser: "No" to "Stay signed in?". Browsers that restore their tabs restore these
	// sessions as well, so the limits are what really ends them. Default: 24 hours idle, 7 days at most.
	Browser Limits `json:"browser,omitzero"`

	// Sessions that survive the browser: "Yes" to "Stay signed in?". Default: 90 days idle, 180 days at most.
	Persistent Limits `json:"persistent,omitzero"`

	// How old a person's claims and groups may grow before the provider is asked for them anew, with the refresh token.
	// 0 leaves them as at sign-in. A provider that refuses ends the session; while one cannot be reached they are used
	// for a day more. Without a refresh token (scope `offline_access`) they stay as at sign-in. Default: 1 hour.
	Recheck *caddy.Duration `json:"recheck,omitempty"`

	// How long what is known of a session is used without asking the store. A session that ends is gone on this server
	// at once and on others within milliseconds; this bounds it where a message between them is lost. 0 asks the store
	// on every request. Default: 5 seconds.
	CacheRecheck *caddy.Duration `json:"cache_recheck,omitempty"`

	// How long sessions that are known go on while the store cannot be reached, counted from its last answer about each.
	// A session that another server ends in that time is found out when the store is back. 0: not at all. Default: 5
	// minutes.
	OutageGrace *caddy.Duration `json:"outage_grace,omitempty"`

	// How many sessions one user may have, over all browsers. When there is one more the oldest ends, which is logged
	// and emitted as `session_revoked`. Default: 100; at most 10000.
	MaxSessions int `json:"max_sessions,omitempty"`
}

// MaxMaxSessions bounds what may be configured: all sessions of a user are looked at when some are too many.
const MaxMaxSessions = 10_000

func (c *Session) checkMaxSessions() error {
	if n := c.MaxSessions; n < 0 || n > MaxMaxSessions {
		return fmt.Errorf("max_sessions: %d is no number of sessions from 1 to %d", n, MaxMaxSessions)
	}
	return nil
}

// Limits bound the life of a session.
type Limits struct {
	// How long a session lives without being used. Never longer than the max lifetime.
	IdleLimit caddy.Duration `json:"idle_limit,omitempty"`

	// How long a session lives at all, however much it is used. At most 400 days, which is as long as browsers keep a
	// cookie.
	MaxLifetime caddy.Duration `json:"max_lifetime,omitempty"`
}

// StaySignedIn configures the question "Stay signed in?" that follows a sign-in.
type StaySignedIn struct {
	// Never ask. Sessions then end with the browser, and persistent sessions that exist end at their next request
	// under the limits of browser sessions.
	Off bool `json:"off,omitempty"`

	// How long "Don't show this again" holds in a browser. 0 removes the checkbox. Default: 180 days.
	RememberAnswer *caddy.Duration `json:"remember_answer,omitempty"`

	// After how long without an answer a sign-in counts as abandoned. Default: 10 minutes.
	AbandonAfter caddy.Duration `json:"abandon_after,omitempty"`

	// Signals that hide the question and make it a "No": any of `guest`, `high_risk`, `shared_device`, `iwa` and
	// `consent`, or `none` alone. Default: all of them. With fewer, more people are asked.
	Suppress []string `json:"suppress,omitempty"`

	// When a browser counts as a shared device. Default: 2 people within 7 days.
	SharedDevice *SharedDevice `json:"shared_device,omitempty"`

	// A file with plain text that is shown under the question. Read when the configuration is loaded.
	Text string `json:"text,omitempty"`
}

// SharedDevice says how many people make a browser a shared device.
type SharedDevice struct {
	// How many different people, at least 2.
	Users int `json:"users"`

	// Within which time they signed in.
	Within caddy.Duration `json:"within"`
}

// Network is a named location: addresses that policies include or exclude. The address of a client is Caddy's
// `client_ip`; behind another proxy configure `trusted_proxies` and `trusted_proxies_strict`, or it can be forged.
type Network struct {
	// The name that policies use.
	Name string `json:"name"`

	// Makes it one of the networks that policies mean by `network trusted`.
	Trusted bool `json:"trusted,omitempty"`

	// Its devices are used by many people: they count as shared devices, where nobody is asked to stay signed in.
	Shared bool `json:"shared,omitempty"`

	// IP addresses or ranges in CIDR notation, or `private_ranges`.
	Ranges []string `json:"ranges"`
}
