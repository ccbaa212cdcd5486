package access

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signin/ratelimit"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Config configures a Service. Everything without a default is required.
type Config struct {
	// Providers are the configured providers; the first one is the default.
	Providers []*oidc.Provider
	Sessions  *session.Manager
	Store     session.Store
	Keys      *keyring.Ring
	Pages     *pages.Pages
	Log       signinlog.Sink
	// SignIns is where users find their own sign-ins. Nil: none are kept.
	SignIns SignIns
	// Clients names browsers and networks for users. Nil: they are not named.
	Clients Clients
	Prompt  PromptConfig
	// Binds says which sessions browsers are asked to bind. The zero value: none.
	Binds Binds
	// Recheck is how old claims and groups may become before the provider is asked for them again. Zero: they stay as at
	// sign-in.
	Recheck time.Duration
	// MaxSessions is how many sessions one user may have; with one more the oldest ends. Zero: DefaultMaxSessions.
	MaxSessions int
	// MaxPending is how many sign-ins may wait for their answer in total. Zero: 20,000.
	MaxPending int
	// RateLimit is how often one client may ask for each endpoint that costs something. Zero: there is no limit.
	RateLimit ratelimit.Rate
	// OnLimited is called for each request that was refused by RateLimit, with its endpoint. It must not block. It may be nil.
	OnLimited func(endpoint string)
	// OnRenewal is called after each renewal of claims, with the provider and one of the constants renew.Renewal. It must not
	// block. It may be nil.
	OnRenewal func(provider, result string)
	// OnExchange is called after each exchange of an access token, with the provider and one of the constants
	// accesstoken.Exchange. It must not block. It may be nil.
	OnExchange func(provider, result string)
	// OnBinding is called after each registration and each refresh of a bound session, with a step and a result: see the
	// Binding constants. It must not block. It may be nil.
	OnBinding func(step, result string)
	// OnSignOut is called after each back-channel logout, with one of the constants signin.SignOut. It must not block. It may be nil.
	OnSignOut func(result string)
	// Notify is called with what happens to sessions: see the Event constants. It must not block. It may be nil.
	Notify func(event string, data map[string]any)
	// Events receives the events that transmitters push. Nil: none are expected.
	Events Events
	// SignInHost is the origin of the host at which users sign in for all sites. Empty: each site does so by itself.
	SignInHost string
	// SiteFor returns the site with an app's name and an origin; an empty name matches every site. It returns nil if
	// the configuration has none. Required with SignInHost.
	SiteFor func(app, origin string) *Site
	// TokenApps returns the names of the apps for which users can make tokens for programs. Nil: there are none.
	TokenApps func() []string
	// Siblings returns the hosts of the configuration that share the sign-in host and the registrable domain of a host,
	// without that host; an asterisk may stand for their first label. Nil: there are none.
	Siblings func(host string) []string
	Logger   *zap.Logger
	Now      func() time.Time
}

// Events receives events of transmitters (Shared Signals Framework), by the name of their stream.
type Events interface {
	// Has reports whether transmitters may push to a stream of this name.
	Has(name string) bool
	// Push answers the request that pushes an event (RFC 8935).
	Push(w http.ResponseWriter, r *http.Request, name string, from netip.Addr)
	// Revokes reports whether a provider may order that all sessions of a user end.
	Revokes() bool
	// Revoke answers the request that orders it (Global Token Revocation).
	Revoke(w http.ResponseWriter, r *http.Request, from netip.Addr)
}

// PromptConfig is the configuration of "Stay signed in?" for all sites.
type PromptConfig struct {
	// Off disables the prompt, and ends persistence of sessions at their next request (K7, X16).
	Off bool
	// RememberAnswer is how long "Don't show this again" is valid (A10). Zero: there is no such checkbox.
	RememberAnswer time.Duration
	// AbandonAfter is when an unanswered prompt counts as abandoned (A8). Zero: 10 minutes.
	AbandonAfter time.Duration
	Suppress     prompt.Suppress
	// SharedUsers: this many different users within SharedWindow make a browser a shared device (A7). Zero: never.
	SharedUsers  int
	SharedWindow time.Duration
	// Text is shown under the question.
	Text string
}

// DefaultMaxSessions is the default number of sessions that a user may have.
const DefaultMaxSessions = 100

const defaultAbandonAfter = 10 * time.Minute

// Offered reports whether "Stay signed in?" may be asked on a site (K7, K8).
func (c *PromptConfig) Offered(site *Site) bool { return !c.Off && !site.PromptOff }

// Clients returns names for the client data in a record.
type Clients interface {
	// Describe returns the names in a User-Agent. They prove nothing.
	Describe(agent string) Device
	// Network returns the name of the network that contains an address; empty if there is none.
	Network(ip netip.Addr) string
}

// Device contains the common names from a User-Agent: "Firefox", "Windows". Unknown parts are empty.
type Device struct {
	Browser, System string
	Form            pages.Form
}

// SignIns is the part of the sign-in log that is read here.
type SignIns interface {
	// Own returns the newest entries of a user, given by signinlog.Record.UserID, newest first, at most limit.
	Own(ctx context.Context, userID string, limit int) (signinlog.Page, error)
}
