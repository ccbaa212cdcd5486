package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

const (
	// surplusRead bounds how many sessions one EndSurplus looks at beyond those that a person may have. Where there are
	// more, the next sign-in goes on.
	surplusRead = 1000
	// manySessions is from how many on EndAll revokes a person's sessions by a mark before it removes them one by one.
	manySessions = 500
	// endChunk is how many ended sessions are taken off their list at a time.
	endChunk = 100
)

// EndSurplus ends the oldest sessions of a person who has more than most, and returns those that it has ended. keep is
// the session that was just made, and stays. An error does not void what is returned beside it.
func (m *Manager) EndSurplus(ctx context.Context, keep *Record, most int) ([]*Record, error) {
	list := personBucket(keep.Identity)
	keys, err := list.sessions(ctx, m.vault.Store)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	if len(keys) <= most {
		return nil, nil
	}
	kept := keep.ID.Key()
	var live []*Record
	var stale []Key
	for _, key := range keys[:min(len(keys), most+surplusRead)] {
		if key == kept {
			continue
		}
		s, err := m.load(ctx, key)
		switch {
		case err == nil && s.Identity == keep.Identity && m.check(s, m.now()) == nil:
			live = append(live, s)
		case errors.Is(err, ErrNotFound):
			stale = append(stale, key)
		case err != nil && unanswered(err):
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
	}
	_ = list.delist(ctx, m.vault.Store, stale) // they are met again otherwise
	slices.SortFunc(live, func(a, b *Record) int {
		return cmp.Or(a.Created.Compare(b.Created), a.LastUsed.Compare(b.LastUsed))
	})
	var ended []*Record
	for len(live)+1 > most && len(live) > 0 {
		err := m.end(ctx, live[0])
		switch {
		case err == nil:
			ended = append(ended, live[0])
		case !errors.Is(err, ErrNotFound):
			return ended, err
		}
		live = live[1:]
	}
	return ended, nil
}
