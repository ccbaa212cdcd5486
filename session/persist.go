package session

import (
	"context"
	"fmt"
)

// Persist makes a browser session a persistent one, because its person says so now as they might have said at sign-in: it
// goes on under a new id and a new secret, as at an answer (A13). It begins where the other began, so that it ends when it
// would have had the answer been Yes, by the limits in force now. Whether the person may say so is the caller's to know.
//
// The other is ended then; if it cannot be, it stays and there is no new one. ErrNotFound if the other was ended or is
// persistent by now, ErrExpired if there is nothing left to go on with, keyring.ErrUnsealable if the token is not its own.
func (m *Manager) Persist(ctx context.Context, token Token, reason string) (*Record, Token, error) {
	have, err := m.Reload(ctx, token)
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	old, err := have.Record()
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	if old.Kind == Persistent {
		return nil, Token{}, fmt.Errorf("keeping session: persistent already: %w", ErrNotFound)
	}
	tokens, err := m.Tokens(old, token)
	if err != nil {
		return nil, Token{}, fmt.Errorf("keeping session: %w", err)
	}
	draft := *old
	draft.Kind, draft.KindReason, draft.Limit = Persistent, reason, m.limits.Persistent
	return m.goOn(ctx, old, draft, tokens)
}
