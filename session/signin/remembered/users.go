package remembered

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// UsersOf is the list of users who have signed in with a browser lately.
func UsersOf(id string) session.Key { return session.HashKey("b", id) }

// PersonOf names a session's user in a list of users.
func PersonOf(who *session.Record) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// SharedAtSignIn reports whether so many users have signed in with this browser, this one included, that it counts as a
// shared device (A7). A user who clears the cookies gets round it, and gains a convenience only. used says that this user has
// signed in with the browser. The caller lists it with the session or the pending sign-in. It is returned with an error too.
func (s *Keeper) SharedAtSignIn(r *http.Request, v *access.Visit, who *session.Record) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	index, person := UsersOf(who.BrowserID), PersonOf(who)
	used = []session.Listing{{Index: index, Member: person, Until: s.Now().Add(s.Prompt.SharedWindow)}}
	var people []session.Key
	if _, known := browser.ID(s.Keys, v.Host, &v.Cookies); known { // else its id is new, so no other user has used it
		ctx, cancel := access.Detach(r, access.StoreTimeout)
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

// Shared is SharedAtSignIn for a user who has signed in before. What cannot be told counts as shared.
func (s *Keeper) Shared(r *http.Request, who *session.Record) bool {
	if s.Prompt.SharedUsers <= 0 {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	people, err := s.Store.Members(ctx, UsersOf(who.BrowserID), time.Time{}, s.Prompt.SharedUsers)
	return err != nil || len(people) >= s.Prompt.SharedUsers
}
