package apitoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
)

// Without more, what is known of a user is what the user's browsers have last brought, and a program stands still a day after
// the user has closed the last one. So a user who makes a token gets a session of its own for all tokens, which no browser
// has: it has a grant of the provider, and is renewed, limited, revoked and ended as any session is (session.ForTokens).
//
// The store has the token of that session, sealed with the key ring. A person who has both the store and the keys can use the refresh
// token in it; a session of a browser needs the browser's cookie as well.

// Renew renews the claims of a session if that is due. If they are not very old it does not wait for the provider, and the next
// call finds what has come.
type Renew func(ctx context.Context, s *session.Session, token session.Token) (*session.Session, error)

func grantKey(who session.Identity) session.Key {
	return session.HashKey("tg", who.Issuer, who.Subject)
}

// Renewed reports whether the user has a session that renews what is known.
func (k *Keeper) Renewed(ctx context.Context, who session.Identity) bool {
	_, _, err := k.grant(ctx, who)
	return err == nil
}

// KeepGrant keeps the token of a session that was made for the tokens of its user. An earlier one ends.
func (k *Keeper) KeepGrant(ctx context.Context, s *session.Record, token session.Token) error {
	key := grantKey(s.Identity)
	if old, _, err := k.grant(ctx, s.Identity); err == nil {
		_ = k.Sessions.EndID(ctx, old.ID) // it ends by itself too
	}
	if _, err := k.Vault.Store.Remove(ctx, key); err != nil && !errors.Is(err, session.ErrNotFound) {
		return fmt.Errorf("keeping a grant: %w", err)
	}
	plain := append(append([]byte(nil), token.ID[:]...), token.Secret[:]...)
	if err := k.Vault.Put(ctx, key, plain, s.MaxEnd(k.Sessions.Limits())); err != nil {
		return fmt.Errorf("keeping a grant: %w", err)
	}
	return nil
}

// grant returns the session of a user's tokens, and its token.
func (k *Keeper) grant(ctx context.Context, who session.Identity) (token session.Token, s *session.Session, err error) {
	plain, _, err := k.Vault.Get(ctx, grantKey(who))
	if err != nil {
		return token, nil, err
	}
	if len(plain) != len(token.ID)+len(token.Secret) {
		return token, nil, session.ErrNotFound
	}
	copy(token.ID[:], plain)
	copy(token.Secret[:], plain[len(token.ID):])
	s, err = k.Sessions.Load(ctx, token)
	if err != nil {
		return token, nil, err
	}
	if r, err := s.Record(); err != nil || r.Identity != who || r.KindReason != session.ForTokens {
		return token, nil, session.ErrNotFound
	}
	return token, s, nil
}

// renewGrant renews the session of a user's tokens. What it says then is found among the user's sessions. If there is none,
// or the provider cannot be reached, what is known stays.
func (k *Keeper) renewGrant(ctx context.Context, who session.Identity, now time.Time) {
	if k.Renew == nil {
		return
	}
	token, s, err := k.grant(ctx, who)
	if err != nil {
		return
	}
	if k.Sessions.TouchDue(s, now) {
		k.Sessions.Touch(s, "")
	}
	_, _ = k.Renew(ctx, s, token)
}
