package signin

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
)

const (
	browserIDSize = 16
	// browserIDLife is the longest that browsers keep a cookie.
	browserIDLife = 400 * 24 * time.Hour
)

// browserID returns the random id of the browser, and gives it one if it has none. Only somebody who has just signed in
// gets one, so that passers-by are not marked.
func (s *Service) browserID(w http.ResponseWriter, v *Visit) string {
	if id, ok := s.knownBrowser(v); ok {
		return id
	}
	id := session.NewRandom(browserIDSize)
	sealed := s.Keys.Seal(keyring.PurposeBrowser, []byte(id), v.Host, cookieBrowser)
	setCookie(w, v, cookieBrowser, base64.RawURLEncoding.EncodeToString(sealed), browserIDLife)
	return id
}

// knownBrowser returns the id that the browser has already.
func (s *Service) knownBrowser(v *Visit) (string, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.browser)
	if err != nil {
		return "", false
	}
	id, err := s.Keys.Open(keyring.PurposeBrowser, sealed, v.Host, cookieBrowser)
	return string(id), err == nil
}

// browserIndex lists who has signed in with a browser of late.
func browserIndex(id string) session.Key { return session.HashKey("b", id) }

func personOf(who *session.Session) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// sharedBrowser reports whether so many people have signed in with this browser, this one included, that it counts as a
// shared device (A7). Clearing the cookies defeats it; all it hides is a convenience. used is to be listed with whatever
// the sign-in is kept as, and says that this person has signed in with it; it is told also where the rest cannot be.
func (s *Service) sharedBrowser(r *http.Request, v *Visit, who *session.Session) (shared bool, used []session.Listing, err error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil, nil
	}
	index, person := browserIndex(who.BrowserID), personOf(who)
	used = []session.Listing{{Index: index, Member: person, Until: s.Now().Add(s.Prompt.SharedWindow)}}
	var people []session.Key
	if _, known := s.knownBrowser(v); known { // else its id is a moment old, so nobody else has used it
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
