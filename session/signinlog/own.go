package signinlog

import (
	"context"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// MaxOwn is how many of a person's own records are found: the newest.
const MaxOwn = journal.MaxOwned

// owner is whose a record is on their own page; empty for what is on nobody's: what is about no person, and what a gateway does
// by itself all day, which would crowd out the rest. It is a hash, because it stands in a key.
func owner(r Record) string {
	if r.UserSubject == "" || !r.Interactive && r.Code == Success {
		return ""
	}
	return ownerOf(r.UserID())
}

func ownerOf(userID string) string { return string(session.HashKey("p", userID)) }

// Own returns the newest records that a person took part in, and those that did not succeed, newest first, at most limit or
// MaxOwn. However much the log holds of others, it is not looked through.
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
		// Whoever can write to the store could list what is somebody else's; the records themselves are sealed.
		case e.UserID() == userID && !e.Created.Before(floor):
			page.Entries = append(page.Entries, e)
		}
	}
	return page, nil
}
