package signin

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// BrowserIndex lists who has signed in with a browser of late.
func BrowserIndex(id string) session.Key { return session.HashKey("b", id) }

func PersonOf(who *session.Record) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// Shared reports whether so many people have signed in with this browser, this one included, that it counts as a
// shared device (A7). Clearing the cookies defeats it; all it hides is a convenience. used is to be listed with whatever
// the sign-in is kept as, and says that this person has signed in with it; it is told also where the rest cannot be.
func (s *keeper) SharedAtSignIn(r *http.Request, v *Visit, who *session.Record) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	index, person := BrowserIndex(who.BrowserID), PersonOf(who)
	used = []session.Listing{{Index: index, Member: person, Until: s.Now().Add(s.Prompt.SharedWindow)}}
	var people []session.Key
	if _, known := browser.ID(s.Keys, v.Host, &v.Cookies); known { // else its id is a moment old, so nobody else has used it
		ctx, cancel := detach(r, storeTimeout)
		defer cancel()
		if people, err = s.Store.Members(ctx, index, time.Time{}, s.Prompt.SharedUsers); err != nil {
			return false, used, fmt.Errorf("counting people of browser: %w", err)
		}
	}
	if !slices.Contains(people, person) {
		people = append(people, person)
	}
	return len(people) >= s.Prompt.SharedUsers, used, nil
}

// IsShared is Shared of somebody who has signed in before. What cannot be told counts as shared.
func (s *keeper) Shared(r *http.Request, who *session.Record) bool {
	if s.Prompt.SharedUsers <= 0 {
		return false
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	people, err := s.Store.Members(ctx, BrowserIndex(who.BrowserID), time.Time{}, s.Prompt.SharedUsers)
	return err != nil || len(people) >= s.Prompt.SharedUsers
}
