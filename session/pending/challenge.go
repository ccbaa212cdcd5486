package pending

import (
	"context"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// KeepChallenge stores, for a session that its provider has ended, what the next sign-in must request from the
// provider. The text belongs to the caller, and is kept until the given time.
func (k *Keeper) KeepChallenge(ctx context.Context, id session.ID, text string, until time.Time) error {
	return k.vault.Put(ctx, challengeKey(id), []byte(text), until)
}

// Challenge returns the text that KeepChallenge has stored for a session, or ErrNotFound.
func (k *Keeper) Challenge(ctx context.Context, id session.ID) (string, error) {
	plain, _, err := k.vault.Get(ctx, challengeKey(id))
	return string(plain), err
}

func challengeKey(id session.ID) session.Key { return session.HashKey("cc", string(id[:])) }
