package remembered

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// UsersOf returns the index of the users who have recently signed in with a browser, but for the first one; see
// Keeper.Users.
func UsersOf(id string) session.Key { return session.HashKey("b", id) }

// PersonOf returns the member for a session's user in that index.
func PersonOf(who *session.Record) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// SharedAtSignIn reports whether so many users have signed in with the browser of an ID, including this one, that it counts as
// a shared device (A7). A user can defeat this by clearing cookies; only a convenience depends on it. The caller must
// write the listing used together with the sign-in; it records that this user has signed in with the browser. It is
// returned even with an error. There is none for the first user of a browser, whom its ID names.
func (s *Keeper) SharedAtSignIn(r *http.Request, v *access.Visit, id string, who *session.Record) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	person := PersonOf(who)
	if _, known := browser.ID(s.Keys, v.Host, &v.Cookies); !known { // its id is new, so no other user has used it
		if first, _ := browser.FirstUser(id); first == person {
			return s.Prompt.SharedUsers == 1, nil, nil
		}
	}
	// All members are listed for as long. One that was listed when that was longer may be forgotten early.
	until := s.Now().Add(s.Prompt.SharedWindow)
	used = []session.Listing{{Index: UsersOf(id), Member: person, Until: until, Kept: until}}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	people, err := s.Users(ctx, id, s.Prompt.SharedUsers)
	if err != nil {
		return false, used, fmt.Errorf("counting people of browser: %w", err)
	}
	if !slices.Contains(people, person) {
		people = append(people, person)
	}
	return len(people) >= s.Prompt.SharedUsers, used, nil
}

// Users returns the users who have recently signed in with a browser. If there are more than limit, it returns at least
// that many.
func (s *Keeper) Users(ctx context.Context, id string, limit int) ([]session.Key, error) {
	people, err := s.Store.Members(ctx, UsersOf(id), time.Time{}, limit)
	if err != nil {
		return nil, err
	}
	if first, at := browser.FirstUser(id); first != "" && s.Now().Before(at.Add(s.Prompt.SharedWindow)) && !slices.Contains(people, first) {
		people = append(people, first)
	}
	return people, nil
}

// Shared is SharedAtSignIn for a user who has already signed in with the browser of an ID. If the answer is unknown it returns true.
func (s *Keeper) Shared(r *http.Request, id string) bool {
	if s.Prompt.SharedUsers <= 0 {
		return false
	}
	ctx, cancel := access.Detach(r, access.StoreTimeout)
	defer cancel()
	people, err := s.Users(ctx, id, s.Prompt.SharedUsers)
	return err != nil || len(people) >= s.Prompt.SharedUsers
}
