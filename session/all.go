package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The list of all sessions is spread over allShards keys, by the first letters of Short, so that none is hot and none grows
// large: at a million sessions each has about a thousand members.
const allShards = 1 << 10

// letters are the digits of Short, in the order of their worth.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

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
	share := max(1, (limit+allShards-1)/allShards)
	for i := range allShards {
		if survey.Seen+survey.Unreadable >= limit {
			survey.More = true
			break
		}
		index := allShard(i)
		keys, err := m.vault.Store.Members(ctx, index, time.Time{}, share+1)
		if err != nil {
			return survey, fmt.Errorf("listing sessions: %w", err)
		}
		if len(keys) > share {
			survey.More, keys = true, keys[:share]
		}
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

// allShard is a part of the list: its name is the first letter of Short and the better half of the second.
func allShard(n int) Key { return Key("a:" + letters[n>>4:n>>4+1] + letters[n&15:n&15+1]) }

// allIndex is the part of the list that a session is in, if it can be one's name at all.
func allIndex(short string) (Key, bool) {
	first, second := strings.IndexByte(letters, short[0]), strings.IndexByte(letters, short[1])
	if first < 0 || second < 0 {
		return "", false
	}
	return allShard(first<<4 | second>>2), true
}
