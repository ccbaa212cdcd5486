package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// renewer writes changes of a session that continues: later statements of its provider, and a stricter kind.
type renewer struct {
	*writer
	subjects *revokedSubjects
}

// Tighten turns a persistent session into a browser session and stores the reason (X16). The caller gives the browser a
// cookie without a lifetime. A session that is already a browser session does not change. If the session has exceeded
// the limits of a browser session it ends, and the result is ErrExpired.
func (r *renewer) Tighten(ctx context.Context, s *Record, reason string) (*Record, error) {
	tight, err := r.rewrite(ctx, s.ID, func(s *Record) bool {
		if s.Kind == Browser {
			return false
		}
		s.Kind, s.KindReason = Browser, reason
		s.Limit, s.Binding.Limit = s.Limit.tighter(r.limits.Browser), Limit{}
		return true
	})
	if errors.Is(err, ErrExpired) {
		if err := r.End(ctx, s); err != nil {
			return nil, err
		}
	}
	return tight, err
}

// Renew writes the provider's new statements about the user of a session, with the new tokens. Facts of the sign-in
// itself stay: time, strength, kind, start and limits (A13), because a renewal is not an authentication. If the record
// already has a result that is not older, by LastAnswer, nothing changes and the record is returned. Another identity
// is an error (A41).
//
// The provider may have started a new session of its own. The record then names that one, so that its end reaches this
// session. If it has already ended, this session ends too (ErrNotFound).
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
		// Listed before the record names it: an unlisted session could not be found when the provider's session ends.
		if err := r.enlist(ctx, providerSessionBucket(s.Identity.Issuer, fresh.ProviderSession).listing(key, s.MaxEnd(r.limits))); err != nil {
			return nil, fmt.Errorf("renewing session: %w", err)
		}
	}
	for _, name := range fresh.KnownAs {
		if slices.Contains(s.KnownAs, name) {
			continue
		}
		if err := r.enlist(ctx, knownAsBucket(s.Identity.Issuer, name).listing(key, s.MaxEnd(r.limits))); err != nil {
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

func (r *renewer) enlist(ctx context.Context, l Listing) error {
	return r.vault.Store.Enlist(ctx, l.Index, l.Member, l.Until)
}

// endedMeanwhile ends a session whose provider session was ended during the renewal: after its claims were stated,
// within the possible difference of the clocks.
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

// ErrBound: the session has a key already, and not the one that is to be replaced; or it has MaxKeys.
var ErrBound = errors.New("session has a key already")

// Bind registers the key of a device for a session, all but Registered, in place of the key of this place with the name
// replaces; the zero value: the place has none yet. The session does not count as bound before ConfirmBinding. It returns
// ErrBound if the place has another key.
func (r *renewer) Bind(ctx context.Context, id ID, k DeviceKey, replaces KeyID) (*Record, error) {
	taken := false
	bound, err := r.rewrite(ctx, id, func(s *Record) bool {
		k.Registered = r.now()
		taken = s.Binding.At(k.Place).KeyID() != replaces || !s.Binding.set(k)
		s.roundTimes()
		return !taken
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("binding session: %w", err)
	case taken:
		return nil, ErrBound
	}
	r.writes.add(recentWrite{key: id.Key(), at: r.now(), renewed: bound})
	return bound, nil
}

// ConfirmBinding makes a session with a registered key count as bound, and gives it the limits of bound sessions. A
// session that is bound, or has no key, does not change. first: this call has made it count as bound, and no other.
func (r *renewer) ConfirmBinding(ctx context.Context, id ID) (bound *Record, first bool, err error) {
	var unlisted error
	bound, err = r.rewrite(ctx, id, func(s *Record) bool {
		if first = !s.Binding.Bound() && len(s.Binding.Key) > 0; !first {
			return false
		}
		s.confirm(r.now())
		// Listed for its longer life before the record has it: an unlisted session could not be found and revoked (A45).
		for _, l := range s.listings(s.MaxEnd(r.limits), time.Time{}) {
			if unlisted = r.enlist(ctx, l); unlisted != nil {
				return false
			}
		}
		return true
	})
	if err = errors.Join(err, unlisted); err != nil {
		return nil, false, fmt.Errorf("binding session: %w", err)
	}
	r.writes.add(recentWrite{key: id.Key(), at: r.now(), renewed: bound})
	return bound, first, nil
}

// Reported returns what was reported about a user and is kept for sign-ins in progress.
func (r *renewer) Reported(ctx context.Context, who Identity) (Signalled, error) {
	e, err := r.vault.Store.Get(ctx, signalledKey(who))
	if errors.Is(err, ErrNotFound) {
		return Signalled{}, nil
	}
	if err != nil {
		return Signalled{}, fmt.Errorf("reading what was reported: %w", err)
	}
	return readSignalled(e.Value)
}

// SignalNamed is Signal for the sessions of sign-ins in progress, and later ones, of users with a name; see Record.KnownAs.
// Existing sessions are found by Named, after this call.
func (r *renewer) SignalNamed(ctx context.Context, issuer, name string, said Signalled) error {
	if err := r.subjects.noteSignalled(ctx, signalledNamedKey(issuer, name), said.rounded()); err != nil {
		return fmt.Errorf("noting what was reported: %w", err)
	}
	r.announcer.TellTokens(ctx) // which count it too
	return nil
}

// Signal keeps what the provider has reported about a user with the user's sessions that only selects, and returns those
// that it changed. Without only it is kept with all of them, and with the session of a sign-in in progress. After an
// error some sessions may not have it; calling again is safe.
func (r *renewer) Signal(ctx context.Context, who Identity, said Signalled, only func(*Record) bool) ([]*Record, error) {
	said = said.rounded()
	if only == nil {
		if err := r.subjects.noteSignalled(ctx, signalledKey(who), said); err != nil {
			return nil, fmt.Errorf("noting what was reported: %w", err)
		}
		r.announcer.TellTokens(ctx) // which count it too
	}
	keys, err := personBucket(who).sessions(ctx, r.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var changed []*Record
	for _, key := range keys {
		s, err := r.load(ctx, key)
		switch {
		case errors.Is(err, ErrNotFound), err != nil && !unanswered(err):
			continue
		case err != nil:
			return changed, fmt.Errorf("reading session: %w", err)
		case s.Identity != who || only != nil && !only(s) || r.check(s.session, r.now()) != nil:
			continue
		}
		took := false
		s, err = r.rewrite(ctx, s.ID, func(s *Record) bool {
			took = s.Signalled.take(said)
			return took
		})
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrExpired):
		case err != nil:
			return changed, err
		case took:
			changed = append(changed, s)
		}
	}
	return changed, nil
}
