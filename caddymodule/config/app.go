package config

import (
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// App is Latchkey's global configuration: the providers, the store, how long sessions live, and the policies for every
// site. Sites use it through the handler `latchkey`.
type App struct {
	// The OpenID providers at which users sign in. At least one. The first is the default for sites that name none.
	Providers []*Provider `json:"providers,omitempty"`

	// Where sessions are stored. Default: the `file` store, under Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=latchkey.stores inline_key=driver"`

	// Secrets that seal cookies and stored sessions, newest first. The first one seals; the others only open what they
	// sealed earlier. Each has at least 32 bytes. Use placeholders such as `{file./run/secrets/key}`. Anyone who has a
	// key can forge a session. Default: a key ring in Caddy's storage, which the members of a cluster share.
	Keys []string `json:"keys,omitempty" placeholders:"later"`

	// The age at which Latchkey replaces the newest key of the ring in Caddy's storage with a new one. Older keys are
	// kept, to open what they sealed, as long as something sealed with them can still be valid. 0: keys change only by
	// `latchkey keys rotate`. Default: 90 days; at least 7 days.
	KeysRotate *caddy.Duration `json:"keys_rotate,omitempty"`

	// How long a session lives.
	Session Session `json:"session,omitzero"`

	// The question "Stay signed in?".
	StaySignedIn *StaySignedIn `json:"stay_signed_in,omitempty"`

	// Signs users out who use none of the sites for a while. Default: off; only the idle limits of sessions and
	// policies apply.
	IdleSignOut *IdleSignOut `json:"idle_sign_out,omitempty"`

	// How many requests one client address may send to each sign-in endpoint. Default: 1200 at once, and then 1200 a
	// minute.
	RateLimit *RateLimit `json:"rate_limit,omitempty"`

	// Streams of events about users that are received.
	Signals []*Signals `json:"signals,omitempty"`

	// The host at which users sign in for all sites. Default: users sign in at each site separately.
	SignInHost *SignInHost `json:"sign_in_host,omitempty"`

	// How text is encoded in the headers that tell applications who the user is: `utf8`, `percent`, `base64` or
	// `latin1`. A site can set another encoding. Default: `utf8`.
	HeaderEncoding string `json:"header_encoding,omitempty"`

	// The look of the pages that users see.
	Brand *Brand `json:"brand,omitempty"`

	// How long sign-ins are kept in the store, and how many. Default: 30 days and 100,000 entries.
	SignInLog *SignInLog `json:"sign_in_log,omitempty"`

	// Named networks, for policies.
	Networks []*Network `json:"networks,omitempty"`

	// Policies for every site. A request must satisfy all policies that apply to it; their order does not matter. A
	// policy that blocks overrides all others.
	Policies []*Policy `json:"policies,omitempty"`
}

// Session sets how long sessions live. Each request is checked against the limits configured at sign-in and the limits
// configured now; the smaller ones apply. A change of configuration can therefore shorten an existing session but never
// extend it.
type Session struct {
	// Limits of sessions that end with the browser: the user answered "No" to "Stay signed in?". A browser that
	// restores its tabs restores these sessions too, so in practice these limits end them. Default: 24 hours idle, 7
	// days at most.
	Browser Limits `json:"browser,omitzero"`

	// Limits of sessions that survive a restart of the browser: the user answered "Yes" to "Stay signed in?". Default:
	// 90 days idle, 180 days at most.
	Persistent PersistentLimits `json:"persistent,omitzero"`

	// Binds sessions to the device on which they began, so that a stolen cookie is of no use elsewhere. Experimental.
	// Default: off.
	Binding *Binding `json:"binding,omitempty"`

	// How old a user's claims and groups may be before Latchkey asks the provider for them again, with the refresh
	// token. If the provider refuses, the session ends. If the provider cannot be reached, the old claims and groups
	// are used for one more day. Without a refresh token (scope `offline_access`) they stay as they were at sign-in. 0:
	// they always stay as they were at sign-in. Default: 1 hour.
	Recheck *caddy.Duration `json:"recheck,omitempty"`

	// How long a server uses its cached copy of a session before it asks the store again. When a session ends, this
	// server drops its copy at once, and other servers within milliseconds; this limit applies when the message between
	// them is lost. 0: ask the store at every request. Default: 5 seconds.
	CacheRecheck *caddy.Duration `json:"cache_recheck,omitempty"`

	// How long cached sessions stay usable while the store cannot be reached, counted for each session from the store's
	// last answer about it. If another server ends a session during that time, this server learns of it when the store
	// is back. 0: not at all. Default: 5 minutes.
	OutageGrace *caddy.Duration `json:"outage_grace,omitempty"`

	// How many sessions one user may have, over all browsers. If a sign-in exceeds the limit, the oldest session ends;
	// this is logged and emitted as the event `session_revoked`. Default: 100; at most 10000.
	MaxSessions int `json:"max_sessions,omitempty"`
}

// MaxMaxSessions is the largest value allowed for max_sessions. When a user exceeds the limit, all sessions of that
// user are read.
const MaxMaxSessions = 10_000

func (c *Session) checkMaxSessions() error {
	if n := c.MaxSessions; n < 0 || n > MaxMaxSessions {
		return fmt.Errorf("max_sessions: %d is no number of sessions from 1 to %d", n, MaxMaxSessions)
	}
	return nil
}

// Limits bound the life of a session.
type Limits struct {
	// How long a session lives without use. At most the max lifetime.
	IdleLimit caddy.Duration `json:"idle_limit,omitempty"`

	// How long a session lives in total, however much it is used. At most 400 days, the longest time for which browsers
	// keep a cookie.
	MaxLifetime caddy.Duration `json:"max_lifetime,omitempty"`
}

// PersistentLimits bound the life of a persistent session.
type PersistentLimits struct {
	Limits

	// Limits of persistent sessions that are not bound to a device. A session begins with them and gets the others once
	// it is bound. Default: the same limits.
	Unbound Limits `json:"unbound,omitzero"`
}

// StaySignedIn configures the question "Stay signed in?" that follows a sign-in.
type StaySignedIn struct {
	// Never ask. New sessions then end with the browser. Existing persistent sessions get the limits of browser
	// sessions at their next request.
	Off bool `json:"off,omitempty"`

	// How long a browser remembers "Don't show this again". 0 removes the checkbox. Default: 180 days.
	RememberAnswer *caddy.Duration `json:"remember_answer,omitempty"`

	// How long a sign-in waits for the answer before it counts as abandoned. Default: 10 minutes.
	AbandonAfter caddy.Duration `json:"abandon_after,omitempty"`

	// Signals that suppress the question, as if the user had answered "No": any of `guest`, `high_risk`,
	// `shared_device`, `iwa` and `consent`; or `none` alone. Default: all five signals.
	Suppress []string `json:"suppress,omitempty"`

	// When a browser counts as a shared device. Default: 2 users within 7 days.
	SharedDevice *SharedDevice `json:"shared_device,omitempty"`

	// A plain text file that is shown under the question. It is read when the configuration is loaded.
	Text string `json:"text,omitempty"`
}

// SharedDevice sets how many users make a browser a shared device.
type SharedDevice struct {
	// The number of different users, at least 2.
	Users int `json:"users"`

	// The period within which they signed in.
	Within caddy.Duration `json:"within"`
}

// Network is a named set of client addresses, which policies include or exclude. A client's address is Caddy's
// `client_ip`. Behind another proxy, configure `trusted_proxies` and `trusted_proxies_strict`; otherwise clients can
// forge it.
type Network struct {
	// The name that policies use.
	Name string `json:"name"`

	// Whether `network trusted` in a policy includes this network.
	Trusted bool `json:"trusted,omitempty"`

	// Whether many people use the devices in this network. They then count as shared devices, and their users are not
	// asked to stay signed in.
	Shared bool `json:"shared,omitempty"`

	// IP addresses or ranges in CIDR notation, or `private_ranges`.
	Ranges []string `json:"ranges"`
}
