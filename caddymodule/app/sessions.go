package app

import (
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// newManager creates the manager of this configuration. The store may be shared with other configurations.
func (a *App) newManager(store session.Store, ring *keyring.Ring) *session.Manager {
	log := a.logger
	return session.NewManager(session.ManagerConfig{
		Store: store,
		Keys:  ring,
		Limits: session.Limits{
			Browser: a.tenant.Limits.Browser, Persistent: a.tenant.Limits.Persistent, Unbound: a.tenant.Limits.Unbound,
			Finest: a.finestIdle,
		},
		Cache:       a.shared.Cache(ring),
		Recheck:     config.DurationOr(a.Session.CacheRecheck, config.DefaultCacheRecheck),
		OutageGrace: config.DurationOr(a.Session.OutageGrace, config.DefaultOutageGrace),
		OnOutage: func(err error) {
			if err != nil {
				log.Error("session store unreachable; cached sessions stay valid for outage_grace", zap.Error(err))
				return
			}
			log.Info("session store reachable again")
		},
		OnFeedError: func(err error) {
			log.Warn("other servers were not told of a change; they find out within cache_recheck", zap.Error(err))
		},
		OnKeys: func() {
			if a.keeper != nil {
				a.keeper.Heard()
			}
		},
		OnTouchError: func(err error) { log.Warn("last use of a session not written", zap.Error(err)) },
	})
}
