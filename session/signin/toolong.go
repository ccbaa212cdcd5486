package signin

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// tooLong tells a user that the address which they opened was too long to be kept. Every client may ask for it: it tells
// nothing about a user.
func (s *responder) tooLong(w http.ResponseWriter, r *http.Request, _ *Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "to")
	to := browser.Home
	if ok && !browser.IsCut(q["to"]) && len(q["to"]) <= browser.MaxReturn {
		to = browser.ReturnPath(q["to"])
	}
	s.Pages.Write(w, r, http.StatusOK, pages.TooLong{URL: to})
}

// noteTooLong tells the operator of a page that a sign-in cannot return to. The address is not logged: its query may hold
// anything.
//
// A size of browser.MaxReturn at most is that of an address which was cut short before, or whose sign-in has to achieve too much for
// both to fit.
func (s *flows) noteTooLong(v *Visit, f *flow, size int) {
	s.Logger.Info("address of a page too long to be kept through a sign-in: the user is told, and goes on to the page without its query",
		zap.String("app", v.Site.App), zap.Int("bytes", size), zap.Int("limit", browser.MaxReturn), zap.String("correlation_id", f.Correlation))
}
