package signin

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
)

// A request of a bound session may lack the short cookie although the browser has the key: a link from another site, a
// restored tab, a request in the moment of a failure. The browser refreshes the session only before a request that a page
// of this origin causes. A page that is opened therefore gets a page of ours, which goes on to retryBound: the browser
// refreshes before that request. If the short cookie is still missing there, only a sign-in can help.

const (
	retryPath = browser.Base + "/bound/retry"
	// maxRetries is how often retryBound waits for the end of an outage of ours.
	maxRetries = 3
	// retryWait is how many seconds the browser waits between two.
	retryWait = "3"
)

// opensPage reports whether a GET shows a page or a frame. A service worker that passes on a navigation names no
// destination.
func opensPage(r *http.Request) bool {
	if r.Method != http.MethodGet || browser.Speculative(r.Header) || r.Header.Get("Upgrade") != "" {
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" || browser.Classify(r) == browser.NavigationGet
}

func retryURL(page string, tries int) string {
	q := url.Values{"to": {browser.ReturnPath(page)}}
	if tries > 0 {
		q.Set("tries", strconv.Itoa(tries))
	}
	return retryPath + "?" + q.Encode()
}

// bounce makes the browser ask for retryBound. A redirect does not help: the browser counts it as part of the request that
// another site has caused.
func (s *starter) bounce(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	s.Pages.Write(w, r, http.StatusOK, pages.Continue{URL: retryURL(v.Return, 0), Framed: browser.Framed(r)})
}

// bindingMissing answers a request that is no page. A browser takes 401 for the end of a session that the app itself has
// bound, so a request about such a session gets an error that ends nothing.
func (s *starter) bindingMissing(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	status := http.StatusUnauthorized
	if r.Header.Get("Sec-Secure-Session-Id") != "" {
		status = http.StatusServiceUnavailable
	} else {
		w.Header().Set("WWW-Authenticate", `Latchkey realm="`+browser.Base+`"`)
	}
	access.WriteProblem(w, r, access.ProblemJSON{
		Title: "The device of the session is not proven", Status: status, Reason: "binding_missing",
		SignInURL: access.SignInURL(browser.Home), RequestID: v.RequestID,
	})
}

// retryBound sends a browser on to its page if it has the short cookie by now, else to a sign-in. During an outage of ours
// it lets the browser try again first, because then it cannot have refreshed.
func (s *signInEndpoint) retryBound(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	q, ok := browser.SingleValues(r.URL.RawQuery, "to", "tries")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	to := browser.ReturnPath(q["to"])
	tries, _ := strconv.Atoi(q["tries"])
	_, _, err := s.Authenticate(r, v)
	switch {
	case err == nil:
		browser.SeeOther(w, to)
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case access.Naked(err) && tries >= 0 && tries < maxRetries && s.Sessions.Health().State != session.StoreOK:
		s.Pages.Write(w, r, http.StatusServiceUnavailable, pages.Continue{URL: retryURL(to, tries+1), Wait: retryWait})
	case r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") != "document" && r.Header.Get("Sec-Fetch-Dest") != "":
		s.WriteFramed(w, r, http.StatusUnauthorized, pages.Framed{Why: pages.FrameSignIn, AppName: v.Site.App, URL: access.SignInURL(to)})
	default:
		s.choose(w, r, v, to, wish{}, beginning{})
	}
}

// nakedKind is the kind of the bound session in whose place a user signs in, because its short cookie was missing: the
// question was answered already. nil if the sign-in has another reason, or is another user's.
func (s *finisher) nakedKind(r *http.Request, v *access.Visit, draft *session.Record) *session.Kind {
	_, _, err := s.Session(r, v)
	if !access.Naked(err) {
		return nil
	}
	who := access.EndedBy(err)
	if who == nil || who.Identity != draft.Identity {
		return nil
	}
	return &who.Kind
}
