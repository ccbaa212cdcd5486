package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// renewer writes what becomes of a session that goes on: what its provider states later, and a kind that is stricter.
type renewer struct {
	*writer
	subjects *revokedSubjects
}

// Tighten makes a persistent session a browser session, for a reason that its record keeps (X16). The caller gives the
// browser a cookie without a lifetime. Tightening what is a browser session already changes nothing. If the session has
// outlived the limits of a browser session it is ended, and the answer is ErrExpired.
func (r *renewer) Tighten(ctx context.Context, s *Record, reason string) (*Record, error) {
	tight, err := r.rewrite(ctx, s.ID, func(s *Record) bool {
		if s.Kind == Browser {
			return false
		}
		s.Kind, s.KindReason = Browser, reason
		s.Limit = s.Limit.tighter(r.limits.Browser)
		return true
	})
	if errors.Is(err, ErrExpired) {
		if err := r.End(ctx, s); err != nil {
			return nil, err
		}
	}
	return tight, err
}

// Renew writes what the provider states anew about the person of a session, and the tokens it gave with it. What
// belongs to the act of signing in stays: time, strength, kind, start and limits (A13); a renewal is no authentication.
// A renewal that is no later than what the record has, by LastAnswer, changes nothing, and the record is returned. Another
// identity is an error (A41).
//
// The provider may have begun another session of its own since. The record then names that one, so that its end reaches
// this session; if it has ended by now, this session ends (ErrNotFound).
func (r *renewer) Renew(ctx context.Context, s *Record, token Token, fresh Record, tokens Tokens) (*Record, error) {
	if fresh.Identity != s.Identity {
		return nil, errors.New("renewing session: it belongs to another user")
	}
	key := s.ID.Key()
	sealed, err := r.vault.sealTokens(tokens, token.Secret, key)
	if err != nil {
		return nil, err
	}
	moved := fresh.ProviderSession != "" && fresh.ProviderSession != s.ProviderSession
	if moved {
		// Before the record names it: no session is ever in use unlisted.
		l := providerSessionBucket(s.Identity.Issuer, fresh.ProviderSession).listing(key, s.MaxEnd(r.limits))
		if err := r.vault.Store.Enlist(ctx, l.Index, l.Member, l.Until); err != nil {
			return nil, fmt.Errorf("renewing session: %w", err)
		}
	}
	renewed, err := r.rewrite(ctx, s.ID, func(s *Record) bool {
		if !s.LastAnswer().Before(fresh.LastAnswer()) {
			return false
		}
		s.renew(&fresh)
		s.Renewable, s.sealedTokens = tokens.Refresh != "", sealed
		return true
	})
	if err != nil {
		return nil, err
	}
	r.writes.add(recentWrite{key: key, at: r.now(), renewed: renewed})
	if moved {
		if err := r.endedMeanwhile(ctx, renewed, fresh.LastAnswer()); err != nil {
			return nil, err
		}
	}
	return renewed, nil
}

// endedMeanwhile ends a session whose session at the provider was ended while it was renewed: since its claims were
// stated, give or take what clocks differ by.
func (r *renewer) endedMeanwhile(ctx context.Context, s *Record, stated time.Time) error {
	e, err := r.vault.Store.Get(ctx, endedKey(providerSessionBucket(s.Identity.Issuer, s.ProviderSession)))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		if at, ok := endedAt(e); ok && at < stated.Add(-providerSkew).UnixMilli() {
			return nil
		}
		err = ErrNotFound
	}
	if endErr := r.End(ctx, s); endErr != nil {
		return endErr
	}
	return fmt.Errorf("renewing session: %w", err)
}
