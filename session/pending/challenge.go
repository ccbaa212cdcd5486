package session

import (
	"context"
	"time"
)

// KeepChallenge keeps, beside a session that its provider has ended, what a new sign-in has to ask the provider for. It is
// the caller's own text, and is kept until the given time.
func (k *keeper) KeepChallenge(ctx context.Context, id ID, text string, until time.Time) error {
	return k.vault.Put(ctx, challengeKey(id), []byte(text), until)
}

// Challenge returns what KeepChallenge has kept for a session. ErrNotFound if that is nothing.
func (k *keeper) Challenge(ctx context.Context, id ID) (string, error) {
	plain, _, err := k.vault.Get(ctx, challengeKey(id))
	return string(plain), err
}

func challengeKey(id ID) Key { return HashKey("cc", string(id[:])) }
