package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A frame in a page of an app that asks for something guarded cannot show a sign-in: providers and our own pages stay out of
// frames, and a sign-in that could be framed could be clickjacked. It shows a small page with one link, which leaves the
// frame (field trial 5.5).

// framedSignIn answers a frame that needs a sign-in. The link begins one at the top, unless there is a session by then: the
// origin of the page is opaque, so the sign-in began elsewhere (see keepsUser).
//
// In a page of another site the browser sends no cookie of ours, before a sign-in and after it. There the link opens what
// the frame was to show in a tab of its own.
func (s *starter) framedSignIn(w http.ResponseWriter, r *http.Request, v *Visit, kept bool, d *Demand) { // kept: its form waits to be sent
	page := pages.Framed{Why: pages.FrameSignIn, AppName: v.Site.App}
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		page.Why, page.URL, page.NewTab = pages.FrameElsewhere, browser.PagePath(v.Return), true
	case kept:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindFormKept}, signInURL(v.Return)
	case r.Method == http.MethodPost:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindFormNotSent}, signInURL(framedReturn(r, v))
	default:
		page.URL = browser.Base + "/sign-in?" + s.choiceLink(v, framedReturn(r, v), wish{Demand: d}).Encode()
	}
	s.writeFramed(w, r, http.StatusUnauthorized, page)
}

// framedStepUp answers a frame whose session must be stronger or fresher.
func (s *starter) framedStepUp(w http.ResponseWriter, r *http.Request, v *Visit, kept bool, d *Demand, why *Refusal) {
	page := pages.Framed{Why: pages.FrameStronger}
	switch {
	case kept:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindStrongerKept}, s.stepURL(v, v.Return, d, why)
	case r.Method == http.MethodPost:
		page.Instead, page.URL = pages.Problem{Kind: pages.KindStrongerFirst}, s.stepURL(v, framedReturn(r, v), d, why)
	default:
		page.URL = s.stepURL(v, framedReturn(r, v), d, why)
	}
	s.writeFramed(w, r, http.StatusUnauthorized, page)
}

// framedProblem answers a frame with what another page says in full; that page opens in a tab of its own.
func (s *responder) framedProblem(w http.ResponseWriter, r *http.Request, status int, instead pages.Page, full string) {
	s.writeFramed(w, r, status, pages.Framed{Instead: instead, URL: full, NewTab: true})
}

func (s *responder) writeFramed(w http.ResponseWriter, r *http.Request, status int, page pages.Framed) {
	w.Header().Set("Vary", varyByKind)
	s.Pages.Write(w, r, status, page)
}

// framedReturn is where a sign-in for a frame returns to: the page with the frame, where that is of this origin and the
// browser names it, else what the frame was to show.
func framedReturn(r *http.Request, v *Visit) string {
	if from := r.Referer(); r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		if page := browser.TargetPath(v.Origin, from); page != browser.Home && !browser.IsCut(page) || from == v.Origin+browser.Home {
			return page
		}
	}
	return browser.ReturnPath(v.Return)
}
