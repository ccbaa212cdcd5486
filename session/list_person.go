package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Own are sessions of one person, for their own eyes.
type Own struct {
	Sessions []*Record
	// Unreadable counts those that no key of the ring opens. EndAll and EndOthers end them all the same.
	Unreadable int
	// More: there are more than were to be looked at.
	More bool
}

// Own returns live sessions of a person, at most as many as limit says: those that may live longest. What cannot be read
// is left out and counted: one old record must not keep people from seeing all others.
func (l *lister) Own(ctx context.Context, who Identity, limit int) (Own, error) {
	var own Own
	list := personBucket(who)
	keys, err := list.sessions(ctx, l.vault.Store)
	if err != nil {
		return own, fmt.Errorf("listing sessions: %w", err)
	}
	slices.Reverse(keys)
	if len(keys) > limit {
		own.More, keys = true, keys[:limit]
	}
	var stale []Key
	for _, key := range keys {
		s, err := l.load(ctx, key)
		switch {
		case err == nil:
			if s.Identity == who && l.check(s.session, l.now()) == nil {
				own.Sessions = append(own.Sessions, s)
			}
		case errors.Is(err, ErrNotFound):
			stale = append(stale, key)
		case unanswered(err):
			return Own{}, fmt.Errorf("listing sessions: %w", err)
		default:
			own.Unreadable++
		}
	}
	_ = list.delist(ctx, l.vault.Store, stale) // they are met again otherwise
	return own, nil
}

// OwnNamed returns the live session of a person that Short names. ErrNotFound if the person has none of that name: whoever
// else has one (A23).
func (l *lister) OwnNamed(ctx context.Context, who Identity, short string) (*Record, error) {
	keys, err := personBucket(who).sessions(ctx, l.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	for _, key := range keys {
		if shortOf(key) != short {
			continue
		}
		s, err := l.load(ctx, key)
		switch {
		case err != nil:
			return nil, fmt.Errorf("finding session: %w", err)
		case s.Identity != who || l.check(s.session, l.now()) != nil:
			return nil, ErrNotFound
		}
		return s, nil
	}
	return nil, ErrNotFound
}
