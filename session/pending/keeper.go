package pending

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// Config configures a Keeper. Store and Keys are required.
type Config struct {
	Store session.Store
	Keys  *keyring.Ring
	Now   func() time.Time // nil: time.Now
	// Max is how many sign-ins may wait for their answer in total; default 20,000.
	Max int
}

// Keeper keeps data that waits for a browser to come back. It is safe for concurrent use.
type Keeper struct {
	vault            session.Vault
	now              func() time.Time
	maxPending       int
	copies           copies
	waiting, counted atomic.Int64 // how many sign-ins wait for an answer, and when they were counted, in nanoseconds since 1970
}

// New returns a keeper over a store.
func New(c Config) *Keeper {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Keeper{vault: session.Vault{Store: c.Store, Keys: c.Keys}, now: c.Now, maxPending: cmp.Or(c.Max, defaultMaxPending)}
}

// Waiting returns how many sign-ins wait for their answer, at the last count.
func (k *Keeper) Waiting() int { return int(max(0, k.waiting.Load())) }
