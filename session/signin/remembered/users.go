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

// UsersOf returns the index of the users who have recently signed in with a browser.
func UsersOf(id string) session.Key { return session.HashKey("b", id) }

// PersonOf returns the member for a session's user in that index.
func PersonOf(who *session.Record) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// SharedAtSignIn reports whether so many users have signed in with this browser, including this one, that it counts as
// a shared device (A7). A user can defeat this by clearing cookies; only a convenience depends on it. The caller must
// write the listing used together with the sign-in; it records that this user has signed in with the browser. It is
// returned even with an error.
func (s *Keeper) SharedAtSignIn(r *http.Request, v *access.Visit, who *session.Record) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	index, person := UsersOf(who.BrowserID), PersonOf(who)
	// All members are listed for as long. One that was listed when that was longer may be forgotten early.
	until := s.Now().Add(s.Prompt.SharedWindow)
	used = []session.Listing{{Index: index, Member: person, Until: until, Kept: until}}
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

// Shared is SharedAtSignIn for a user who has already signed in. If the answer is unknown it returns true.
func (s *Keeper) Shared(r *http.Request, who *session.Record) bool {
	if s.Prompt.SharedUsers <= 0 {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	people, err := s.Store.Members(ctx, UsersOf(who.BrowserID), time.Time{}, s.Prompt.SharedUsers)
	return err != nil || len(people) >= s.Prompt.SharedUsers
}
