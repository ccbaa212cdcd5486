package pending

import (
	"context"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// KeepChallenge keeps, beside a session that its provider has ended, what a new sign-in has to ask the provider for. It is
// the caller's own text, and is kept until the given time.
func (k *Keeper) KeepChallenge(ctx context.Context, id session.ID, text string, until time.Time) error {
	return k.vault.Put(ctx, challengeKey(id), []byte(text), until)
}

// Challenge returns what KeepChallenge has kept for a session. ErrNotFound if that is nothing.
func (k *Keeper) Challenge(ctx context.Context, id session.ID) (string, error) {
	plain, _, err := k.vault.Get(ctx, challengeKey(id))
	return string(plain), err
}

func challengeKey(id session.ID) session.Key { return session.HashKey("cc", string(id[:])) }
