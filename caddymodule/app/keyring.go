package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
	"github.com/latchkey-gateway/latchkey/caddymodule/keystorage"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// openRing creates the key ring of the configuration. If the configuration lists no keys, it also creates the ring's
// keeper.
func (a *App) openRing() (*keyring.Ring, error) {
	secrets, err := a.resolveKeys()
	if err != nil {
		return nil, err
	}
	if len(secrets) > 0 {
		ring, err := keyring.New(secrets...)
		if err == nil {
			ring.OnUnknown(keystorage.WarnOfUnknown(a.logger))
		}
		return ring, err
	}
	keys, made, err := keystorage.LoadOrMake(context.WithoutCancel(a.ctx), a.storage, time.Now())
	if err != nil {
		return nil, err
	}
	ring := new(keyring.Ring)
	if err := ring.Replace(keys, time.Now()); err != nil {
		return nil, err
	}
	if made {
		a.logger.Info("a key ring was made in Caddy's storage; users who were signed in under another one sign in again",
			zap.Stringer("key", ring.Keys()[0].ID))
	}
	a.keeper = keystorage.New(keystorage.Config{
		Ring: ring, Storage: a.storage, Logger: a.logger, Life: a.keyLife(),
		Rotate: config.DurationOr(a.KeysRotate, config.DefaultKeysRotate),
		Tell:   func(ctx context.Context) { a.sessions.TellKeys(ctx) },
	})
	return ring, nil
}

// keyLife returns how long a key must still open what it sealed after a new key replaces it: the longest lifetime of
// anything that it can have sealed.
func (a *App) keyLife() time.Duration {
	life := max(a.tenant.Limits.Browser.Max, a.tenant.Limits.Persistent.Max, a.tenant.Prompt.RememberAnswer, a.SignInLog.KeepFor())
	return life + keystorage.Margin
}

func (a *App) resolveKeys() ([][]byte, error) {
	secrets := make([][]byte, 0, len(a.Keys))
	for i, key := range a.Keys {
		secret, err := config.Resolve(fmt.Sprintf("keys: key %d", i+1), key)
		if err != nil {
			return nil, err
		}
		if !config.HasPlaceholder(key) {
			a.logger.Warn("a key stands in the configuration itself; use {env.NAME} or {file./path}", zap.Int("key", i+1))
		}
		secrets = append(secrets, []byte(secret))
	}
	if len(secrets) > 0 {
		if _, err := keyring.New(secrets...); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
	}
	return secrets, nil
}
