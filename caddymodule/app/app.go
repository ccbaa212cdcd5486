package app

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/observe"
	"github.com/latchkey-gateway/latchkey/caddymodule/signals"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/policy"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is Latchkey's global configuration: the providers, the store, how long sessions live, and the policies for every
// site. Sites use it through the handler `latchkey`.
type App struct {
	config.App

	ctx     caddy.Context
	logger  *zap.Logger
	storage certmagic.Storage
	module  store.Module
	shared  *store.Shared
	events  *caddyevents.App
	// tenant is what the sites share.
	tenant site.Tenant
	// asked measure the requests to the providers of tenant, in their order.
	asked []*observe.Provider
	pages *pages.Pages
	// streams receives events of transmitters.
	streams *signals.Streams
	// FinestIdle is the shortest max_idle of all policies and the shortest time before a warning of idle sign-out, over
	// all provisioned sites; zero if there is none. It determines how often the last use of a session is written.
	finestIdle time.Duration

	// Caddy starts the apps of a configuration in no fixed order, so the first request may come before Start. Whichever
	// comes first opens the store and the keys.
	mu       sync.Mutex
	service  *signin.Service
	ready    atomic.Pointer[signin.Service] // the same, for requests
	sessions *session.Manager
	tokens   *apitoken.Keeper
	signIns  *signinlog.Log // nil if none is kept
	records  signinlog.Sink // receives entries of the sign-in log; nil before the service exists
	repeats  *signinlog.Repeats
	keeper   *keystorage.Keeper // nil if the configuration lists the keys
	stopped  bool
	sites    []*site.Site // the provisioned sites

	metrics registered

	said findings
	// siteLinter and routes are used while the sites are provisioned, one after the other.
	siteLinter *policy.SiteLinter
	routes     lintedRoutes
	reminder   reminder
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "latchkey", New: func() caddy.Module { return new(App) }}
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
