package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// renewLease is how long one replica may take over a renewal before another may try. It is longer than a renewal can
// take: whoever still outlives it is held off by the version of the record.
const renewLease = time.Minute

// ownerSize is bytes of randomness by which a lease is known to be one's own.
const ownerSize = 12

// LeaseRenewal makes the caller the one that renews a session now. ErrConflict if somebody else does. done ends it.
func (m *Manager) LeaseRenewal(ctx context.Context, s *Session) (done func(context.Context), err error) {
	key := HashKey("l", string(s.ID[:]))
	// The store counts an entry's version from 1 again when a lease has passed, so it is no sign of whose lease it is.
	until, owner := m.now().Add(renewLease), []byte(NewRandom(ownerSize))
	if err := m.vault.Store.Create(ctx, Entry{Key: key, Value: owner, Expires: until}); err != nil {
		return nil, fmt.Errorf("leasing renewal: %w", err)
	}
	return func(ctx context.Context) {
		// A lease that may have passed may be somebody else's by now.
		if !m.now().Before(until.Add(-renewLease / 4)) {
			return
		}
		if e, err := m.vault.Store.Get(ctx, key); err == nil && bytes.Equal(e.Value, owner) {
			_, _ = m.vault.Store.Remove(ctx, key)
		}
	}, nil
}

// Renew writes what the provider states anew about the person of a session, and the tokens it gave with it. What
// belongs to the act of signing in stays: time, strength, kind, start and limits (A13); a renewal is no authentication.
// If somebody else has renewed since, theirs stays and is returned. Another identity is an error (A41).
func (m *Manager) Renew(ctx context.Context, s *Session, token Token, fresh Session, tokens Tokens) (*Session, error) {
	if fresh.Identity != s.Identity {
		return nil, errors.New("renewing session: of somebody else")
	}
	key := s.ID.Key()
	sealed, err := m.sealTokens(tokens, token.Secret, key)
	if err != nil {
		return nil, err
	}
	renewed, err := m.rewrite(ctx, s.ID, func(s *Session) bool {
		if !s.GroupsAsOf.Before(fresh.GroupsAsOf) {
			return false
		}
		s.renew(&fresh)
		s.Renewable, s.sealedTokens = tokens.Refresh != "", sealed
		return true
	})
	if err == nil {
		m.cache.recents.add(recent{key: key, at: m.now(), renewed: renewed})
	}
	return renewed, err
}

// renew takes up what a renewal states, but for the tokens.
func (s *Session) renew(fresh *Session) {
	s.User, s.Name, s.Email, s.EmailVerified = fresh.User, fresh.Name, fresh.Email, fresh.EmailVerified
	s.UserUnverified = fresh.UserUnverified
	s.Guest, s.SignInRisk, s.UserRisk = fresh.Guest, fresh.SignInRisk, fresh.UserRisk
	s.Compliant, s.Managed, s.Shared = fresh.Compliant, fresh.Managed, fresh.Shared
	s.Claims, s.UserInfo = bytes.Clone(fresh.Claims), bytes.Clone(fresh.UserInfo)
	s.Groups, s.GroupsComplete, s.GroupsAsOf = slices.Clone(fresh.Groups), fresh.GroupsComplete, fresh.GroupsAsOf.UTC()
}
