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
func (m *Manager) Own(ctx context.Context, who Identity, limit int) (Own, error) {
	var own Own
	list := personBucket(who)
	keys, err := list.sessions(ctx, m.vault.Store)
	if err != nil {
		return own, fmt.Errorf("listing sessions: %w", err)
	}
	slices.Reverse(keys)
	if len(keys) > limit {
		own.More, keys = true, keys[:limit]
	}
	var stale []Key
	for _, key := range keys {
		s, err := m.load(ctx, key)
		switch {
		case err == nil:
			if s.Identity == who && m.check(s, m.now()) == nil {
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
	_ = list.delist(ctx, m.vault.Store, stale) // they are met again otherwise
	return own, nil
}

// OwnNamed returns the live session of a person that Short names. ErrNotFound if the person has none of that name: whoever
// else has one (A23).
func (m *Manager) OwnNamed(ctx context.Context, who Identity, short string) (*Record, error) {
	keys, err := personBucket(who).sessions(ctx, m.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("finding session: %w", err)
	}
	for _, key := range keys {
		if shortOf(key) != short {
			continue
		}
		s, err := m.load(ctx, key)
		switch {
		case err != nil:
			return nil, fmt.Errorf("finding session: %w", err)
		case s.Identity != who || m.check(s, m.now()) != nil:
			return nil, ErrNotFound
		}
		return s, nil
	}
	return nil, ErrNotFound
}

// endOthersTries bounds how often EndOthers looks again.
const endOthersTries = 8

// EndOthers ends every session of a person but one, and returns the short hashes of those that were live. A session that
// goes on under another id meanwhile ends as well; a sign-in that is under way elsewhere does not, for it is no session
// yet, and EndAll is for that. It ends those as well that cannot be read here.
func (m *Manager) EndOthers(ctx context.Context, keep *Record) ([]string, error) {
	list, kept := personBucket(keep.Identity), keep.ID.Key()
	var ended []string
	// What goes on under another id is listed before it ends under the old one: a list in which nothing but the one that is
	// kept is left has nothing to come.
	for range endOthersTries {
		keys, err := list.sessions(ctx, m.vault.Store)
		if err != nil {
			return ended, fmt.Errorf("listing sessions: %w", err)
		}
		var over []Key
		for _, key := range keys {
			if key == kept {
				continue
			}
			live, _, err := m.endOne(ctx, key, func(s *Record) verdict {
				if s.Identity != keep.Identity {
					return foreign
				}
				return ends
			})
			if err != nil {
				return ended, err
			}
			if live {
				ended = append(ended, shortOf(key))
			}
			over = append(over, key)
		}
		if len(over) == 0 {
			return ended, nil
		}
		if err := list.delist(ctx, m.vault.Store, over); err != nil {
			return ended, fmt.Errorf("ending sessions: %w", err)
		}
	}
	return ended, fmt.Errorf("ending sessions: %w", ErrConflict)
}
