package signin

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// returnTarget is browser.ReturnPath for what may also be a page of another site that signs people in here.
func (s *environment) returnTarget(raw string) string {
	origin, path := browser.CutOrigin(raw)
	if origin != "" && (s.SiteFor == nil || s.SiteFor("", origin) == nil) {
		return browser.Home
	}
	return origin + browser.ReturnPath(path)
}

// goOn sends the browser to a place on the site itself, or on one that signs people in here, after a form. It is a page
// that moves on, not a redirect: Chromium holds a form-action policy against the whole chain of redirects after a form,
// wherever the app leads.
func (s *responder) goOn(w http.ResponseWriter, r *http.Request, target string) {
	if origin, path := browser.CutOrigin(target); !browser.UnderBase(path) {
		target = s.returnTarget(target)
	} else if origin != "" && s.returnTarget(origin+browser.Home) != origin+browser.Home {
		target = browser.Home
	}
	if r.Method != http.MethodPost {
		browser.SeeOther(w, target)
		return
	}
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: target})
}

// toSignInHost sends the browser to an endpoint of the sign-in host.
func (s *responder) toSignInHost(w http.ResponseWriter, path string) {
	browser.SeeOther(w, s.SignInHost+path)
}
