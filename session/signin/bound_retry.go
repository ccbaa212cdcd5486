package signin

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/pages"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/prompt"
	"github.com/latchkey-gateway/latchkey/session/signinlog"
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

func retryURL(to url.Values, tries int) string {
	q := maps.Clone(to)
	if tries > 0 {
		q.Set("tries", strconv.Itoa(tries))
	}
	return retryPath + "?" + q.Encode()
}

// bounce makes the browser ask for retryBound. A redirect does not help: the browser counts it as part of the request that
// another site has caused.
func (s *starter) bounce(w http.ResponseWriter, r *http.Request, v *access.Visit) {
	s.Pages.Write(w, r, http.StatusOK, pages.Again{URL: retryURL(url.Values{"to": {browser.ReturnPath(v.Return)}}, 0), InFrame: browser.Framed(r)})
}

// bounceFor is bounce at the sign-in host, for the sealed request of a site. Browsers see it as caused by that site.
func (s *starter) bounceFor(w http.ResponseWriter, r *http.Request, sealed string) {
	s.Pages.Write(w, r, http.StatusOK, pages.Again{URL: retryURL(url.Values{"for": {sealed}}, 0)})
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
	q, ok := browser.SingleValues(r.URL.RawQuery, "to", "for", "tries")
	if !ok {
		s.Problem(w, r, v, pages.Problem{Kind: pages.KindBadRequest})
		return
	}
	to, again := browser.ReturnPath(q["to"]), url.Values{"to": {browser.ReturnPath(q["to"])}}
	if q["for"] != "" {
		again = url.Values{"for": {q["for"]}}
	}
	tries, _ := strconv.Atoi(q["tries"])
	_, _, err := s.Session(r, v)
	if access.Naked(err) && tries >= 0 && tries < maxRetries && s.Sessions.Health().State != session.StoreOK {
		s.Pages.Write(w, r, http.StatusServiceUnavailable, pages.Continue{URL: retryURL(again, tries+1), Wait: retryWait})
		return
	}
	if q["for"] != "" {
		s.signInFor(w, r, v, q["for"], "", true)
		return
	}
	if err == nil {
		_, _, err = s.Authenticate(r, v)
	}
	switch {
	case err == nil:
		browser.SeeOther(w, to)
	case !access.NoSession(err):
		s.StoreDown(w, r, v, err)
	case r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") != "document" && r.Header.Get("Sec-Fetch-Dest") != "":
		s.WriteFramed(w, r, http.StatusUnauthorized, pages.Framed{Why: pages.FrameSignIn, AppName: v.Site.App, URL: access.SignInURL(to)})
	case !s.askQuietly(w, r, v, to, err):
		s.choose(w, r, v, to, wish{}, beginning{})
	}
}

// askQuietly asks the provider, without a page, whether the user of a bound session whose device is not proven uses this
// browser. It returns false if it has answered nothing.
func (s *signInEndpoint) askQuietly(w http.ResponseWriter, r *http.Request, v *access.Visit, to string, why error) bool {
	who := access.EndedBy(why)
	if !access.Unproven(why) || who == nil || s.HandsOver(v) || !s.Takes(v.Site, who) {
		return false
	}
	f := s.newFlow(v, s.ByName[who.Provider], to)
	f.askQuietly()
	s.begin(w, r, v, f, beginning{})
	return true
}

// provenAgain ends a flow that was to ask the provider only whether the user of a bound session uses this browser. If so
// that proves as much as a sign-in: the session goes on, the browser gets another short cookie, and may register another
// key if it has lost the one that it had here. It returns false if the flow is another one, or the session has ended or
// is another user's.
func (s *finisher) provenAgain(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, draft *session.Record, tokens session.Tokens, rec signinlog.Record, says prompt.Persistence) bool {
	if !f.Quiet {
		return false
	}
	live, token, err := s.HandleRecord(r, v)
	switch {
	case err != nil && !access.NoSession(err):
		s.StoreDown(w, r, v, err)
		return true
	case err != nil || live.Identity != draft.Identity || !live.Binding.Bound() || !s.Takes(v.Site, live):
		return false
	case s.TightenReason(v.Site, live.Kind, says) != "":
		return false
	}
	if p := s.ProviderOf(live); p != nil && p.Revokes() && tokens.Refresh != "" {
		s.Background(s.Revocation(p, live, tokens.Refresh))
	}
	_, _, err = s.Session(r, v)
	if access.Unproven(err) {
		s.GiveHandle(w, v, live, token)
		s.GiveBound(w, v, s.Binds.Place(v.Host), live.ID, live.Binding.KeyID(), s.Now().Add(s.Binds.Lifetime))
		s.binder.Offer(w, v, live, token, true)
	}
	rec.PromptReason = prompt.ReasonLiveSession
	s.logHandover(v, r, f.trail, access.EntryOf(live, rec))
	s.leave(w, r, v, f, token)
	return true
}

// askedInVain continues after the provider could not tell without a page who uses this browser. At the sign-in host a
// session whose device is proven is handed over all the same; any other user signs in, with pages.
func (s *finisher) askedInVain(w http.ResponseWriter, r *http.Request, v *access.Visit, f *flow, word string) {
	live, token, err := s.Record(r, v)
	if err != nil && !access.NoSession(err) {
		s.StoreDown(w, r, v, err)
		return
	}
	if err == nil && f.For != nil && s.Takes(v.Site, live) {
		s.handOver(w, r, v, f.For, token, passed{Until: s.provenUntil(v, live)})
		return
	}
	rec := signinlog.Record{Code: signinlog.SilentSignInFailed, Detail: word}
	if who := access.EndedBy(err); who != nil {
		rec = access.EntryOf(who, rec)
	}
	s.log(v, r, f, rec)
	again := s.again(f)
	again.Quiet = false
	if p := s.ByName[f.Provider]; p != nil {
		again.Consent = p.AsksForConsent()
	}
	s.begin(w, r, v, again, beginning{})
}

// nakedKind is the kind of the bound session in whose place a user signs in, because its short cookie was missing: the
// question was answered already. nil if the sign-in has another reason, or is another user's.
func (s *finisher) nakedKind(r *http.Request, v *access.Visit, draft *session.Record) *session.Kind {
	_, _, err := s.Session(r, v)
	if !access.Unproven(err) {
		return nil
	}
	who := access.EndedBy(err)
	if who == nil || who.Identity != draft.Identity {
		return nil
	}
	return &who.Kind
}
