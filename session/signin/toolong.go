package signin

import (
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
)

// maxReturn bounds path and query of a page that a sign-in returns to, in bytes. The page travels in the cookie of the
// flow, and browsers keep no cookie of more than 4,096 bytes of name, value and attributes: that is 3,000 bytes of a sealed
// flow, of which what belongs to the sign-in takes up to 400 in all but rare cases (see keepFlow). The pending cookie
// holds as much. The page also stands in the address of the prompt, where each of its bytes may take three: with 2,560 that
// stays below the 8 KB that common proxies take as a request line.
const maxReturn = 2560

// tooLongPath is where a sign-in returns to whose page was too long. The page says so and leads on to what is left of
// the address. It needs no prompt and no script, and what goes on with a sign-in needs not know of it.
const tooLongPath = Base + "/too-long"

// cutShort is what takes the place of a page that is too long: tooLongPath with the path of the page, without its query;
// with Home where that is no path to return to.
func cutShort(page string) string {
	path, _, _ := strings.Cut(page, "?")
	if len(path) > maxReturn || isCut(page) {
		path = Home
	}
	return cutTo(returnPath(path))
}

func cutTo(path string) string {
	out := tooLongPath + "?" + url.Values{"to": {path}}.Encode()
	if len(out) > maxReturn && path != Home {
		return cutTo(Home)
	}
	return out
}

// isCut reports whether a page on this site is one that cutShort has made.
func isCut(page string) bool { return strings.HasPrefix(page, tooLongPath+"?") }

// cutPath validates what cutShort has made: what it leads on to is held to the rules of any page.
func cutPath(page string) string {
	q, ok := singleValues(strings.TrimPrefix(page, tooLongPath+"?"), "to")
	if !ok || isCut(q["to"]) || len(q["to"]) > maxReturn {
		return cutTo(Home)
	}
	return cutTo(returnPath(q["to"]))
}

// tooLong tells a user that the address which they opened was too long to be kept. Every client may ask for it: it tells
// nothing about a user.
func (s *Service) tooLong(w http.ResponseWriter, r *http.Request, _ *Visit) {
	q, ok := singleValues(r.URL.RawQuery, "to")
	to := Home
	if ok && !isCut(q["to"]) && len(q["to"]) <= maxReturn {
		to = returnPath(q["to"])
	}
	s.Pages.Write(w, r, http.StatusOK, pages.TooLong{URL: to})
}

// noteTooLong tells the operator of a page that a sign-in cannot return to. The address is not logged: its query may hold
// anything.
//
// A size of maxReturn at most is that of an address which was cut short before, or whose sign-in has to achieve too much for
// both to fit.
func (s *Service) noteTooLong(v *Visit, f *flow, size int) {
	s.Logger.Info("address of a page too long to be kept through a sign-in: the user is told, and goes on to the page without its query",
		zap.String("app", v.Site.App), zap.Int("bytes", size), zap.Int("limit", maxReturn), zap.String("correlation_id", f.Correlation))
}
