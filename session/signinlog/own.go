package signinlog

import (
	"context"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// MaxOwn is how many of a user's own records are found: the newest.
const MaxOwn = journal.MaxOwned

// owner returns the user on whose page a record appears. It is empty for records without a user, and for events that a
// gateway causes by itself all day, which would displace the others. It is a hash because it is part of a key.
func owner(r Record) string {
	if r.UserSubject == "" || !r.Interactive && r.Code == Success {
		return ""
	}
	return ownerOf(r.UserID())
}

func ownerOf(userID string) string { return string(session.HashKey("p", userID)) }

// Own returns a user's newest records that were interactive or without success, newest first, at most limit or MaxOwn.
// It does not scan the records of other users.
func (l *Log) Own(ctx context.Context, userID string, limit int) (Page, error) {
	var page Page
	found, err := l.Journal.Owned(ctx, ownerOf(userID), max(1, min(limit, MaxOwn)))
	if err != nil {
		return page, err
	}
	floor := l.Now().Add(-l.Keep)
	for _, sealed := range found {
		e, err := l.open(sealed.Stream, sealed.Value)
		switch {
		case err != nil:
			page.Unreadable++
		// An attacker who can write to the store could list another user's records here; the records themselves are
		// sealed.
		case e.UserID() == userID && !e.Created.Before(floor):
			page.Entries = append(page.Entries, e)
		}
	}
	return page, nil
}
