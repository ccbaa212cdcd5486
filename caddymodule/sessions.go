package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	defaultCacheRecheck = 5 * time.Second
	maxCacheRecheck     = time.Hour
	defaultOutageGrace  = 5 * time.Minute
	maxOutageGrace      = 24 * time.Hour
)

// newManager makes the manager of this configuration over a store that others may share.
func (a *App) newManager(store session.Store, ring *keyring.Ring) *session.Manager {
	log := a.rt.logger
	return session.NewManager(session.ManagerConfig{
		Store: store,
		Keys:  ring,
		Limits: session.Limits{
			Browser: a.rt.limits.Browser, Persistent: a.rt.limits.Persistent, Finest: a.rt.finestIdle,
		},
		Cache:       a.rt.shared.cached(ring),
		Recheck:     durationOr(a.Session.CacheRecheck, defaultCacheRecheck),
		OutageGrace: durationOr(a.Session.OutageGrace, defaultOutageGrace),
		OnOutage: func(err error) {
			if err != nil {
				log.Error("the store cannot be asked; sessions that are known go on for outage_grace", zap.Error(err))
				return
			}
			log.Info("the store answers again")
		},
		OnFeedError: func(err error) {
			log.Warn("other servers were not told of a change; they find out within cache_recheck", zap.Error(err))
		},
		OnKeys: func() {
			if a.rt.keeper != nil {
				a.rt.keeper.heard()
			}
		},
		OnTouchError: func(err error) { log.Warn("last use of a session not written", zap.Error(err)) },
	})
}

func durationOr(value *caddy.Duration, def time.Duration) time.Duration {
	if value == nil {
		return def
	}
	return time.Duration(*value)
}
