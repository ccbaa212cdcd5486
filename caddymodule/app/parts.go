package app

import (
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/caddymodule/store"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
)

// Parts are what the admin API works with.
type Parts struct {
	Sessions  *session.Manager
	SignIns   *signinlog.Log
	Records   signinlog.Sink
	Keeper    *keystorage.Keeper
	Providers []*oidc.Provider
	// Logger. Default: none.
	Logger *zap.Logger
}

// Of makes an app of parts, without a configuration, for tests of what works with them. It cannot be started.
func Of(p Parts) *App {
	if p.Logger == nil {
		p.Logger = zap.NewNop()
	}
	a := &App{sessions: p.Sessions, signIns: p.SignIns, records: p.Records, keeper: p.Keeper, logger: p.Logger}
	a.tenant.Providers = p.Providers
	return a
}

// What the admin API and the commands see of an app. None of these is part of its JSON.

// Sessions are the live sessions; nil before the service is made.
func (a *App) Sessions() *session.Manager { return a.sessions }

// SignIns is the stored sign-in log; nil if none is kept.
func (a *App) SignIns() *signinlog.Log { return a.signIns }

// Records is where entries of the sign-in log go; nil before the service is made.
func (a *App) Records() signinlog.Sink { return a.records }

// Keeper keeps the key ring in Caddy's storage; nil if the configuration lists the keys.
func (a *App) Keeper() *keystorage.Keeper { return a.keeper }

// Logger is the logger of the app.
func (a *App) Logger() *zap.Logger { return a.logger }

// Store is the module of the store.
func (a *App) Store() store.Module { return a.module }
