package signin

import (
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"net/http"
)

// ownFlow reports whether state is that of a sign-in which this browser has under way at this site. The sign-in host puts
// it into the links that it shows to the user of that sign-in. No other page knows it.
func (s *flows) ownFlow(v *Visit, state string) bool {
	name, random, _, ok := parseState(state)
	if !ok {
		return false
	}
	f := s.openFlow(v, name, v.Cookies.Flow(name))
	return f != nil && f.matches(random)
}

// keepsUser answers a sign-in that began elsewhere where the browser has a session that the site takes, or an open prompt:
// the session goes on to the page, and the prompt waits for its answer. No link puts another session in their place
// (login CSRF). It reports false, and has answered nothing, where there is neither.
func (s *signInEndpoint) keepsUser(w http.ResponseWriter, r *http.Request, v *Visit, page string) bool {
	have, _, err := s.Record(r, v)
	switch {
	case err == nil && s.takes(v.Site, have):
		s.goOn(w, r, page)
	case err != nil && !NoSession(err):
		s.storeDown(w, r, v, err)
	case s.hasPending(r, v):
		browser.Redirect(w, browser.Base+"/stay")
	default:
		return false
	}
	return true
}
