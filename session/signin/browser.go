package signin

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
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
	sealed := s.Keys.Seal(session.PurposeBrowser, []byte(id), v.Host, cookieBrowser)
	setCookie(w, v, cookieBrowser, base64.RawURLEncoding.EncodeToString(sealed), browserIDLife)
	return id
}

// knownBrowser returns the id that the browser has already.
func (s *Service) knownBrowser(v *Visit) (string, bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(v.Cookies.browser)
	if err != nil {
		return "", false
	}
	id, err := s.Keys.Open(session.PurposeBrowser, sealed, v.Host, cookieBrowser)
	return string(id), err == nil
}

// browserIndex lists who has signed in with a browser of late.
func browserIndex(id string) session.Key { return session.HashKey("b", id) }

func personOf(who *session.Session) session.Key {
	return session.HashKey("u", who.Identity.Issuer, who.Identity.Subject)
}

// sharedBrowser notes that this person has signed in with this browser and reports whether so many have that it counts
// as a shared device (A7). Clearing the cookies defeats it; all it hides is a convenience.
func (s *Service) sharedBrowser(r *http.Request, v *Visit, who *session.Session) (bool, error) {
	if s.Prompt.SharedUsers <= 0 {
		return false, nil
	}
	ctx, cancel := detach(r, storeTimeout)
	defer cancel()
	index := browserIndex(who.BrowserID)
	if err := s.Store.Enlist(ctx, index, personOf(who), s.Now().Add(s.Prompt.SharedWindow)); err != nil {
		return false, fmt.Errorf("noting browser: %w", err)
	}
	if _, known := s.knownBrowser(v); !known {
		return s.Prompt.SharedUsers == 1, nil // the id is a moment old, so nobody else has used it
	}
	people, err := s.Store.Members(ctx, index, time.Time{}, s.Prompt.SharedUsers)
	if err != nil {
		return false, fmt.Errorf("counting people of browser: %w", err)
	}
	return len(people) >= s.Prompt.SharedUsers, nil
}
