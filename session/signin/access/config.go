package access

import (
	"context"
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

// Config is what a sign-in service works with. Everything without a default is required.
type Config struct {
	// Providers: the first is the default.
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
	// Recheck is how old claims and groups may become before the provider is asked for them again. Zero: they stay as at
	// sign-in.
	Recheck time.Duration
	// MaxSessions is how many sessions one user may have; with one more the oldest ends. Zero: DefaultMaxSessions.
	MaxSessions int
	// MaxPending is how many sign-ins may wait for their answer in all. Zero: 20,000.
	MaxPending int
	// RateLimit is how often one client may ask for each endpoint that costs something. Zero: there is no limit.
	RateLimit ratelimit.Rate
	// OnLimited is called for each request that was refused by RateLimit, with its endpoint. It must not block. It may be nil.
	OnLimited func(endpoint string)
	// OnRenewal is called after each renewal of claims, with the provider and one of the constants renew.Renewal. It must not
	// block. It may be nil.
	OnRenewal func(provider, result string)
	// Notify is called with what happens to sessions: see the Event constants. It must not block. It may be nil.
	Notify func(event string, data map[string]any)
	// SignInHost is the origin of the host at which users sign in for all sites. Empty: each site does so by itself.
	SignInHost string
	// SiteFor returns the site that has an app's name and answers under an origin, of any name if it is empty; nil if the
	// configuration serves none. Required with SignInHost.
	SiteFor func(app, origin string) *Site
	Logger  *zap.Logger
	Now     func() time.Time
}

// PromptConfig is the tenant-wide configuration of "Stay signed in?".
type PromptConfig struct {
	// Off hides the prompt for all, and ends persistence at the next request (K7, X16).
	Off bool
	// RememberAnswer is how long "Don't show this again" holds (A10). Zero: no such checkbox.
	RememberAnswer time.Duration
	// AbandonAfter is when an unanswered prompt counts as abandoned (A8). Zero: 10 minutes.
	AbandonAfter time.Duration
	Suppress     prompt.Suppress
	// SharedUsers different users within SharedWindow on one browser make it a shared device (A7). Zero: never.
	SharedUsers  int
	SharedWindow time.Duration
	// Text is shown under the question.
	Text string
}

// DefaultMaxSessions is how many sessions a user may have where the configuration does not say.
const DefaultMaxSessions = 100

const defaultAbandonAfter = 10 * time.Minute

// Offered reports whether "Stay signed in?" may be asked on a site at all (K7, K8).
func (c *PromptConfig) Offered(site *Site) bool { return !c.Off && !site.PromptOff }

// Clients puts into words what a record holds of a client.
type Clients interface {
	// Describe names what a User-Agent names. It proves nothing.
	Describe(agent string) Device
	// Network is the name of the network that holds an address; empty if none does.
	Network(ip netip.Addr) string
}

// Device is what a User-Agent names, as users call it: "Firefox", "Windows". Each part is empty where it is not known.
type Device struct {
	Browser, System string
	Form            pages.Form
}

// SignIns is the sign-in log as far as it is read here.
type SignIns interface {
	// Own returns the newest entries of a user by signinlog.Record.UserID, newest first, at most limit.
	Own(ctx context.Context, userID string, limit int) (signinlog.Page, error)
}
