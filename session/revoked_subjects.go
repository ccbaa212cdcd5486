package session

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// ErrRevoked: since the sign-in began, sessions like the one that it would create were ended: all of the user, those of
// the provider session, or all that began before a time. A new sign-in is allowed.
var ErrRevoked = errors.New("revoked while signing in")

// endedLife is how long it is remembered that a user's sessions were ended: longer than any sign-in in progress can
// take (an hour for a flow and at most a day for the prompt).
const endedLife = 26 * time.Hour

// endedTries is how often a note that conflicts with another one is tried.
const endedTries = 4

// revokedSubjects are notes in the store that sessions of a user, or of a session at a provider, were ended. They are
// for sign-ins in progress at that time.
type revokedSubjects struct {
	store Store
	now   func() time.Time
}

// noteEnd notes that all sessions of an owner end now. It runs before they are searched, and unended runs after a
// session is listed. So for a session that is created meanwhile, at least one of the two notices the other.
func (r *revokedSubjects) noteEnd(ctx context.Context, of bucket) error {
	now := r.now()
	at := ceilMilli(now)
	value := binary.BigEndian.AppendUint64(nil, uint64(at)) //nolint:gosec // dates after 1970
	e := Entry{Key: endedKey(of), Value: value, Expires: now.Add(endedLife)}
	for try := 1; ; try++ {
		err := r.store.Create(ctx, e)
		if errors.Is(err, ErrConflict) {
			var old Entry
			if old, err = r.store.Get(ctx, e.Key); err == nil {
				if known, ok := endedAt(old); ok && known >= at {
					return nil
				}
				e.Version = old.Version
				_, err = r.store.Replace(ctx, e)
			}
		}
		again := errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound)
		if err == nil || !again || try == endedTries {
			return err
		}
	}
}

// unended checks whether sessions like the one about to be created were ended since its sign-in began.
func (r *revokedSubjects) unended(ctx context.Context, s *Record) error {
	keys := []Key{endedKey(personBucket(s.Identity))}
	if s.ProviderSession != "" {
		keys = append(keys, endedKey(providerSessionBucket(s.Identity.Issuer, s.ProviderSession)))
	} else {
		keys = append(keys, endedKey(unnamedBucket(s.Identity)))
	}
	notes, err := r.store.GetAll(ctx, keys...)
	if err != nil {
		return err
	}
	for _, e := range notes {
		if at, ok := endedAt(e); !ok || s.began().UnixMilli() < at {
			return ErrRevoked
		}
	}
	return nil
}

func endedAt(e Entry) (at int64, ok bool) {
	if len(e.Value) != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(e.Value)), true //nolint:gosec // as written
}

func endedKey(of bucket) Key { return HashKey("e", string(of.index), of.tag) }

// unnamedBucket is for sessions of a user whose provider session is unknown. Nothing is listed in it: they are found by
// the user.
func unnamedBucket(who Identity) bucket { return bucketOf("u", who.Issuer, who.Subject) }
