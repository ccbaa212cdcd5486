package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// allShards spreads the list of all sessions over as many keys as it has letters, those of Short, so that none is
// hot and none grows large: at a million sessions each has some 16,000 members.
const allShards = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Survey is how far All has come.
type Survey struct {
	// Seen counts the sessions that were handed out, Unreadable those that no key of the ring opens.
	Seen, Unreadable int
	// More: there are more sessions than were to be looked at.
	More bool
}

// All hands the live sessions of everybody to visit, in no order to rely on, until it returns false. It looks at about
// as many as limit says, taken evenly from the whole list, and reads them one by one: it is for an administrator's
// question and never for a request. Sessions that were made before there was such a list are not in it.
func (m *Manager) All(ctx context.Context, limit int, visit func(*Session) bool) (Survey, error) {
	var survey Survey
	share := max(1, (limit+len(allShards)-1)/len(allShards))
	for i := range allShards {
		index := HashKey("a", allShards[i:i+1])
		keys, err := m.vault.Store.Members(ctx, index, time.Time{}, share)
		if err != nil {
			return survey, fmt.Errorf("listing sessions: %w", err)
		}
		survey.More = survey.More || len(keys) == share
		var stale []Key
		for _, key := range keys {
			s, err := m.load(ctx, key)
			switch {
			case errors.Is(err, ErrNotFound):
				stale = append(stale, key)
			case errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed), ctx.Err() != nil:
				return survey, fmt.Errorf("listing sessions: %w", err)
			case err != nil:
				survey.Unreadable++
			case m.check(s, m.now()) == nil:
				survey.Seen++
				if !visit(s) {
					survey.More = true
					return survey, nil
				}
			}
		}
		_ = m.delist(ctx, index, stale) // they are met again otherwise
	}
	return survey, nil
}

func allIndex(id ID) Key {
	return HashKey("a", id.Short()[:1])
}
