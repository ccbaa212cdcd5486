package config

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// DefaultKeysRotate is the age at which a new key replaces the newest one. Nonces are random, so one key may seal 2^32
// values (NIST SP 800-38D, section 8.3): more than 500 a second for 90 days.
const DefaultKeysRotate = 90 * 24 * time.Hour

const minKeysRotate = 7 * 24 * time.Hour

// CheckKeys checks the configured keys. Its errors never contain a key.
func (a *App) CheckKeys() error {
	for i, k := range a.Keys {
		if !HasPlaceholder(k) && len(k) < keyring.MinSecret {
			return fmt.Errorf("keys: key %d has less than %d bytes", i+1, keyring.MinSecret)
		}
		if slices.Contains(a.Keys[:i], k) {
			return fmt.Errorf("keys: key %d is listed twice", i+1)
		}
	}
	switch r := a.KeysRotate; {
	case r == nil:
	case len(a.Keys) > 0:
		return errors.New("keys_rotate: keys that the configuration lists are rotated there")
	case *r != 0 && (time.Duration(*r) < minKeysRotate || time.Duration(*r) > MaxLifetime):
		return fmt.Errorf("keys_rotate: %s is neither 0 nor from %s to %s", Days(time.Duration(*r)), Days(minKeysRotate), Days(MaxLifetime))
	}
	return nil
}
