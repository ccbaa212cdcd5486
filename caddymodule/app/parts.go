package app

import (
	"slices"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Parts are what the admin API works with, for Of.
type Parts struct {
	Sessions *session.Manager
	Tokens   *apitoken.Keeper
	// TokenApps are the apps of sites that take tokens of Latchkey.
	TokenApps []string
	SignIns   *signinlog.Log
	Records   signinlog.Sink
	Keeper    *keystorage.Keeper
	Providers []*oidc.Provider
	// Logger. Default: none.
	Logger *zap.Logger
}

// Of returns an app that consists of these parts and has no configuration, for tests. It cannot be started.
func Of(p Parts) *App {
	if p.Logger == nil {
		p.Logger = zap.NewNop()
	}
	a := &App{sessions: p.Sessions, tokens: p.Tokens, signIns: p.SignIns, records: p.Records, keeper: p.Keeper, logger: p.Logger}
	a.tenant.Providers = p.Providers
	for _, name := range p.TokenApps {
		a.sites = append(a.sites, &site.Site{Site: &config.Site{App: name, Tokens: true}})
	}
	return a
}

// The parts of an app that the admin API and the commands use. They are not part of its JSON.

// Sessions returns the live sessions; nil before the service exists.
func (a *App) Sessions() *session.Manager { return a.sessions }

// Tokens returns what keeps the tokens that Latchkey issues; nil before the service exists.
func Tokens(a *App) *apitoken.Keeper { return a.tokens }

// TokenApps returns the apps of the sites that take tokens of Latchkey, sorted.
func TokenApps(a *App) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var apps []string
	for _, h := range a.sites {
		if h.Site.Tokens {
			apps = append(apps, h.App)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps)
}

// SignIns returns the stored sign-in log; nil if there is none.
func (a *App) SignIns() *signinlog.Log { return a.signIns }

// Records returns the receiver of entries of the sign-in log; nil before the service exists.
func (a *App) Records() signinlog.Sink { return a.records }

// Keeper returns the keeper of the key ring in Caddy's storage; nil if the configuration lists the keys.
func (a *App) Keeper() *keystorage.Keeper { return a.keeper }

// Logger returns the logger of the app.
func (a *App) Logger() *zap.Logger { return a.logger }

// Store returns the module of the store.
func (a *App) Store() store.Module { return a.module }
