package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// renewLease is how long a replica may take over a renewal that it does not say it is still at. It says so every
	// third of that while it asks the provider: a replica that died, or that cannot give its lease back because the store
	// is away, holds up whoever uses the session for so long, and no longer.
	renewLease = 15 * time.Second
	// renewLeaseLeft is what must be left of a lease for its owner to do anything about it. One that has passed may be
	// somebody else's by now.
	renewLeaseLeft = renewLease / 4
	// maxGivingBack bounds how many leases are given back later at a time.
	maxGivingBack = 256
)

// ownerSize is bytes of randomness by which a lease is known to be one's own.
const ownerSize = 12

// LeaseRenewal makes the caller the one that renews a session now, until done or ctx ends. ErrConflict if somebody else
// does. Whoever outlives their lease all the same, stopped for a while, is held off by the version of the record.
func (m *Manager) LeaseRenewal(ctx context.Context, id ID) (done func(context.Context), err error) {
	// The store counts an entry's version from 1 again when a lease has passed, so it is no sign of whose lease it is.
	lease := Entry{Key: HashKey("l", string(id[:])), Value: []byte(NewRandom(ownerSize)), Expires: m.now().Add(renewLease)}
	if err := m.vault.Store.Create(ctx, lease); err != nil {
		if errors.Is(err, ErrUnavailable) {
			// It may be there all the same: a server that hung does what it was told when it goes on.
			m.giveBackLater(ctx, lease)
		}
		return nil, fmt.Errorf("leasing renewal: %w", err)
	}
	lease.Version = 1
	ctx, cancel := context.WithCancel(ctx)
	held := make(chan Entry, 1)
	go func() { held <- m.holdLease(ctx, lease) }()
	return func(ctx context.Context) {
		cancel()
		if lease := <-held; !m.giveBack(ctx, lease) {
			m.giveBackLater(ctx, lease)
		}
	}, nil
}

// giveBack ends a lease, and reports false if the store could not be asked.
func (m *Manager) giveBack(ctx context.Context, lease Entry) bool {
	if !m.now().Before(lease.Expires.Add(-renewLeaseLeft)) {
		return true
	}
	e, err := m.vault.Store.Get(ctx, lease.Key)
	if err == nil && bytes.Equal(e.Value, lease.Value) {
		_, err = m.vault.Store.Remove(ctx, lease.Key)
	}
	return !errors.Is(err, ErrUnavailable)
}

// giveBackLater tries on until it is done, the lease has passed or the manager is closed: a failover of the store is over
// before a lease has passed, and nobody need wait for that. In an outage of many people's it is left to time.
func (m *Manager) giveBackLater(ctx context.Context, lease Entry) {
	if m.givingBack.Add(1) > maxGivingBack {
		m.givingBack.Add(-1)
		return
	}
	go func() {
		defer m.givingBack.Add(-1)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-m.stop:
				return
			case <-tick.C:
			}
			if m.giveBack(context.WithoutCancel(ctx), lease) {
				return
			}
		}
	}()
}

// holdLease prolongs a lease until ctx ends or it is lost, and returns it as it is then.
func (m *Manager) holdLease(ctx context.Context, lease Entry) Entry {
	tick := time.NewTicker(renewLease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return lease
		case <-tick.C:
		}
		now := m.now()
		if !now.Before(lease.Expires.Add(-renewLeaseLeft)) {
			return lease
		}
		longer := lease
		longer.Expires = now.Add(renewLease)
		version, err := m.vault.Store.Replace(ctx, longer)
		switch {
		case err == nil:
			lease, lease.Version = longer, version
		case !errors.Is(err, ErrUnavailable):
			return lease
		}
	}
}

// Renew writes what the provider states anew about the person of a session, and the tokens it gave with it. What
// belongs to the act of signing in stays: time, strength, kind, start and limits (A13); a renewal is no authentication.
// A renewal that is no later than what the record has, by LastAnswer, changes nothing, and the record is returned. Another
// identity is an error (A41).
//
// The provider may have begun another session of its own since. The record then names that one, so that its end reaches
// this session; if it has ended by now, this session ends (ErrNotFound).
func (m *Manager) Renew(ctx context.Context, s *Record, token Token, fresh Record, tokens Tokens) (*Record, error) {
	if fresh.Identity != s.Identity {
		return nil, errors.New("renewing session: of somebody else")
	}
	key := s.ID.Key()
	sealed, err := m.sealTokens(tokens, token.Secret, key)
	if err != nil {
		return nil, err
	}
	moved := fresh.ProviderSession != "" && fresh.ProviderSession != s.ProviderSession
	if moved {
		// Before the record names it: no session is ever in use unlisted.
		l := providerSessionBucket(s.Identity.Issuer, fresh.ProviderSession).listing(key, s.MaxEnd(m.limits))
		if err := m.vault.Store.Enlist(ctx, l.Index, l.Member, l.Until); err != nil {
			return nil, fmt.Errorf("renewing session: %w", err)
		}
	}
	renewed, err := m.rewrite(ctx, s.ID, func(s *Record) bool {
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
	m.cache.recents.add(recent{key: key, at: m.now(), renewed: renewed})
	if moved {
		if err := m.endedMeanwhile(ctx, renewed, fresh.LastAnswer()); err != nil {
			return nil, err
		}
	}
	return renewed, nil
}

// endedMeanwhile ends a session whose session at the provider was ended while it was renewed: since its claims were
// stated, give or take what clocks differ by.
func (m *Manager) endedMeanwhile(ctx context.Context, s *Record, stated time.Time) error {
	e, err := m.vault.Store.Get(ctx, endedKey(providerSessionBucket(s.Identity.Issuer, s.ProviderSession)))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		if at, ok := endedAt(e); ok && at < stated.Add(-providerSkew).UnixMilli() {
			return nil
		}
		err = ErrNotFound
	}
	if endErr := m.End(ctx, s); endErr != nil {
		return endErr
	}
	return fmt.Errorf("renewing session: %w", err)
}

// renew takes up what a renewal states, but for the tokens.
func (s *Record) renew(fresh *Record) {
	s.User, s.Name, s.Email, s.EmailVerified = fresh.User, fresh.Name, fresh.Email, fresh.EmailVerified
	s.UserUnverified, s.Unverified = fresh.UserUnverified, slices.Clone(fresh.Unverified)
	s.GuestUnclear, s.GroupsUnclear = fresh.GuestUnclear, fresh.GroupsUnclear
	s.Guest, s.SignInRisk, s.UserRisk = fresh.Guest, fresh.SignInRisk, fresh.UserRisk
	s.Compliant, s.Managed, s.Shared = fresh.Compliant, fresh.Managed, fresh.Shared
	s.Claims, s.UserInfo = bytes.Clone(fresh.Claims), bytes.Clone(fresh.UserInfo)
	s.Groups, s.GroupsComplete, s.GroupsAsOf = slices.Clone(fresh.Groups), fresh.GroupsComplete, fresh.GroupsAsOf.UTC()
	s.Confirmed = time.Time{}
	if fresh.Confirmed.After(fresh.GroupsAsOf) {
		s.Confirmed = fresh.Confirmed.UTC()
	}
	if fresh.ProviderSession != "" { // what says nothing of it has not changed it
		s.ProviderSession = fresh.ProviderSession
	}
	s.roundTimes() // as they will be read
}
