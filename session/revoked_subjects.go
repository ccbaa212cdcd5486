package session

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// ErrRevoked: since the sign-in began, sessions like the one that it would make were ended: all of the person, of their
// session at the provider, or all that began before a time. There is nothing wrong with signing in anew.
var ErrRevoked = errors.New("revoked while signing in")

// endedLife is how long it is known that somebody's sessions were ended: longer than any sign-in that was under way then
// can take, an hour for a flow and at most a day for the prompt.
const endedLife = 26 * time.Hour

// endedTries bounds how often a note that met another is tried again.
const endedTries = 4

// revokedSubjects are notes in the store that sessions of a person, or of a session at a provider, were ended: for sign-ins
// that are under way then.
type revokedSubjects struct {
	store Store
	now   func() time.Time
}

// noteEnd notes that all sessions of an owner end now. It comes before they are looked for, and unended after a session
// is listed: so of a session that is made meanwhile one of the two knows.
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

// unended holds a session that is about to be made against what was ended since its sign-in began.
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

// unnamedBucket stands for the sessions of a person that do not know of which session at the provider they came.
// Nothing is listed in it: they are found by the person.
func unnamedBucket(who Identity) bucket { return bucketOf("u", who.Issuer, who.Subject) }
